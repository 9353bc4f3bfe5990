"""Formats times, days, durations and numbers in the page's time zone and a language, English by default."""

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from app.publish.catalogues import translations
from app.publish.views import UpdateView
from app.vocabulary import DispatchKind, Language, NoticeKind

EN = Language.ENGLISH

KIND_WORDS = {
    DispatchKind.CORRECTION: "Correction",
    DispatchKind.WITHDRAWAL: "Withdrawn",
    DispatchKind.REMINDER: "Reminder",
    DispatchKind.POSTMORTEM: "Post-mortem",
    DispatchKind.NOTICE: "Notice",
}
"""What a message leads with when it sends something else than an update."""

KIND_SENTENCES = {
    DispatchKind.CORRECTION: "We corrected an earlier update. It now reads:",
    DispatchKind.WITHDRAWAL: "We withdrew an earlier update. Disregard what it said.",
    DispatchKind.REMINDER: "This is a reminder of an earlier update:",
    DispatchKind.POSTMORTEM: "We published a post-mortem:",
}

NOTICE_SUBJECTS = {
    NoticeKind.CONFIRM: "Confirm your subscription",
    NoticeKind.FOLLOWS: "Choose your updates",
    NoticeKind.CANARY: "Test message",
    NoticeKind.DISABLED: "Your webhook was disabled",
}
ALREADY_SUBSCRIBED = "You're already subscribed"
TEXT_NOTICES = {
    NoticeKind.CONFIRM: "Confirm your status texts",
    NoticeKind.FOLLOWS: "You're subscribed to individual incidents only. Manage",
}
MANAGE_TEXTS = "You're subscribed to status texts. Manage"
"""Texts end with a colon and a link."""

CANARY = "This is a test message from {page}. It arrived, so the channel {channel} works."


def zone_name(at: datetime, zone: ZoneInfo) -> str:
    """The zone's short name at that instant: "UTC", "CET", or "UTC+3", "UTC+10:30" where a zone has only numbers."""
    name = at.astimezone(zone).tzname() or "UTC"
    if name.isalpha():
        return name
    return f"UTC{name[0]}{int(name[1:3])}" + (f":{name[3:5]}" if name[3:5].strip("0") else "")


@lru_cache(maxsize=8192)
def clock_time(at: datetime, zone: ZoneInfo) -> str:
    """ "14:30 UTC"."""
    return f"{at.astimezone(zone):%H:%M} {zone_name(at, zone)}"


def when(at: datetime, zone: ZoneInfo, language: Language = EN) -> str:
    """ "Aug 21, 2026, 14:30 UTC"."""
    return _joined(_date(at.astimezone(zone).date(), "medium", language), clock_time(at, zone), language)


def moment(at: datetime, now: datetime | None, zone: ZoneInfo, language: Language = EN) -> str:
    """ "14:30 UTC" on the same day, else "Aug 21, 14:30 UTC", with the year where it differs.

    What is read long after it was written has no `now`: it gets the whole date.
    """
    if now is None:
        return when(at, zone, language)
    local, today = at.astimezone(zone).date(), now.astimezone(zone).date()
    if local == today:
        return clock_time(at, zone)
    if local.year != today.year:
        return when(at, zone, language)
    return _joined(short_day(local, language), clock_time(at, zone), language)


def day(of: date, language: Language = EN) -> str:
    """ "August 21, 2026"."""
    return _date(of, "long", language)


def short_day(of: date, language: Language = EN) -> str:
    """ "Aug 21"."""
    return _skeleton(of, "MMMd", language)


def days(first: date, last: date, language: Language = EN) -> str:
    """ "Aug 19 – 21, 2026", as the language writes a stretch of days."""
    return _interval(first, last, language)


def month(of: date, language: Language = EN) -> str:
    """ "August 2026"."""
    return _skeleton(of, "yMMMM", language)


def span(seconds: float, language: Language = EN) -> str:
    """ "3 h 20 min", "45 min", "2 days 4 h"."""
    spoken = translations(language)
    minutes = max(1, round(seconds / 60))
    whole_days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = []
    if whole_days:
        parts.append(spoken.ngettext("{count} day", "{count} days", whole_days).format(count=whole_days))
    if hours:
        parts.append(spoken.gettext("{count} h").format(count=hours))
    if minutes and not whole_days:
        parts.append(spoken.gettext("{count} min").format(count=minutes))
    return " ".join(parts)


@lru_cache(maxsize=1024)
def decimal(number: str, language: Language = EN) -> str:
    """ "99.98", or "99,98" where a comma parts a number, with as many places as `number` is written with."""
    from babel.numbers import format_decimal

    places = len(number.partition(".")[2])
    return format_decimal(Decimal(number), "0." + "0" * places if places else "0", locale=language.value)


def status_word(update: UpdateView, before: UpdateView | None) -> str:
    """The status, or "Update" when it is the one before: what feeds and messages lead with."""
    return "Update" if before is not None and before.status is update.status else update.status.label


def _joined(of_day: str, of_clock: str, language: Language) -> str:
    return translations(language).gettext("{date}, {time}").format(date=of_day, time=of_clock)


@lru_cache(maxsize=8192)
def _date(of: date, length: str, language: Language) -> str:
    from babel.dates import format_date

    return format_date(of, length, language.value)


@lru_cache(maxsize=8192)
def _skeleton(of: date, skeleton: str, language: Language) -> str:
    from babel.dates import format_skeleton

    return format_skeleton(skeleton, of, locale=language.value)


@lru_cache(maxsize=1024)
def _interval(first: date, last: date, language: Language) -> str:
    from babel.dates import format_interval

    return format_interval(first, last, "yMMMd", locale=language.value)
