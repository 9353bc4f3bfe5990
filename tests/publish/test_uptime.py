"""Ninety days from changes alone, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.publish.uptime import DAYS, StatusChange, history, window_start
from app.vocabulary import ComponentStatus

UP, MAJOR, PARTIAL = ComponentStatus.OPERATIONAL, ComponentStatus.MAJOR_OUTAGE, ComponentStatus.PARTIAL_OUTAGE
BERLIN, NEW_YORK, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Etc/UTC")
UNTIL = datetime(2026, 4, 20, 12, tzinfo=UTC)
LONG_AGO = UNTIL - timedelta(days=400)


def outage(begin: datetime, end: datetime, status: ComponentStatus = MAJOR) -> list[StatusChange]:
    return [StatusChange(begin, UP, status), StatusChange(end, status, UP)]


def test_an_hour_of_outage_is_sixty_minutes_of_its_day() -> None:
    begin = datetime(2026, 4, 10, 8, tzinfo=UTC)
    found = history(outage(begin, begin + timedelta(hours=1)), UP, LONG_AGO, UNTIL, UTC_ZONE)
    days = {day.day: day for day in found.days}
    assert days[date(2026, 4, 10)].minutes == ((MAJOR, 60),)
    assert [day.day for day in found.days if day.worst is not UP] == [date(2026, 4, 10)]
    assert found.uptime is not None
    known = (UNTIL - window_start(UNTIL, UTC_ZONE)).total_seconds()
    assert abs(found.uptime - 100 * (1 - 3600 / known)) < 1e-9


def test_a_partial_outage_counts_by_half_and_maintenance_not_at_all() -> None:
    begin = datetime(2026, 4, 10, 8, tzinfo=UTC)
    end = begin + timedelta(hours=2)
    full = history(outage(begin, end), UP, LONG_AGO, UNTIL, UTC_ZONE).uptime or 0
    half = history(outage(begin, end, PARTIAL), UP, LONG_AGO, UNTIL, UTC_ZONE).uptime or 0
    none = history(outage(begin, end, ComponentStatus.UNDER_MAINTENANCE), UP, LONG_AGO, UNTIL, UTC_ZONE).uptime
    assert abs((100 - half) * 2 - (100 - full)) < 1e-9
    assert none == 100


def test_the_day_is_the_zones_day_when_clocks_change() -> None:
    # Berlin: March 29, 2026 has 23 hours.  Down from 23:30 UTC the day before: 00:30 local.
    begin = datetime(2026, 3, 28, 23, tzinfo=UTC)
    found = history(outage(begin, begin + timedelta(hours=23)), UP, LONG_AGO, UNTIL, BERLIN)
    days = {day.day: day for day in found.days}
    assert days[date(2026, 3, 29)].minutes == ((MAJOR, 23 * 60),)
    assert days[date(2026, 3, 30)].worst is UP


def test_before_it_began_nothing_is_known() -> None:
    began = UNTIL - timedelta(days=10)
    found = history([], UP, began, UNTIL, NEW_YORK)
    assert [day.worst for day in found.days].count(None) == DAYS - 11
    assert found.uptime == 100
    assert history([], UP, UNTIL + timedelta(days=1), UNTIL, NEW_YORK).uptime is None


@given(
    st.lists(st.integers(min_value=1, max_value=120 * 24 * 60), max_size=20, unique=True),
    st.sampled_from([BERLIN, NEW_YORK, UTC_ZONE, ZoneInfo("Australia/Lord_Howe")]),
    st.lists(st.sampled_from(ComponentStatus), min_size=21, max_size=21),
)
def test_minutes_never_exceed_the_time_there_was(
    minutes: list[int], zone: ZoneInfo, statuses: list[ComponentStatus]
) -> None:
    instants = sorted(UNTIL - timedelta(minutes=minute) for minute in minutes)
    changes = [StatusChange(at, statuses[i], statuses[i + 1]) for i, at in enumerate(instants)]
    changes = [change for change in changes if change.at >= window_start(UNTIL, zone)]
    current = changes[-1].to_status if changes else statuses[0]
    found = history(changes, current, LONG_AGO, UNTIL, zone)
    assert len(found.days) == DAYS
    for day in found.days:
        assert sum(minute for _, minute in day.minutes) <= 25 * 60 + len(ComponentStatus)
    seen = {day.worst for day in found.days}
    assert found.uptime is not None or seen == {ComponentStatus.UNKNOWN}
    assert found.uptime is None or 0 <= found.uptime <= 100
