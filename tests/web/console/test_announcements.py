"""Announcements through the console's forms."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.actions.pages import announcements, pages
from app.db import session
from app.models.announcement import Announcement
from app.settings import Settings
from app.shapes import AnnouncementDraft
from tests.factories import ALICE, LENA, make_page
from tests.web.console.person import Person, form_of, text_of

pytestmark = pytest.mark.database
LIST, NEW = "/console/default/announcements", "/console/default/announcements/new"
NOON = datetime(2026, 7, 1, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORDS = {"title": "New data centre", "body": "From May on we serve from *Oslo* too."}


def row() -> Announcement:
    session().rollback()
    return session().scalars(select(Announcement)).one()


def part(page: str, heading: str) -> str:
    """What stands under a heading."""
    found = re.search(rf"<h2[^>]*>{heading}</h2>(.*?)</section>", page, re.DOTALL)
    return text_of(found[1]) if found else ""


def shown(settings: Settings) -> str:
    return text_of((settings.public_root / "default" / "current" / "index.html").read_text())


def test_announce_change_and_end(lena: Person, settings: Settings, page_id: int) -> None:
    made = lena.fill(NEW, LIST, WORDS)
    assert made.status_code == 303
    path = f"{LIST}/{row().public_id}"
    page = lena.open(LIST)
    assert "Announced." in text_of(page)
    assert "New data centre Since" in part(page, "Now showing")
    assert "From May on we serve from Oslo too." in shown(settings)
    assert lena.fill(path, path, {"title": "Oslo joins"}).status_code == 303
    assert "Oslo joins" in shown(settings)
    assert lena.fill(LIST, "/end", {}).status_code == 303
    assert "Oslo joins" not in shown(settings)
    page = lena.open(LIST)
    assert "Nothing is announced." in page
    assert "Oslo joins" in part(page, "Past")
    assert "/end" not in lena.open(path)


def test_times_are_read_in_the_pages_zone_and_keep_their_seconds(
    lena: Person, settings: Settings, page_id: int
) -> None:
    pages.edit_page(settings, ALICE, page_id, time_zone="Europe/Berlin")
    with clock.frozen(NOON):
        lena.fill(NEW, LIST, {**WORDS, "ends_at": "2026-07-01T18:00"})
        assert (row().starts_at, row().ends_at) == (NOON, datetime(2026, 7, 1, 16, 0, tzinfo=UTC))
        path = f"{LIST}/{row().public_id}"
        assert form_of(lena.open(path), path).fields["starts_at"] == "2026-07-01T14:00"
        lena.fill(path, path, {"title": "Oslo"})
        assert (row().title, row().starts_at) == ("Oslo", NOON)
        lena.fill(path, path, {"starts_at": "2026-07-01T15:00", "ends_at": ""})
        assert (row().starts_at, row().ends_at) == (datetime(2026, 7, 1, 13, 0, tzinfo=UTC), None)


def test_what_is_to_come_can_be_called_off(lena: Person, settings: Settings, page_id: int) -> None:
    with clock.frozen(NOON):
        lena.fill(NEW, LIST, {**WORDS, "starts_at": "2026-07-02T12:00"})
        assert "From 2 Jul 2026, 12:00 UTC until you end it" in part(lena.open(LIST), "To come")
        assert lena.fill(f"{LIST}/{row().public_id}", "/end", {}).status_code == 303
        page = lena.open(LIST)
        assert "To come" not in page
        assert "Called off at 12:00 UTC" in part(page, "Past")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"title": " "}, "title"),
        ({"body": ""}, "body"),
        ({"body": "x" * 10_001}, "body"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"starts_at": "9999-12-31T23:59"}, "starts_at"),
        ({"starts_at": "2026-07-02T12:00", "ends_at": "2026-07-02T11:00"}, "ends_at"),
        ({"ends_at": "2026-06-30T12:00"}, "ends_at"),
    ],
    ids=range(7),
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(
    lena: Person, page_id: int, typed: dict[str, str], field: str
) -> None:
    with clock.frozen(NOON):
        refused = lena.fill(NEW, LIST, {**WORDS, "ends_at": "2026-07-09T12:00", **typed})
    assert refused.status_code == 422
    assert re.findall(r'class="field-error" id="e-(\w+)"', refused.text) == [field]
    fields = form_of(refused.text, LIST).fields
    assert {name: fields[name] for name in ("title", "body")} == {
        name: {**WORDS, **typed}[name].strip() for name in ("title", "body")
    }
    session().rollback()
    assert session().scalars(select(Announcement)).all() == []


def test_all_that_is_wrong_is_said_at_once(lena: Person, page_id: int) -> None:
    refused = lena.fill(NEW, LIST, {"title": "", "body": "", "ends_at": "soon"})
    assert re.findall(r'class="field-error" id="e-(\w+)"', refused.text) == ["title", "body", "ends_at"]


def test_what_looks_internal_is_asked_about_once(lena: Person, page_id: int) -> None:
    leaking = {**WORDS, "body": "Log in at 10.0.0.7 with password=hunter22."}
    asked = lena.fill(NEW, LIST, leaking)
    assert asked.status_code == 422
    assert lena.send(form_of(asked.text, LIST), {"acknowledged": "yes"}).status_code == 303
    assert row().body == leaking["body"]


def test_two_who_edit_see_both_texts(lena: Person, alice: Person, page_id: int) -> None:
    lena.fill(NEW, LIST, WORDS)
    path = f"{LIST}/{row().public_id}"
    opened = form_of(lena.open(path), path)
    alice.fill(path, path, {"title": "Oslo joins"})
    refused = lena.send(opened, {"title": "Bergen joins"})
    assert refused.status_code == 409
    assert "Oslo joins" in text_of(refused.text)
    assert row().title == "Oslo joins"
    assert lena.send(form_of(refused.text, path), {}).status_code == 303
    assert row().title == "Bergen joins"
    assert lena.send(opened, {"version": "many"}).status_code == 422


def test_the_past_comes_page_by_page(lena: Person, settings: Settings, page_id: int) -> None:
    for number in range(27):
        with clock.frozen(NOON + number * HOUR):
            made = announcements.create_announcement(
                settings, LENA, page_id, AnnouncementDraft(f"Number {number}.", "Words.")
            )
            announcements.end_announcement(settings, LENA, page_id, made)
    first, second = lena.open(LIST), lena.open(f"{LIST}?page=2")
    assert "Number 26." in first
    assert "Number 1." not in first
    assert "Number 1." in second
    assert "Number 26." not in second


def test_another_pages_announcement_is_not_this_ones(lena: Person, settings: Settings, page_id: int) -> None:
    made = announcements.create_announcement(
        settings, LENA, make_page("Other", slug="other"), AnnouncementDraft("Elsewhere", "Words.")
    )
    assert "Elsewhere" not in lena.open(LIST)
    assert lena.client.get(f"{LIST}/{made}").status_code == 404


def test_a_responder_may_not_announce(ravi: Person, page_id: int) -> None:
    assert "Announcements" not in ravi.open("/console/default")
    assert ravi.client.get(LIST).status_code == 403
