"""A SQLite database as a file: copied while in use, checked, and put in place of another."""

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from app.clock import now
from app.errors import Invalid

BUSY_SECONDS = 30.0
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database. Without it the newest rows are missing; another database's would damage it."""


def draft_beside(path: Path) -> Path:
    """A new, empty file in the same folder, readable by this user only.  Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    return Path(name)


def copy(source: Path, draft: Path) -> None:
    """Copy everything committed in `source` to the empty file `draft`, consistently even during writes.

    Raises:
        Invalid: it isn't a database, is damaged, or is locked.
    """
    try:
        with closing(_open(source)) as database:
            database.execute("VACUUM INTO ?", (str(draft),))
    except sqlite3.Error as error:
        raise Invalid(f"Can't copy {source}: {error}.") from error


def judge(path: Path, name: Path) -> str:
    """Check a database's integrity and return its schema revision.  `name` is the path to show in errors.

    Raises:
        Invalid: it is damaged, or isn't a Candor database.
    """
    try:
        with closing(_open(path)) as database:
            said = database.execute("PRAGMA integrity_check").fetchone()[0]
            if said != "ok":
                raise Invalid(f"{name} is damaged: {str(said)[:200]}. Take another backup.")
            found = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        raise Invalid(f"{name} isn't a Candor database: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise Invalid(f"{name} is damaged or not a database: {error}.") from error
    if found is None:
        raise Invalid(f"{name} isn't a Candor database. It has none of Candor's tables.")
    return str(found[0])


def finish(draft: Path) -> None:
    """Merge the log into the one file and sync it to disk.  Raises OSError."""
    with closing(_open(draft)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    sync(draft)


def take_place(draft: Path, path: Path) -> Path | None:
    """Replace `path` with `draft`.  Returns where the previous database is kept, or None if there was none.

    A crash leaves the old database, none, or the new one, but never one with another's log.

    Raises:
        OSError: the folder can't be written.
    """
    kept = path.with_name(f"{path.name}.before-{now():%Y%m%dT%H%M%S%f}")
    had_one = path.exists()
    for suffix in ("", *BESIDE):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    draft.replace(path)
    sync(path.parent)
    return kept if had_one else None


def sync(path: Path) -> None:
    """Sync a file or folder to disk.  Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open(path: Path) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=rw"  # a missing file is an error and isn't created
    return sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
