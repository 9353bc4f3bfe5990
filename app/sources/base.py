"""The interface of a source: it authenticates inbound deliveries and turns them into events."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.clock import now
from app.errors import Invalid
from app.settings import Settings
from app.sources.events import Event
from app.text import clean

MOST_EVENTS = 1000
WINDOW_SECONDS = 3600
LONGEST_KEY = 200
EventFields = dict[str, Any]


class NotUnderstood(Exception):
    """The body is authentic, but the source can't make sense of it.  The text says why, without personal data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came in, byte for byte.  `headers` have lower-case names; `path` is the path and query that were called."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ""

    def header(self, name: str) -> str:
        """A header by its lower-case name; an empty string when it's absent."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a system wants to hear back, where it wants more than a plain acknowledgement."""

    status: int = 200
    body: str = ""
    mimetype: str = "text/plain"


class Source:
    """One outside system.  A module of this folder offers its source as `SOURCE`.

    `paths` are the addresses below /hooks/ that the system calls; none when it comes in another way.
    `kept_headers` are the headers that `parse` needs; all others are dropped before anything is stored.
    """

    name: str
    paths: tuple[str, ...] = ()
    kept_headers: frozenset[str] = frozenset()

    def authenticate(self, received: Received, settings: Settings) -> str:
        """Check that `received` is really from this system; its idempotency key, the same for the same delivery.

        Raises:
            Unavailable: this source isn't set up here.
            Forbidden: the signature doesn't fit, or it's too old.
            Invalid: it can't be checked, because it hasn't the shape that this system sends.
            NotFound: it's about something that this installation doesn't have.
        """
        raise NotImplementedError

    def parse(self, received: Received, settings: Settings) -> tuple[Event, ...]:
        """The events in an authentic delivery; none when it says nothing that concerns us.

        Raises:
            NotUnderstood: it should concern us, but makes no sense.
        """
        raise NotImplementedError

    def is_urgent(self, received: Received) -> bool:
        """Whether it must take effect before the answer, and not when a worker comes by."""
        return False

    def reply(self, received: Received, settings: Settings) -> Reply | None:
        """What to answer; None for the usual acknowledgement."""
        return None

    def confirm(self, url: str) -> None:
        """Visit the address of a `ConfirmationAsked`.  Raises OSError."""
        raise NotImplementedError

    def redacted(self, received: Received) -> dict[str, str]:
        """The headers that are stored: no signature, password or cookie is among them."""
        return {name: value[:1000] for name, value in received.headers.items() if name in self.kept_headers}


def body_key(body: bytes) -> str:
    """The key of a delivery that has no id of its own."""
    return hashlib.sha256(body).hexdigest()


def is_recent(seconds: str) -> bool:
    """Whether a Unix time is within an hour of now: a signature that is older may be a replay."""
    try:
        return abs(now().timestamp() - float(seconds)) <= WINDOW_SECONDS
    except (ValueError, OverflowError):
        return False


def parsed_json(body: bytes | str) -> object:
    """The JSON in `body`.

    Raises:
        Invalid: it's no JSON.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid("The body isn't valid JSON.") from None


def fields(value: object) -> EventFields:
    """`value` if it's a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> Iterable[EventFields]:
    """The JSON objects in a list, up to a limit."""
    return [one for one in value[:MOST_EVENTS] if isinstance(one, dict)] if isinstance(value, list) else []


def words(value: object, limit: int = LONGEST_KEY) -> str:
    """A JSON value as one clean line of text."""
    return clean(str(value if value is not None else "")[:limit])
