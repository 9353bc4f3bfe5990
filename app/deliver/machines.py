"""Which machines work on this database, and whether it is the one that this machine left.

Each CANDOR_HOME keeps a file that says its id and when the database last took its beat.  The file is written after the
commit, so a database that is older than the file was put back from a backup, and one that does not know the id is
another machine's, or a copy.
"""

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.db import shared_now, transaction
from app.models.machine import Machine

FILE = "machine.json"
TICK = timedelta(milliseconds=1)
AWAY = timedelta(seconds=60)
FORGOTTEN_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a machine remembers of itself.  `seen_at` is None before the database has taken its first beat."""

    id: str
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What the database says: when this machine was last seen, None if never, and when each of the others was."""

    own: datetime | None
    others: Mapping[str, datetime]


def remembered(home: Path) -> Mark:
    """This machine's mark, made when there is none.  A file that was copied here is another machine's.

    Raises:
        OSError: the file can not be read or written.
    """
    path = home / FILE
    try:
        with path.open(encoding="utf-8") as file:
            found, number = json.load(file), os.fstat(file.fileno()).st_ino
        if found["file"] == number:
            return Mark(str(found["id"]), datetime.fromisoformat(found["seen_at"]) if found["seen_at"] else None)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        pass
    mark = Mark(secrets.token_hex(16))
    keep(home, mark)
    return mark


def keep(home: Path, mark: Mark) -> None:
    """Write the mark in place of the last one, whole.  Raises OSError."""
    draft = home / f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            seen_at = mark.seen_at.isoformat() if mark.seen_at else None
            json.dump({"id": mark.id, "seen_at": seen_at, "file": os.fstat(file.fileno()).st_ino}, file)
        draft.replace(home / FILE)
    finally:
        draft.unlink(missing_ok=True)


def forget(home: Path) -> None:
    """The next worker here begins as on a new machine."""
    with suppress(FileNotFoundError):
        (home / FILE).unlink()


def forget_all() -> None:
    """The machines of a backup are not those that work on the database restored from it.  Raises Unavailable."""
    with transaction() as session:
        session.execute(delete(Machine).execution_options(synchronize_session=False))


def sight(session: Session, mark: Mark) -> Sight:
    """What the database says of this machine and the others.  One query."""
    seen = {row[0]: row[1] for row in session.execute(select(Machine.public_id, Machine.seen_at))}
    return Sight(seen.pop(mark.id, None), seen)


def is_put_back(mark: Mark, sight: Sight) -> bool:
    """Whether the database is older than what this machine remembers."""
    return mark.seen_at is not None and (sight.own is None or sight.own < mark.seen_at)


def is_as_left(mark: Mark, sight: Sight) -> bool:
    """Whether the database is the one that this machine left, or one that no machine has worked on yet.

    Others that went on while this one was away leave it open: they may have gone on elsewhere since.
    """
    if is_put_back(mark, sight):
        return False
    if sight.own is None:
        return not sight.others
    return all(seen_at <= sight.own + AWAY for seen_at in sight.others.values())


def beat(home: Path) -> None:
    """Say that this machine works on this database: there first, and then in the file.

    The time only ever moves on, even when the clock was put back.  It is the database's, and a machine is forgotten a
    month after it was last seen by a time at which this one was seen too: no clock that jumps makes one forgotten.

    Raises:
        Unavailable: the database can not be written; nothing is remembered.
        OSError: the file can not be written.
    """
    mark = remembered(home)
    with transaction() as session:
        row = session.scalar(select(Machine).where(Machine.public_id == mark.id).with_for_update())
        at = shared_now(session)
        before = at if row is None else min(at, row.seen_at)
        if row is None:
            session.add(Machine(public_id=mark.id, seen_at=at))
        else:
            at = row.seen_at = max(at, row.seen_at + TICK)
        forgotten = Machine.seen_at < before - FORGOTTEN_AFTER
        session.execute(delete(Machine).where(forgotten).execution_options(synchronize_session=False))
    keep(home, Mark(mark.id, at))
