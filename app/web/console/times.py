"""Times as the console shows them.  A script updates relative ones; without it they are right when served."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.clock import now


def utc(at: datetime) -> str:
    """Such as "14:30 UTC", with the day when it isn't today."""
    return _dated(at.strftime("%H:%M UTC"), at, now())


def zoned(at: datetime, zone: ZoneInfo) -> str:
    """Such as "15:30 CET", with the day when it isn't today there."""
    local = at.astimezone(zone)
    return _dated(local.strftime("%H:%M %Z"), local, now().astimezone(zone))


def both(at: datetime, zone: ZoneInfo) -> str:
    """The page's time and UTC; once when they are the same."""
    if not at.astimezone(zone).utcoffset():
        return utc(at)
    return f"{zoned(at, zone)} ({at.strftime('%H:%M UTC')})"


def span(seconds: float) -> str:
    """A length of time in its largest sensible unit: "45 s", "12 min", "3 h 5 min", "2 days"."""
    whole = int(abs(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def ago(at: datetime) -> str:
    """Such as "12 min ago"."""
    return f"{span((now() - at).total_seconds())} ago"


def until(at: datetime) -> str:
    """A promise: "due in 12 min" or "overdue by 3 min"."""
    left = at - now()
    if left < timedelta(0):
        return f"overdue by {span(left.total_seconds())}"
    return f"due in {span(left.total_seconds())}"


def field_value(at: datetime, zone: ZoneInfo) -> str:
    """As a datetime-local field holds it."""
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def _dated(words: str, at: datetime, today: datetime) -> str:
    return words if at.date() == today.date() else f"{at.day} {at.strftime('%b %Y')}, {words}"
