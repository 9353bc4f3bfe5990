"""Ninety days of a component's uptime, from its status changes: the worst state and the minutes of each day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from math import floor
from zoneinfo import ZoneInfo

from app.vocabulary import ComponentStatus

DAYS = 90
RULE_VERSION = "2026-1"
WEIGHTS: dict[ComponentStatus, float] = {
    ComponentStatus.MAJOR_OUTAGE: 1.0,
    ComponentStatus.PARTIAL_OUTAGE: 0.5,
    ComponentStatus.DEGRADED_PERFORMANCE: 0.0,
    ComponentStatus.UNDER_MAINTENANCE: 0.0,
    ComponentStatus.UNKNOWN: 0.0,
    ComponentStatus.OPERATIONAL: 0.0,
}
"""How much of a minute in each state counts as down."""


@dataclass(frozen=True, slots=True)
class StatusChange:
    """At this instant the component went from one status to another."""

    at: datetime
    from_status: ComponentStatus
    to_status: ComponentStatus


@dataclass(frozen=True, slots=True)
class UptimeDay:
    """One day in the page's zone.  `worst` is None before the component began; `minutes` are those not operational."""

    day: date
    worst: ComponentStatus | None
    minutes: tuple[tuple[ComponentStatus, int], ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """The days, oldest first, and the share of known time that was up, in percent (None: nothing is known)."""

    days: tuple[UptimeDay, ...]
    uptime: float | None

    @property
    def uptime_percent(self) -> str:
        """ "99.98", cut rather than rounded: 100 is only said of what was never down.  Empty: nothing is known."""
        return "" if self.uptime is None else f"{cut(self.uptime):.2f}"

    @property
    def known_from(self) -> int:
        """The place of the first day of which something is known; the number of days when nothing is."""
        return next((place for place, day in enumerate(self.days) if day.worst is not None), len(self.days))


def cut(percent: float) -> float:
    """A percentage with two decimals, cut rather than rounded: 100 is only said of what was never down."""
    return floor(round(percent * 100, 6)) / 100


def percentage(seconds: Mapping[ComponentStatus, float]) -> float | None:
    """The share of known time that was up, in percent, by the seconds in each status; None when nothing is known."""
    known, down = _weighed(seconds)
    return 100 * (known - down) / known if known else None


def between(
    changes: Sequence[StatusChange], current: ComponentStatus, began: datetime, begin: datetime, end: datetime
) -> dict[ComponentStatus, float]:
    """How many seconds of the time from `begin` to `end` a component was in each status.

    `changes` are those from `begin` on, until now, oldest first; the rest as in `history`.
    """
    return _seconds_by_status(_spans(changes, current, max(began, begin), end), 0, begin, end)


def window_start(until: datetime, zone: ZoneInfo) -> datetime:
    """The first instant, in UTC, of the day 89 days before `until`'s in `zone`."""
    return _midnight(until.astimezone(zone).date() - timedelta(days=DAYS - 1), zone)


def history(
    changes: Sequence[StatusChange], current: ComponentStatus, began: datetime, until: datetime, zone: ZoneInfo
) -> History:
    """The 90 days that end with `until`'s day.

    `changes` are the component's, oldest first, from `window_start` on; `current` its status now; nothing is known
    before `began`.  Days are days of the zone: 23 or 25 hours long where its clocks change.
    """
    spans = _spans(changes, current, max(began, window_start(until, zone)), until)
    days = []
    down = known = 0.0
    index = 0
    for whole in _whole_days(until.astimezone(zone).date(), zone):
        begin, end = whole.begin, min(whole.end, until)
        while index < len(spans) and spans[index][1] <= begin:
            index += 1
        if index < len(spans) and _is_well(spans[index], begin, end):  # nearly every day: worth a short way
            days.append(whole.well)
            known += (end - begin).total_seconds()
            continue
        seconds = _seconds_by_status(spans, index, begin, end)
        days.append(_day(whole.well.day, seconds))
        known_that_day, down_that_day = _weighed(seconds)
        known += known_that_day
        down += down_that_day
    return History(tuple(days), 100 * (known - down) / known if known else None)


@dataclass(frozen=True, slots=True)
class _WholeDay:
    """A day of the zone: its first instant and the next day's, in UTC, and what is said of it when all was well."""

    begin: datetime
    end: datetime
    well: UptimeDay


@lru_cache(maxsize=64)
def _whole_days(today: date, zone: ZoneInfo) -> tuple[_WholeDay, ...]:
    days = [today - timedelta(days=offset) for offset in range(DAYS - 1, -1, -1)]
    return tuple(
        _WholeDay(
            _midnight(day, zone), _midnight(day + timedelta(days=1), zone), UptimeDay(day, ComponentStatus.OPERATIONAL)
        )
        for day in days
    )


def _is_well(span: "Span", begin: datetime, end: datetime) -> bool:
    return span[2] is ComponentStatus.OPERATIONAL and span[0] <= begin and end <= span[1]


Span = tuple[datetime, datetime, ComponentStatus]


def _spans(changes: Sequence[StatusChange], current: ComponentStatus, begin: datetime, until: datetime) -> list[Span]:
    spans: list[Span] = []
    at, status = begin, changes[0].from_status if changes else current
    for change in changes:
        if change.at > at:
            spans.append((at, min(change.at, until), status))
            at = change.at
        status = change.to_status
    if at < until:
        spans.append((at, until, status))
    return spans


def _seconds_by_status(
    spans: Sequence[Span], first: int, begin: datetime, end: datetime
) -> dict[ComponentStatus, float]:
    seconds: dict[ComponentStatus, float] = {}
    for start, stop, status in islice(spans, first, None):
        if start >= end:
            break
        length = (min(stop, end) - max(start, begin)).total_seconds()
        if length > 0:
            seconds[status] = seconds.get(status, 0.0) + length
    return seconds


def _weighed(seconds: Mapping[ComponentStatus, float]) -> tuple[float, float]:
    """How many seconds are known, and how many of them count as down."""
    known = sum(length for status, length in seconds.items() if status is not ComponentStatus.UNKNOWN)
    return known, sum(WEIGHTS[status] * length for status, length in seconds.items())


def _day(day: date, seconds: dict[ComponentStatus, float]) -> UptimeDay:
    if not seconds:
        return UptimeDay(day, None)
    troubled = sorted((s for s in seconds if s is not ComponentStatus.OPERATIONAL), key=lambda s: -s.severity_rank)
    minutes = tuple((status, max(1, round(seconds[status] / 60))) for status in troubled)
    return UptimeDay(day, troubled[0] if troubled else ComponentStatus.OPERATIONAL, minutes)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
