"""The process lock: each web and worker process holds it in the data folder, and only `candor restore` waits for it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import Conflict

FILE = "running.lock"


def hold_shared(home: Path) -> bool:
    """This process works here until it ends; False while someone restores, and then it has to ask again.

    Raises:
        OSError: the lock can't be made.
    """
    handle = _open(home)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    return True  # the handle stays open, and the system closes it with the process


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """No one else works here for the length of the block.

    Raises:
        Conflict: someone does.
    """
    handle = _open(home)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("Candor is running. Stop all web processes and workers on this machine first.") from None
        yield
    finally:
        os.close(handle)


def _open(home: Path) -> int:
    return os.open(home / FILE, os.O_RDWR | os.O_CREAT, 0o640)
