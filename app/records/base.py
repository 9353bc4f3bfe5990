"""The interface of a tracker: it recognizes the addresses of its records and their keys."""

import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult


@dataclass(frozen=True, slots=True)
class Recognised:
    """A record's tracker, "other" when unknown, and its key there, such as OPS-123."""

    tracker: str
    key: str


class Tracker(Protocol):
    """A module of this folder offers its tracker as `TRACKER`."""

    @property
    def name(self) -> str:
        """What tables and the API call it: at most 16 lower-case letters."""
        ...

    @property
    def label(self) -> str:
        """What people read."""
        ...

    def key(self, url: SplitResult) -> str:
        """The record's key, or an empty string when `url` (http or https) isn't one of this tracker's records."""
        ...


@dataclass(frozen=True, slots=True)
class PatternTracker:
    """A tracker told by its host and path.  `key` is written from the path's named groups.

    `host` and `path` match the whole of the lower-case host name, and the beginning of the path.
    """

    name: str
    label: str
    host: re.Pattern[str]
    path: re.Pattern[str]
    key_format: str = "{key}"

    def key(self, url: SplitResult) -> str:
        """See `Tracker.key`."""
        if not self.host.fullmatch((url.hostname or "").lower()):
            return ""
        found = self.path.match(url.path)
        return self.key_format.format(**found.groupdict()) if found else ""
