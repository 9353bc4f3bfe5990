"""What is over: past days that fold when they were quiet, and a long history by months."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

import pytest
from flask import Flask
from werkzeug.test import Client

from app import clock
from app.actions.pages.pages import edit_page
from app.actions.posts.publishing import open_post, publish_update
from app.publish.refresh import refresh
from app.publish.store import published
from app.settings import Settings
from app.shapes import UpdateDraft
from app.vocabulary import PostStatus
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA
from tests.judge import judge

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the story is told from."""

    settings: Settings
    page_id: int
    reader: Client

    def incident(self, at: datetime, title: str, lasting: timedelta | None = HOUR) -> str:
        """One that began at `at`; without `lasting` it goes on."""
        with clock.frozen(at):
            made = open_post(self.settings, LENA, self.page_id, draft(f"key-{title}-{at:%j%y}", title=title))
        if lasting is not None:
            with clock.frozen(at + lasting):
                said = UpdateDraft(PostStatus.RESOLVED, f"{title} is over.", f"end-{title}-{at:%j%y}", 1)
                publish_update(self.settings, LENA, self.page_id, made.post_id, said)
        return made.post_id

    def page(self, address: str, at: datetime = NOON) -> Element:
        """A page, as it stands at `at`."""
        with clock.frozen(at):
            meta = published(self.settings.public_root / "default")
            if meta is None or meta.rendered != at:
                refresh(self.settings, self.page_id)
            answer = self.reader.get(address)
        assert answer.status_code == 200
        return judge(answer.text, address)


@pytest.fixture
def desk(app: Flask, settings: Settings, page_id: int, reader: Client) -> Desk:
    return Desk(settings, page_id, reader)


def words(element: Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def section(page: Element, label: str) -> Element:
    return next(one for one in page.iter("section") if one.get("aria-labelledby") == label)


def past(page: Element) -> list[tuple[str, list[str], bool]]:
    """Each stretch of days: its heading, the titles of what was, and whether it is folded."""
    return [
        (words(day.find("h3")), [words(one) for one in day.iter("h4")], "is-quiet" in (day.get("class") or ""))
        for day in section(page, "past").iter("div")
        if (day.get("class") or "").startswith("day")
    ]


def titles(page: Element) -> list[str]:
    """What a page of the history lists."""
    return [words(one.find("h3")) for one in section(page, "month").iter("article")]


def pager(page: Element) -> dict[str | None, str | None]:
    nav = next(one for one in page.iter("nav") if one.get("class") == "pager")
    return {one.get("rel"): one.get("href") for one in nav}


def test_quiet_days_fold_and_days_with_something_stand_alone(desk: Desk) -> None:
    desk.incident(NOON - 3 * DAY, "Third")
    desk.incident(NOON - 3 * DAY + HOUR, "Fourth")
    desk.incident(NOON - 8 * DAY, "Eighth")
    desk.incident(NOON - 9 * DAY, "Ninth")
    assert past(desk.page("/")) == [
        ("Mar 18 – 20, 2026", [], True),
        ("March 17, 2026", ["Fourth", "Third"], False),
        ("Mar 13 – 16, 2026", [], True),
        ("March 12, 2026", ["Eighth"], False),
        ("March 11, 2026", ["Ninth"], False),
        ("Mar 7 – 10, 2026", [], True),
    ]


def test_a_quiet_fortnight_is_one_line(desk: Desk) -> None:
    page = desk.page("/")
    assert past(page) == [("Mar 7 – 20, 2026", [], True)]
    assert words(section(page, "past")).count("Nothing to report") == 1


def test_what_is_older_than_a_fortnight_is_in_the_history(desk: Desk) -> None:
    desk.incident(NOON - 13 * DAY, "Last")
    desk.incident(NOON - 14 * DAY, "Gone")
    page = desk.page("/")
    assert [found for _, found, _ in past(page)] == [[], ["Last"]]
    assert titles(desk.page("/history")) == ["Last", "Gone"]
    assert "/history" in {one.get("href") for one in section(page, "past").iter("a")}


def test_what_is_over_says_how_it_ended_and_how_long_it_was(desk: Desk) -> None:
    desk.incident(NOON - DAY, "Short", lasting=timedelta(minutes=95))
    told = words(next(section(desk.page("/"), "past").iter("article")))
    assert told == "Short Resolved Mar 19, 12:00 UTC, 1 h 35 min Short is over."


def test_what_goes_on_is_not_told_twice(desk: Desk) -> None:
    post_id = desk.incident(NOON - 2 * DAY, "Long", lasting=None)
    page = desk.page("/")
    assert [found for _, found, _ in past(page)] == [[], [], []]
    assert words(section(page, "past")).count("Long started and is ongoing") == 1
    assert words(page).count("We are looking into it.") == 1
    assert f"/incidents/{post_id}" in {one.get("href") for one in section(page, "past").iter("a")}


def test_a_day_is_a_day_of_the_pages_zone(desk: Desk) -> None:
    desk.incident(datetime(2026, 3, 10, 23, 30, tzinfo=UTC), "Late")
    for zone, day in (("Europe/Berlin", 11), ("Etc/UTC", 10), ("America/New_York", 10), ("Pacific/Kiritimati", 11)):
        edit_page(desk.settings, ALICE, desk.page_id, time_zone=zone)
        assert [heading for heading, found, _ in past(desk.page("/")) if found] == [f"March {day}, 2026"]


def test_a_long_history_is_read_month_by_month(desk: Desk) -> None:
    months = [datetime(2024 + number // 12, number % 12 + 1, 15, 12, tzinfo=UTC) for number in range(27)]
    for number, at in enumerate(months):
        if number != 20:
            desk.incident(at, f"Number {number}")
    newest = desk.page("/history")
    assert titles(newest) == ["Number 26"]
    listed = [one.get("href") for one in newest.iter("a") if "/history/" in (one.get("href") or "")]
    assert pager(newest) == {"prev": "/history/2026-02"}
    keys = [f"{at:%Y-%m}" for at in reversed(months)]
    assert listed[-27:] == [f"/history/{key}" for key in keys]
    address: str | None = f"/history/{keys[0]}"
    walked, seen = [], []
    while address:
        page = judge(desk.reader.get(address).text, address)
        walked.append(address.rpartition("/")[2])
        seen += titles(page)
        assert pager(page).get("next") == (f"/history/{walked[-2]}" if len(walked) > 1 else None)
        assert words(section(page, "month").find("h2")) == f"{datetime.fromisoformat(f'{walked[-1]}-01'):%B %Y}"
        address = pager(page).get("prev")
    assert walked == keys
    assert seen == [f"Number {number}" for number in reversed(range(27)) if number != 20]
    assert "Nothing to report this month." in words(judge(desk.reader.get("/history/2025-09").text))
    assert desk.reader.get("/history/2023-12").status_code == 404
    assert desk.reader.get("/history/2026-04").status_code == 404


def test_the_list_of_months_folds_when_it_is_long(desk: Desk) -> None:
    desk.incident(NOON - 40 * DAY, "Young")
    months = next(one for one in desk.page("/history").iter("details") if one.get("id") == "months")
    assert months.get("open") is not None and len(list(months.iter("li"))) == 2
    desk.incident(NOON - 800 * DAY, "Old")
    months = next(one for one in desk.page("/history").iter("details") if one.get("id") == "months")
    assert months.get("open") is None and len(list(months.iter("li"))) == 27


@pytest.mark.parametrize(
    ("zone", "last", "first"),
    [
        ("Europe/Berlin", "2026-03-31T21:59:59", "2026-03-31T22:00:00"),
        ("America/New_York", "2026-04-01T03:59:59", "2026-04-01T04:00:00"),
        ("Australia/Lord_Howe", "2026-03-31T12:59:59", "2026-03-31T13:00:00"),
        ("Etc/UTC", "2026-03-31T23:59:59", "2026-04-01T00:00:00"),
    ],
)
def test_a_month_begins_at_midnight_of_the_zone(desk: Desk, zone: str, last: str, first: str) -> None:
    edit_page(desk.settings, ALICE, desk.page_id, time_zone=zone)
    desk.incident(datetime.fromisoformat(last).replace(tzinfo=UTC), "March")
    post_id = desk.incident(datetime.fromisoformat(first).replace(tzinfo=UTC), "April")
    at = datetime(2026, 4, 10, 12, tzinfo=UTC)
    assert titles(desk.page("/history", at)) == ["April"]
    assert titles(desk.page("/history/2026-03", at)) == ["March"]
    assert [heading for heading, found, _ in past(desk.page("/", at)) if found] == ["April 1, 2026", "March 31, 2026"]
    assert "/history/2026-04" in {one.get("href") for one in desk.page(f"/incidents/{post_id}", at).iter("a")}
