"""Every time that a page says: right in the page's zone, an instant beneath, and sound on the nights clocks change."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from werkzeug.test import Client

from app import clock
from app.actions.pages.pages import edit_page
from app.actions.posts.correcting import correct_update
from app.actions.posts.publishing import open_post, publish_update
from app.publish.refresh import refresh
from app.settings import Settings
from app.shapes import UpdateDraft
from app.vocabulary import Language, PostKind, PostStatus
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA
from tests.judge import judge

pytestmark = pytest.mark.database
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Night:
    """A night on which clocks change: from `begin` to `end` (UTC), and how both read there."""

    zone: str
    begin: str
    end: str
    began: str
    ended: str
    lasted: str


NIGHTS = [
    Night("Europe/Berlin", "2026-03-29T00:30", "2026-03-29T01:30", "01:30 CET", "03:30 CEST", "1 h"),
    Night("Europe/Berlin", "2026-10-25T00:30", "2026-10-25T01:30", "02:30 CEST", "02:30 CET", "1 h"),
    Night("Europe/Berlin", "2026-10-24T22:00", "2026-10-25T22:59", "00:00 CEST", "23:59 CET", "1 day"),
    Night("America/New_York", "2026-03-08T06:45", "2026-03-08T07:15", "01:45 EST", "03:15 EDT", "30 min"),
    Night("America/New_York", "2026-11-01T05:30", "2026-11-01T06:30", "01:30 EDT", "01:30 EST", "1 h"),
    Night("Australia/Lord_Howe", "2026-04-04T14:45", "2026-04-04T15:15", "01:45 UTC+11", "01:45 UTC+10:30", "30 min"),
    Night("Australia/Lord_Howe", "2026-10-03T15:15", "2026-10-03T15:45", "01:45 UTC+10:30", "02:45 UTC+11", "30 min"),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def words(element: Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def times(page: Element) -> list[tuple[datetime, str]]:
    """Every time on a page: its instant, which is said in UTC, and its words."""
    found = [(one.get("datetime") or "", words(one)) for one in page.iter("time")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", instant) for instant, _ in found)
    return [(datetime.fromisoformat(instant), said) for instant, said in found]


def zone_words(at: datetime, zone: str) -> str:
    """ "14:30 CET" as only the time zone database says it."""
    local = at.astimezone(ZoneInfo(zone))
    name = local.tzname() or ""
    if name[0] not in "+-":
        return f"{local:%H:%M} {name}"
    minutes = int((local.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{local:%H:%M} UTC{'-' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"


def short_story(settings: Settings, page_id: int, begin: datetime, end: datetime) -> str:
    """An incident from `begin` to `end` that was corrected and promised something."""
    with clock.frozen(begin):
        made = open_post(settings, LENA, page_id, draft(f"night-{begin:%m%d%H}", next_update_by=begin + 45 * MINUTE))
        correct_update(settings, LENA, page_id, made.update_id, "We are looking into it, all of us.", 1)
    with clock.frozen(end):
        said = UpdateDraft(PostStatus.RESOLVED, "Over.", f"night-end-{begin:%m%d%H}", 1)
        publish_update(settings, LENA, page_id, made.post_id, said)
    return made.post_id


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: f"{night.zone}-{night.begin}")
def test_a_night_on_which_clocks_change(
    app: Flask, settings: Settings, page_id: int, reader: Client, night: Night
) -> None:
    edit_page(settings, ALICE, page_id, time_zone=night.zone)
    begin, end = utc(night.begin), utc(night.end)
    post_id = short_story(settings, page_id, begin, end)
    page = judge(reader.get(f"/incidents/{post_id}").text)
    facts = {words(one.find("dt")): words(one.find("dd")) for one in page.iter("div") if one.find("dt") is not None}
    assert facts["Began"].endswith(night.began) and facts["Lasted"] == night.lasted
    said = dict(times(page))
    assert said[begin].endswith(night.began) and said[end].endswith(night.ended)
    local = begin.astimezone(ZoneInfo(night.zone))
    days = [one for one in judge(reader.get("/").text).iter("div") if (one.get("class") or "") == "day"]
    assert [words(day.find("h3")) for day in days] == [f"{local:%B} {local.day}, {local.year}"]


def test_a_promise_over_the_change_of_clocks(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    edit_page(settings, ALICE, page_id, time_zone="Europe/Berlin")
    with clock.frozen(utc("2026-03-29T00:40")):
        made = open_post(settings, LENA, page_id, draft(next_update_by=utc("2026-03-29T01:10")))
    page = judge(reader.get(f"/incidents/{made.post_id}").text)
    assert (utc("2026-03-29T01:10"), "Mar 29, 2026, 03:10 CEST") in times(page)
    assert (utc("2026-03-29T01:10"), "03:10 CEST") in times(judge(reader.get("/").text))


@pytest.mark.parametrize(
    "zone",
    ["Etc/UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"],
)
def test_every_time_in_every_language_is_its_instant_in_the_zone(
    app: Flask, settings: Settings, page_id: int, reader: Client, zone: str
) -> None:
    edit_page(settings, ALICE, page_id, time_zone=zone)
    over = short_story(settings, page_id, utc("2026-03-28T23:10"), utc("2026-03-29T03:40"))
    at = utc("2026-04-05T01:05")
    planned = draft(
        "night-plan", kind=PostKind.MAINTENANCE, status=PostStatus.SCHEDULED,
        scheduled_for=at + 190 * DAY, scheduled_until=at + 190 * DAY + 2 * HOUR,
    )  # fmt: skip
    with clock.frozen(at):
        work = open_post(settings, LENA, page_id, planned).post_id
        going_on = open_post(settings, LENA, page_id, draft("night-open")).post_id
    for address in ("/", "/history", "/history/2026-03", *(f"/incidents/{one}" for one in (over, work, going_on))):
        instants = None
        for language in Language:
            prefix = "" if language is Language.ENGLISH else f"/{language.value}"
            found = times(judge(reader.get(f"{prefix}{address}").text))
            assert found and instants in {None, tuple(instant for instant, _ in found)}, address
            instants = tuple(instant for instant, _ in found)
            for instant, said in found:
                assert said.endswith(zone_words(instant, zone)), (address, language, instant, said)


def test_no_time_is_said_without_its_instant(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    post_id = short_story(settings, page_id, utc("2026-03-28T23:10"), utc("2026-03-29T03:40"))
    with clock.frozen(utc("2026-03-29T05:00")):
        open_post(settings, LENA, page_id, draft("night-open", next_update_by=utc("2026-03-29T06:00")))
    for address in ("/", "/history", f"/incidents/{post_id}"):
        page = judge(reader.get(address).text)
        parents = {child: parent for parent in page.iter() for child in parent}
        for one in page.iter():
            for text, holder in ((one.text, one), (one.tail, parents.get(one))):
                if re.search(r"\b\d\d:\d\d\b", text or "") and isinstance(one.tag, str):
                    assert holder is not None and holder.tag == "time", (address, text)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2026-12-31T23:50", "23:30 UTC"),
        ("2027-01-01T00:10", "Dec 31, 2026, 23:30 UTC"),
    ],
)
def test_the_year_is_said_where_it_differs(
    app: Flask, settings: Settings, page_id: int, reader: Client, now: str, said: str
) -> None:
    begin = utc("2026-12-31T23:30")
    with clock.frozen(begin):
        open_post(settings, LENA, page_id, draft())
    with clock.frozen(utc(now)):
        refresh(settings, page_id)
    assert {words for instant, words in times(judge(reader.get("/").text)) if instant == begin} == {said}


def test_another_day_of_the_same_year_is_said_with_its_day(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    edit_page(settings, ALICE, page_id, time_zone="Asia/Tokyo")
    begin = utc("2026-06-10T14:50")  # 23:50 in Tokyo
    with clock.frozen(begin):
        open_post(settings, LENA, page_id, draft())
    with clock.frozen(begin + 20 * MINUTE):
        refresh(settings, page_id)
    assert {words for instant, words in times(judge(reader.get("/").text)) if instant == begin} == {
        "Jun 10, 23:50 JST"
    }  # fmt: skip
