"""The bars of ninety days: against a count minute by minute, as drawing and as table, and with their rule beneath."""

import re
import struct
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import Client

from app import clock
from app.actions.components.components import set_component_status
from app.actions.pages.pages import edit_page
from app.publish.refresh import refresh
from app.publish.uptime import StatusChange, history
from app.settings import Settings
from app.vocabulary import ComponentStatus
from tests.factories import ALICE, LENA, make_component
from tests.judge import judge

SVG = "{http://www.w3.org/2000/svg}"
NOON = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
S = ComponentStatus
UP, MAJOR, PARTIAL, SLOW, WORK = (
    S.OPERATIONAL, S.MAJOR_OUTAGE, S.PARTIAL_OUTAGE, S.DEGRADED_PERFORMANCE, S.UNDER_MAINTENANCE,
)  # fmt: skip
RULE = {S.MAJOR_OUTAGE: 1.0, S.PARTIAL_OUTAGE: 0.5, S.DEGRADED_PERFORMANCE: 0.0, S.UNDER_MAINTENANCE: 0.0}
BAD_FIRST = (S.MAJOR_OUTAGE, S.PARTIAL_OUTAGE, S.DEGRADED_PERFORMANCE, S.UNKNOWN, S.UNDER_MAINTENANCE)
ZONES = ("Etc/UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo")
AFTER_CHANGES = {"spring": datetime(2026, 5, 10, 3, 17, tzinfo=UTC), "autumn": datetime(2026, 11, 20, 21, tzinfo=UTC)}


@lru_cache(maxsize=16)
def days_of_minutes(zone: str, until: datetime) -> tuple[date, ...]:
    """The zone's date of each of the last 130,000 minutes, newest first: what no rule about days can get wrong."""
    there = ZoneInfo(zone)
    return tuple((until - number * MINUTE).astimezone(there).date() for number in range(1, 130_000))


def counted(
    changes: list[StatusChange], zone: str, until: datetime
) -> tuple[dict[date, Counter[ComponentStatus]], float]:
    """The minutes of each day in each state, and the share that was up, counted one by one."""
    today = until.astimezone(ZoneInfo(zone)).date()
    days: dict[date, Counter[ComponentStatus]] = {today - timedelta(days=back): Counter() for back in range(90)}
    status, left = changes[-1].to_status, list(changes)
    for number, day in enumerate(days_of_minutes(zone, until), 1):
        while left and left[-1].at > until - number * MINUTE:
            status = left.pop().from_status
        if day not in days:
            break
        days[day][status] += 1
    every = sum(days.values(), Counter())
    known = every.total() - every[S.UNKNOWN]
    return days, 100 * (known - sum(RULE.get(one, 0.0) * count for one, count in every.items())) / max(1, known)


QUICKLY = [Phase.explicit, Phase.generate]  # counting is slow: what fails is not made small first


@hypothesis_settings(max_examples=40, phases=QUICKLY, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(ZONES),
    st.sampled_from(sorted(AFTER_CHANGES)),
    st.lists(st.integers(1, 89 * 24 * 60), min_size=1, max_size=25, unique=True),
    st.lists(st.sampled_from(S), min_size=26, max_size=26),
)
def test_the_bar_is_what_counting_minute_by_minute_gives(
    zone: str, season: str, back: list[int], statuses: list[ComponentStatus]
) -> None:
    until = AFTER_CHANGES[season]
    instants = sorted(until - minute * MINUTE for minute in back)
    changes = [StatusChange(at, statuses[place], statuses[place + 1]) for place, at in enumerate(instants)]
    found = history(changes, changes[-1].to_status, until - 400 * DAY, until, ZoneInfo(zone))
    days, share = counted(changes, zone, until)
    assert [day.day for day in found.days] == sorted(days)
    for day in found.days:
        assert dict(day.minutes) == {one: count for one, count in days[day.day].items() if one is not UP}
        assert day.worst is next((one for one in BAD_FIRST if days[day.day][one]), UP)
    assert found.uptime is None or abs(found.uptime - share) < 1e-6


def zone_of(rule: str) -> ZoneInfo:
    """A zone whose clocks change by this rule, as POSIX writes it, for ever: no country's law can change it."""
    types = struct.pack(">lBB", 0, 0, 0) + b"UTC\0"
    block = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + types
    return ZoneInfo.from_file(BytesIO(block + block + b"\n" + rule.encode() + b"\n"), key="Made/Up")


@pytest.mark.parametrize(
    ("rule", "day", "minutes"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0/3", date(2026, 3, 29), 23 * 60),
        ("CET-1CEST,M3.5.0,M10.5.0/3", date(2026, 10, 25), 25 * 60),
        ("EST5EDT,M3.2.0,M11.1.0", date(2026, 3, 8), 23 * 60),
        ("EST5EDT,M3.2.0,M11.1.0", date(2026, 11, 1), 25 * 60),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", date(2026, 4, 5), 24 * 60 + 30),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", date(2026, 10, 4), 23 * 60 + 30),
        ("CST5CDT,M3.2.0/0,M11.1.0/1", date(2026, 11, 1), 25 * 60),  # midnight comes twice
        ("EET-2EEST,M4.5.5/0,M10.5.4/24", date(2026, 4, 24), 23 * 60),  # midnight never comes
    ],
)
def test_a_day_is_as_long_as_it_is(rule: str, day: date, minutes: int) -> None:
    until = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + 5 * DAY
    changes = [StatusChange(until - 60 * DAY, UP, MAJOR)]
    found = history(changes, MAJOR, until - 400 * DAY, until, zone_of(rule))
    told = {one.day: one.minutes for one in found.days}
    assert told[day] == ((MAJOR, minutes),)
    assert told[day - DAY] == told[day + DAY] == ((MAJOR, 24 * 60),)


def told(app: Flask, settings: Settings, page_id: int, moves: list[tuple[datetime, ComponentStatus]]) -> None:
    """A component that is 200 days old and went through `moves`, published at noon."""
    with clock.frozen(NOON - 200 * DAY):
        component = make_component(page_id, "Shop")
    for at, status in moves:
        with clock.frozen(at):
            set_component_status(settings, LENA, page_id, component, status)
    with clock.frozen(NOON):
        refresh(settings, page_id)


def words(element: Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def bar_of(page: Element) -> Element:
    return next(one for one in page.iter("details") if one.get("class") == "history")


def drawn(bar: Element) -> list[str]:
    """Each day's state as the drawing shows it, unrolled."""
    svg = bar.find(f"summary/{SVG}svg")
    assert svg is not None and svg.get("aria-hidden") == "true" and svg.get("viewBox") == "0 0 90 1"
    days: dict[int, str] = {}
    for path in svg.iter(f"{SVG}path"):
        for start, length in re.findall(r"M(\d+) [\d.]+h(\d+)V1H\1z", path.get("d") or ""):
            for place in range(int(start), int(start) + int(length)):
                assert place not in days
                days[place] = (path.get("class") or "").removeprefix("day-")
    assert sorted(days) == list(range(90))
    return [days[place] for place in range(90)]


def rows(bar: Element) -> dict[str, tuple[int, str]]:
    """The table for who can not see the drawing: each day's place and what is said of it."""
    found = {}
    for row in bar.iter("tr"):
        head, cell = row.find("th"), row.find("td")
        if cell is not None:
            assert head is not None and head.get("scope") == "row"
            found[words(head)] = (int(row.get("data-day") or -1), words(cell))
    return found


MOVES = [
    (NOON - 40 * DAY, PARTIAL), (NOON - 40 * DAY + 90 * MINUTE, UP),
    (NOON - 10 * DAY, SLOW), (NOON - 10 * DAY + 10 * MINUTE, MAJOR), (NOON - 10 * DAY + 40 * MINUTE, UP),
    (NOON - 3 * DAY + 11 * HOUR, WORK), (NOON - 3 * DAY + 15 * HOUR, UP),
    (NOON - 30 * MINUTE, SLOW),
]  # fmt: skip


@pytest.mark.database
def test_drawing_and_table_say_the_same(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    told(app, settings, page_id, MOVES)
    bar = bar_of(judge(reader.get("/").text))
    assert rows(bar) == {
        "Apr 20": (89, "Degraded performance 30 min"),
        "Apr 18": (87, "Under maintenance 3 h"),
        "Apr 17": (86, "Under maintenance 1 h"),
        "Apr 10": (79, "Major outage 30 min, Degraded performance 10 min"),
        "Mar 11": (49, "Partial outage 1 h 30 min"),
    }
    states = drawn(bar)
    assert {place: state for place, state in enumerate(states) if state != "operational"} == {
        49: "partial_outage", 79: "major_outage", 86: "under_maintenance", 87: "under_maintenance",
        89: "degraded_performance",
    }  # fmt: skip
    assert words(bar.find("table/caption")) == "Shop"
    assert [one.get("scope") for one in bar.findall("table/thead/tr/th")] == ["col", "col"]
    assert (bar.get("data-last"), bar.get("data-known")) == ("2026-04-20", "0")


@pytest.mark.database
def test_the_share_is_the_rules_and_never_rounded_up(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    told(app, settings, page_id, MOVES)
    down = 0.5 * 90 + 30
    known = 89 * 24 * 60 + 12 * 60
    share = int(10_000 * (known - down) / known) / 100
    assert f"{share:.2f} % up" in "".join(bar_of(judge(reader.get("/").text)).itertext())
    assert share == 99.94


@pytest.mark.database
def test_a_single_second_down_is_not_a_hundred_percent(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    told(app, settings, page_id, [(NOON - DAY, MAJOR), (NOON - DAY + timedelta(seconds=1), UP)])
    bar = bar_of(judge(reader.get("/").text))
    assert "99.99 % up" in "".join(bar.itertext())
    assert rows(bar) == {"Apr 19": (88, "Major outage 1 min")}


@pytest.mark.database
def test_before_it_began_nothing_is_claimed(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    with clock.frozen(NOON - 10 * DAY):
        make_component(page_id, "Shop")
    with clock.frozen(NOON):
        refresh(settings, page_id)
    bar = bar_of(judge(reader.get("/").text))
    assert drawn(bar) == ["none"] * 79 + ["operational"] * 11
    assert bar.get("data-known") == "79" and "100.00 % up" in "".join(bar.itertext())
    assert "No problems in the last 90 days." in "".join(bar.itertext())


@pytest.mark.database
def test_the_rule_is_written_out_beneath_as_data_with_its_version(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    refresh(settings, page_id)
    rules = next(one for one in judge(reader.get("/").text).iter("details") if one.get("id") == "rules")
    written = {words(row.find("th")): row.find("td/data") for row in rules.iter("tr")}
    found = {
        label: (float(data.get("value") or "x"), words(data)) for label, data in written.items() if data is not None
    }
    assert found == {one.label: (weight, f"{weight:g}") for one, weight in RULE.items()}
    assert "(rule 2026-1)" in "".join(rules.itertext())
    assert "A day starts at midnight in UTC." in "".join(rules.itertext())


@pytest.mark.database
@pytest.mark.parametrize(
    ("zone", "until", "said"),
    [
        ("Europe/Berlin", "2026-04-02", {"Mar 28": "1 day", "Mar 29": "23 h", "Mar 30": "1 day"}),
        ("Europe/Berlin", "2026-10-28", {"Oct 24": "1 day", "Oct 25": "1 day 1 h", "Oct 26": "1 day"}),
        ("America/New_York", "2026-03-12", {"Mar 7": "1 day", "Mar 8": "23 h", "Mar 9": "1 day"}),
        ("Australia/Lord_Howe", "2026-10-09", {"Oct 3": "1 day", "Oct 4": "23 h 30 min", "Oct 5": "1 day"}),
    ],
)
def test_the_table_tells_days_that_are_shorter_or_longer(
    app: Flask, settings: Settings, page_id: int, reader: Client, zone: str, until: str, said: dict[str, str]
) -> None:
    at = datetime.fromisoformat(until).replace(hour=12, tzinfo=UTC)
    edit_page(settings, ALICE, page_id, time_zone=zone)
    with clock.frozen(at - 200 * DAY):
        component = make_component(page_id, "Shop")
    with clock.frozen(at - 20 * DAY):
        set_component_status(settings, LENA, page_id, component, MAJOR)
    with clock.frozen(at):
        refresh(settings, page_id)
        found = rows(bar_of(judge(reader.get("/").text)))
    assert {day: found[day][1] for day in said} == {day: f"Major outage {span}" for day, span in said.items()}
    assert len(found) == 21
