"""A SQLite database as a file: copied whole while it is used, judged, and put in the place of another."""

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from app.clock import now
from app.errors import Invalid

BUSY_SECONDS = 30.0
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database: without it, the newest rows are missing; with another's, it is damaged."""


def draft_beside(path: Path) -> Path:
    """A new, empty file in the same folder, for this user alone.  Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    return Path(name)


def copy(source: Path, draft: Path) -> None:
    """Write all that is committed in `source` into the empty file `draft`, as of one instant, whoever writes meanwhile.

    Raises:
        Invalid: it is no database, it is damaged, or it is locked.
    """
    try:
        with closing(_open(source)) as database:
            database.execute("VACUUM INTO ?", (str(draft),))
    except sqlite3.Error as error:
        raise Invalid(f"Can't copy {source}: {error}.") from error


def judge(path: Path, name: Path) -> str:
    """The revision that a database's tables are at, if it is sound.  `name` is what people call it.

    Raises:
        Invalid: it is damaged, or not Candor's.
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
    """Put everything into the one file, and onto the disk.  Raises OSError."""
    with closing(_open(draft)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    sync(draft)


def take_place(draft: Path, path: Path) -> Path | None:
    """Put `draft` in the place of `path`; where the database that was there is kept now, None when there was none.

    Whatever dies in between: there is the old one, none, or the new one, and never one with another's log.

    Raises:
        OSError: the folder can not be written.
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
    """Have the system put a file's or folder's bytes onto the disk.  Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open(path: Path) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=rw"  # a missing one is an error, and never made
    return sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
