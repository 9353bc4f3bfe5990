"""The publish hook's last result, in a file so that it can be read without the database."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.publish.addresses import DEFAULT_SLUG

FILE = "publish_hook.json"
RETRY_SECONDS = (5, 30, 120)
"""How long after a failure it is tried again, as long as nothing newer is published."""


@dataclass(frozen=True, slots=True)
class HookRun:
    """The last run for a page.  `folder` is the name of the published folder, `exit_code` None when it took too long
    and negative when a signal ended it, `attempts` how often it ran for this folder, `output` the end of what it said.
    """

    folder: str
    revision: int
    began_at: datetime
    seconds: float
    exit_code: int | None
    attempts: int
    output: str

    @property
    def succeeded(self) -> bool:
        return self.exit_code == 0

    @property
    def ending(self) -> str:
        """Such as "ended with 0"."""
        if self.exit_code is None:
            return "timed out"
        return f"was ended by signal {-self.exit_code}" if self.exit_code < 0 else f"ended with {self.exit_code}"

    @property
    def ended_at(self) -> datetime:
        return self.began_at + timedelta(seconds=self.seconds)

    @property
    def next_try(self) -> datetime | None:
        """When it is tried again for the same folder; None when it isn't."""
        if self.succeeded or self.attempts > len(RETRY_SECONDS):
            return None
        return self.ended_at + timedelta(seconds=RETRY_SECONDS[self.attempts - 1])


def file_of(slug: str) -> str:
    """The file that keeps the last run for a page."""
    return FILE if slug == DEFAULT_SLUG else f"publish_hook.{slug}.json"


def last_run(home: Path, slug: str = DEFAULT_SLUG) -> HookRun | None:
    """The last run for a page; None when there was none, or the file can't be read."""
    try:
        found: dict[str, Any] = json.loads((home / file_of(slug)).read_text("utf-8"))
        return HookRun(**{**found, "began_at": datetime.fromisoformat(found["began_at"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def keep(home: Path, run: HookRun, slug: str = DEFAULT_SLUG) -> None:
    """Write it in place of the last one, whole, for this user alone.  Raises OSError."""
    draft = home / f".{file_of(slug)}.draft"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({**asdict(run), "began_at": run.began_at.isoformat()}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(home / file_of(slug))
