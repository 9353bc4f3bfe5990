"""Announcements: what each verb changes, what readers see and when, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.actions.pages import announcements as actions
from app.db import session
from app.errors import Invalid, NeedsConfirmation, NotFound, Stale
from app.models.announcement import Announcement
from app.models.audit import AuditEntry
from app.models.page import Page
from app.publish.refresh import published_revision, refresh
from app.settings import Settings
from app.shapes import AnnouncementDraft
from app.worker.loop import drain
from tests.factories import LENA, make_page

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
DRAFT = AnnouncementDraft("New data centre", "From May on we serve from *Oslo* too.")


def page_of(settings: Settings) -> str:
    return (settings.public_root / "default" / "current" / "index.html").read_text()


def revision(page_id: int) -> int:
    session().rollback()
    return session().scalar(select(Page.revision).where(Page.id == page_id)) or 0


def row(public_id: str) -> Announcement:
    session().rollback()
    return session().scalars(select(Announcement).where(Announcement.public_id == public_id)).one()


def test_an_announcement_is_on_the_page_until_it_is_ended(settings: Settings, page_id: int) -> None:
    public_id = actions.create_announcement(settings, LENA, page_id, DRAFT)
    assert "From May on we serve from <em>Oslo</em> too." in page_of(settings)
    actions.end_announcement(settings, LENA, page_id, public_id)
    assert "New data centre" not in page_of(settings)
    ended, at = row(public_id).ends_at, revision(page_id)
    actions.end_announcement(settings, LENA, page_id, public_id)
    assert (row(public_id).ends_at, revision(page_id)) == (ended, at)
    lines = session().execute(select(AuditEntry.verb, AuditEntry.noun_id).order_by(AuditEntry.id))
    assert [tuple(line) for line in lines] == [("create", public_id), ("end", public_id)]


def test_it_begins_and_ends_by_itself_to_the_second(settings: Settings, page_id: int) -> None:
    other = make_page("Other", slug="other")
    with clock.frozen(NOON):
        starts, ends = NOON + 20 * SECOND, NOON + 50 * SECOND
        actions.create_announcement(settings, LENA, page_id, replace(DRAFT, starts_at=starts, ends_at=ends))
        refresh(settings, other)
    began = revision(page_id)
    for after, shown, raised in (
        (19, False, 0),
        (20, True, 1),
        (21, True, 1),
        (49, True, 1),
        (50, False, 2),
        (51, False, 2),
    ):
        with clock.frozen(NOON + after * SECOND):
            drain(settings)
        assert ("New data centre" in page_of(settings)) is shown, after
        assert revision(page_id) == began + raised, after
        assert published_revision(settings, "default") == began + raised, after
    assert revision(other) == 1


def test_one_that_came_while_nobody_looked_is_shown(settings: Settings, page_id: int) -> None:
    with clock.frozen(NOON):
        actions.create_announcement(settings, LENA, page_id, replace(DRAFT, starts_at=NOON + HOUR))
    with clock.frozen(NOON + 5 * HOUR):
        drain(settings)
        assert "New data centre" in page_of(settings)
        stood = revision(page_id)
        drain(settings)
        assert revision(page_id) == stood


def test_one_ended_before_it_began_is_never_shown(settings: Settings, page_id: int) -> None:
    with clock.frozen(NOON):
        public_id = actions.create_announcement(settings, LENA, page_id, replace(DRAFT, starts_at=NOON + HOUR))
        actions.end_announcement(settings, LENA, page_id, public_id)
    for after in (HOUR / 2, HOUR, 2 * HOUR):
        with clock.frozen(NOON + after):
            drain(settings)
        assert "New data centre" not in page_of(settings)


def test_an_edit_needs_the_version_that_stands(settings: Settings, page_id: int) -> None:
    public_id = actions.create_announcement(settings, LENA, page_id, DRAFT)
    actions.edit_announcement(settings, LENA, page_id, public_id, replace(DRAFT, title="Oslo"), 1)
    assert "Oslo</h2>" in page_of(settings)
    with pytest.raises(Stale) as caught:
        actions.edit_announcement(settings, LENA, page_id, public_id, replace(DRAFT, title="Bergen"), 1)
    assert caught.value.current.startswith("Oslo")
    assert caught.value.yours.startswith("Bergen")
    assert row(public_id).title == "Oslo"


def test_the_words_of_one_that_is_over_can_be_put_right(settings: Settings, page_id: int) -> None:
    with clock.frozen(NOON):
        draft = replace(DRAFT, starts_at=NOON, ends_at=NOON + HOUR)
        public_id = actions.create_announcement(settings, LENA, page_id, draft)
    with clock.frozen(NOON + 2 * HOUR):
        actions.edit_announcement(settings, LENA, page_id, public_id, replace(draft, title="Oslo"), 1)
        with pytest.raises(Invalid) as caught:
            actions.edit_announcement(settings, LENA, page_id, public_id, replace(draft, ends_at=NOON + 1.5 * HOUR), 2)
        assert list(caught.value.fields) == ["ends_at"]
        actions.edit_announcement(settings, LENA, page_id, public_id, replace(draft, ends_at=NOON + 3 * HOUR), 2)
    assert "New data centre" in page_of(settings)


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (replace(DRAFT, title="  "), "title"),
        (replace(DRAFT, body=""), "body"),
        (replace(DRAFT, body="x" * 10_001), "body"),
        (replace(DRAFT, starts_at=NOON + HOUR, ends_at=NOON + HOUR), "ends_at"),
        (replace(DRAFT, ends_at=NOON - HOUR), "ends_at"),
        (replace(DRAFT, starts_at=NOON - 2 * HOUR, ends_at=NOON - HOUR), "ends_at"),
        (replace(DRAFT, ends_at=datetime(9999, 12, 31, 23, 59, tzinfo=UTC)), "ends_at"),
        (replace(DRAFT, starts_at=datetime(9999, 12, 31, 23, 59, tzinfo=UTC)), "starts_at"),
        (replace(DRAFT, starts_at=datetime(1, 1, 1, tzinfo=UTC)), "starts_at"),
    ],
    ids=range(9),
)
def test_what_can_not_be_taken_is_refused_and_changes_nothing(
    settings: Settings, page_id: int, draft: AnnouncementDraft, field: str
) -> None:
    with clock.frozen(NOON), pytest.raises(Invalid) as caught:
        actions.create_announcement(settings, LENA, page_id, draft)
    assert list(caught.value.fields) == [field]
    assert revision(page_id) == 1
    assert session().scalars(select(Announcement)).all() == []


def test_what_looks_internal_is_asked_about(settings: Settings, page_id: int) -> None:
    draft = replace(DRAFT, body="Log in at 10.0.0.7 with password=hunter22.")
    with pytest.raises(NeedsConfirmation):
        actions.create_announcement(settings, LENA, page_id, draft)
    assert actions.create_announcement(settings, LENA, page_id, replace(draft, acknowledged=True))


def test_markup_is_sanitized(settings: Settings, page_id: int) -> None:
    body = "<script>alert(1)</script> [x](javascript:alert(1))"
    actions.create_announcement(settings, LENA, page_id, replace(DRAFT, body=body, acknowledged=True))
    assert "<script>alert" not in page_of(settings)
    assert 'href="javascript' not in page_of(settings)


def test_there_is_no_such_announcement(app: Flask, settings: Settings, page_id: int) -> None:
    with pytest.raises(NotFound):
        actions.end_announcement(settings, LENA, page_id, "bcdf12345678")
    with pytest.raises(NotFound):
        actions.edit_announcement(settings, LENA, page_id, "bcdf12345678", DRAFT, 1)
