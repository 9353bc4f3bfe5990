"""Planned work where readers look for it: to come, called off, and in the month in which it was."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from werkzeug.test import Client

from app import clock
from app.actions.posts.publishing import open_post
from app.publish.refresh import refresh
from app.settings import Settings
from app.vocabulary import PostKind, PostStatus
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.judge import judge
from tests.publish.test_calendar import NOON, calendar, plan, say
from tests.publish.test_past_days import DAY, HOUR, section, words

pytestmark = pytest.mark.database
IN_APRIL = NOON + 20 * DAY


def said_on(reader: Client, address: str, at: datetime) -> str:
    with clock.frozen(at):
        answer = reader.get(address)
    assert answer.status_code == 200
    return words(judge(answer.text, address))


def test_work_is_filed_in_the_month_in_which_it_was(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        post_id = plan(settings, page_id, start=IN_APRIL, title="New disks")
    assert "New disks" not in said_on(reader, "/history/2026-03", NOON)
    assert "/history/" not in reader.get(f"/incidents/{post_id}").text.partition("<main")[2].partition("</main")[0]
    for status, version in ((PostStatus.IN_PROGRESS, 1), (PostStatus.COMPLETED, 2)):
        with clock.frozen(IN_APRIL + (version - 1) * HOUR):
            say(settings, post_id, status, version)
        assert "New disks" in said_on(reader, "/history/2026-04", IN_APRIL)
        assert "New disks" in said_on(reader, "/history", IN_APRIL)
    assert "New disks" not in said_on(reader, "/history/2026-03", IN_APRIL)
    assert '/history/2026-04">' in reader.get(f"/incidents/{post_id}").text


def test_a_window_from_before_the_first_word_about_it_has_its_month(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    """Work may be told of when it is over."""
    with clock.frozen(NOON):
        start = NOON - 20 * DAY
        told = draft(
            "key-00000001", title="Old disks", kind=PostKind.MAINTENANCE, status=PostStatus.COMPLETED,
            scheduled_for=start, scheduled_until=start + HOUR,
        )  # fmt: skip
        open_post(settings, LENA, page_id, told)
    assert "Old disks" in said_on(reader, f"/history/{start:%Y-%m}", NOON)


def test_what_is_called_off_says_so_until_it_would_have_begun(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        post_id = plan(settings, page_id, start=NOON + 2 * DAY, title="New disks")
        say(settings, post_id, PostStatus.CANCELLED, 1)
        planned = words(section(judge(reader.get("/").text, "/"), "planned"))
    assert "New disks" in planned and "Cancelled" in planned and "Now cancelled." in planned
    summary = reader.get("/api/v2/summary.json").get_json()
    assert summary["scheduled_maintenances"] == []
    with clock.frozen(NOON + 2 * DAY + timedelta(minutes=1)):
        refresh(settings, page_id)
        assert 'id="planned"' not in reader.get("/").text


def test_a_calendar_learns_that_work_is_called_off_however_much_was_said_since(
    app: Flask, settings: Settings, page_id: int, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock.frozen(NOON - 60 * DAY):
        post_id = plan(settings, page_id, start=NOON + 5 * DAY)
        say(settings, post_id, PostStatus.CANCELLED, 1)
    with clock.frozen(NOON):
        with monkeypatch.context() as unwritten:
            unwritten.setattr("app.actions.frame.try_refresh", lambda *_: True)
            for number in range(26):
                open_post(settings, LENA, page_id, draft(f"key-000000{number:02}"))
        refresh(settings, page_id)
        assert [one["STATUS"] for one in calendar(reader)] == ["CANCELLED"]
