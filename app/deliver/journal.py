"""What was sent before the ledger records it: an append-only file per sender.

A sender notes each outcome here right after the other side took the message, and settles in bulk.  If the process dies
in between, the next one reads the file: only the message in flight at that instant is in doubt.  The file is locked
while its owner lives, so a process that can lock it knows that the owner is dead.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from app.shapes import Outcome
from app.vocabulary import DeliveryState


class Journal:
    """The file of one living sender, named after it."""

    def __init__(self, folder: Path, owner: str) -> None:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self.owner = owner
        self._path = folder / f"{owner}.journal"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def note(self, outcome: Outcome) -> None:
        """Write one outcome down.  It survives the process; power loss is bounded by the lease.

        Raises:
            OSError: it can't be written, as on a full disk.  Nothing is left of it, because half a line with the next
                one behind it would tell of someone else.
        """
        line = _line(outcome)
        written = os.write(self._file, line)
        if written < len(line):
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def clear(self) -> None:
        """Forget what has been settled."""
        os.ftruncate(self._file, 0)

    def close(self, *, keep: bool = False) -> None:
        """The owner leaves.  `keep` the file when not everything is settled: the next worker recovers from it."""
        if not keep:
            with suppress(FileNotFoundError):
                self._path.unlink()
        os.close(self._file)


@contextmanager
def orphan(path: Path) -> Iterator[tuple[str, list[Outcome]] | None]:
    """The owner and outcomes of a dead sender's file, deleted when the block ends well; None while the owner lives."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield path.stem, list(_outcomes(path))
        path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def is_owned(path: Path) -> bool:
    """Whether the file's owner lives."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def journals(folder: Path) -> list[Path]:
    """Every journal in the folder, of any owner."""
    return sorted(folder.glob("*.journal")) if folder.is_dir() else []


def _line(outcome: Outcome) -> bytes:
    """What is plainly sent is a number: that is nearly every line, and writing it costs little."""
    if outcome.is_plain:
        return b"%d\n" % outcome.delivery_id
    return json.dumps(asdict(outcome)).encode() + b"\n"


def _outcomes(path: Path) -> Iterator[Outcome]:
    for line in path.read_bytes().split(b"\n")[:-1]:  # what is after the last one was being written when it died
        try:
            facts = json.loads(line)
            if isinstance(facts, int):
                facts = {"delivery_id": facts, "state": DeliveryState.SENT}
            yield Outcome(**{**facts, "state": DeliveryState(facts["state"])})
        except (ValueError, TypeError, KeyError):
            continue
