"""Reading one value of a row: checked, or refused with the reason."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any, TypedDict, TypeVar

from app.text import clean, shorten
from app.vocabulary import POST_STATUSES, ComponentStatus, Impact, PostKind, PostStatus

ID_LIMIT = 32
YEARS = range(1970, 2200)  # outside of these a date is a mistake, and zones can't be counted at the edges
Fields = Mapping[str, Any]
AnyWord = TypeVar("AnyWord", ComponentStatus, Impact)
AnyChoice = TypeVar("AnyChoice")


class Times(TypedDict):
    """When a row was made and last changed."""

    created_at: datetime
    updated_at: datetime


class RowError(ValueError):
    """A row can't be imported; the message says why."""


def read_id(raw: Fields, key: str = "id") -> str:
    """An id of letters and digits.  Raises RowError."""
    value = raw.get(key)
    if not isinstance(value, str) or not 1 <= len(value) <= ID_LIMIT or not value.isascii() or not value.isalnum():
        raise RowError(f"its {key} isn't an id of letters and digits")
    return value.lower()


def read_line(raw: Fields, key: str, limit: int) -> str:
    """One clean line of at most `limit` characters, shortened to it.  Raises RowError."""
    value = raw.get(key)
    text = clean(value[: limit * 20]) if isinstance(value, str) else ""
    if not text:
        raise RowError(f"it has no {key}")
    return shorten(text, limit)


def read_text(raw: Fields, key: str) -> str:
    """Clean text of several lines; nothing is an empty text.  Raises RowError."""
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RowError(f"its {key} isn't text")
    return clean(value, multiline=True)


def read_word(raw: Fields, key: str, words: type[AnyWord]) -> AnyWord:
    """A member of an enum.  Raises RowError."""
    try:
        return words(str(raw.get(key)))
    except ValueError:
        raise RowError(f"its {key} isn't one that Candor knows") from None


def read_status(raw: Fields, kind: PostKind) -> PostStatus:
    """A status that a post of this kind may have.  Raises RowError."""
    value = raw.get("status")
    for status in POST_STATUSES[kind]:
        if status.value == value:
            return status
    raise RowError(f"its status isn't valid for a post of kind {kind}")


def read_list(raw: Fields, key: str) -> list[Fields]:
    """A list of objects; nothing is an empty list.  Raises RowError."""
    value = raw.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise RowError(f"its {key} isn't a list")
    return value


def read_whole(raw: Fields, key: str) -> int:
    """A whole number that a database takes.  Raises RowError."""
    value = raw.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise RowError(f"its {key} isn't a whole number")
    return value


def read_maybe(raw: Fields, key: str) -> datetime | None:
    """An instant, or None.  Raises RowError."""
    return read_instant(raw, key) if raw.get(key) else None


def read_instant(raw: Fields, key: str, default: datetime | None = None) -> datetime:
    """An instant in UTC.  Raises RowError."""
    value = raw.get(key)
    if value is None and default is not None:
        return default
    try:
        at = datetime.fromisoformat(value if isinstance(value, str) else "")
        if at.tzinfo is None or at.year not in YEARS:
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RowError(f"its {key} isn't a time with a time zone") from None


def read_date(raw: Fields, key: str) -> date | None:
    """A day, or None.  Raises RowError."""
    value = raw.get(key)
    if value is None:
        return None
    try:
        day = date.fromisoformat(value)
        if day.year not in YEARS:
            raise ValueError
        return day
    except (ValueError, TypeError):
        raise RowError(f"its {key} isn't a date") from None


def is_on(value: Any) -> bool:
    """Whether a switch is on, written as true or 1."""
    return isinstance(value, int) and value == 1


def read_choice(raw: Fields, key: str, words: Mapping[Any, AnyChoice]) -> AnyChoice:
    """The word of ours for one of theirs.  Raises RowError: it is none that is known, and none is guessed."""
    value = raw.get(key)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 9:
        value = value if value in words else int(value)
    if isinstance(value, bool) or not isinstance(value, str | int) or value not in words:
        raise RowError(f"its {key} isn't one that Candor knows")
    return words[value]


def read_local(raw: Fields, key: str, zone: tzinfo) -> datetime:
    """An instant in UTC from a time that may be written without its zone.  Raises RowError."""
    value = raw.get(key)
    try:
        at = datetime.fromisoformat(value if isinstance(value, str) else "")
        if at.year not in YEARS:
            raise ValueError
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RowError(f"its {key} isn't a time") from None
