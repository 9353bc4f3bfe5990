"""Months of history, in the page's zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def month_of(at: datetime, zone: ZoneInfo) -> str:
    """The month of an instant, as "2026-08"."""
    return at.astimezone(zone).strftime("%Y-%m")


def month_keys(first: datetime, last: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    """Every month from `last`'s back to `first`'s, newest first."""
    keys = []
    day = last.astimezone(zone).date().replace(day=1)
    end = min(first.astimezone(zone).date(), day).replace(day=1)
    while day >= end:
        keys.append(day.strftime("%Y-%m"))
        day = _before(day)
    return tuple(keys)


def month_bounds(key: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of a month and of the next, in UTC."""
    first = date.fromisoformat(f"{key}-01")
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return _midnight(first, zone), _midnight(after, zone)


def _before(first_day: date) -> date:
    if first_day.month == 1:
        return date(first_day.year - 1, 12, 1)
    return first_day.replace(month=first_day.month - 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
