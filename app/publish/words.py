"""How instants, spans and statuses read, in English and in the page's zone."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.publish.views import UpdateView

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FULL = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
         "December")  # fmt: skip


def zone_name(at: datetime, zone: ZoneInfo) -> str:
    """The zone's short name at that instant: "UTC", "CET", or "UTC+3" where a zone has only numbers."""
    name = at.astimezone(zone).tzname() or "UTC"
    return name if name.isalpha() else f"UTC{name}"


def clock_time(at: datetime, zone: ZoneInfo) -> str:
    """ "14:30 UTC"."""
    return f"{at.astimezone(zone):%H:%M} {zone_name(at, zone)}"


def when(at: datetime, zone: ZoneInfo) -> str:
    """ "Aug 21, 2026, 14:30 UTC"."""
    local = at.astimezone(zone)
    return f"{_MONTHS[local.month - 1]} {local.day}, {local.year}, {clock_time(at, zone)}"


def moment(at: datetime, now: datetime | None, zone: ZoneInfo) -> str:
    """ "14:30 UTC" on the same day, else "Aug 21, 14:30 UTC", with the year where it differs.

    What is read long after it was written has no `now`: it gets the whole date.
    """
    if now is None:
        return when(at, zone)
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return clock_time(at, zone)
    year = "" if local.year == today.year else f", {local.year}"
    return f"{_MONTHS[local.month - 1]} {local.day}{year}, {clock_time(at, zone)}"


def day(of: date) -> str:
    """ "August 21, 2026"."""
    return f"{_FULL[of.month - 1]} {of.day}, {of.year}"


def month(of: date) -> str:
    """ "August 2026"."""
    return f"{_FULL[of.month - 1]} {of.year}"


def span(seconds: float) -> str:
    """ "3 h 20 min", "45 min", "2 days 4 h"."""
    minutes = max(1, round(seconds / 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [f"{days} day{'s' if days > 1 else ''}" if days else "", f"{hours} h" if hours else ""]
    if not days and minutes:
        parts.append(f"{minutes} min")
    return " ".join(part for part in parts if part) or "1 min"


def status_word(update: UpdateView, before: UpdateView | None) -> str:
    """The status, or "Update" when it is the one before: what feeds and messages lead with."""
    return "Update" if before is not None and before.status is update.status else update.status.label
