"""A clock that a test puts forward and back under a running process, by libfaketime."""

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class WrongClock:
    """The wall clock of the processes that get `environ`.  Spans of time are measured rightly all the while."""

    file: Path
    library: Path

    @property
    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def put(self, offset: str) -> None:
        """Put it this far from the right time, as "+2h" or "-1d"."""
        draft = self.file.with_suffix(".new")
        draft.write_text(f"{offset}\n")
        draft.replace(self.file)


def wrong_clock(folder: Path) -> WrongClock:
    """A clock that is right until it is put.  Skips where there is no libfaketime."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime (Debian's package faketime) is not installed")
    made = WrongClock(folder / "clock", found[0])
    made.put("+0")
    return made
