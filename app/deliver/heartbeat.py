"""Heartbeats of the machines that use this database, and detection of a restored database.

Each CANDOR_HOME keeps a file that says its id and when the database last took its beat.  The file is written after the
commit, so a database that is older than the file was put back from a backup, and one that doesn't know the id is
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
class OwnHeartbeat:
    """What a machine remembers of itself.  `seen_at` is None before the database has taken its first beat."""

    id: str
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownHeartbeats:
    """What the database knows: when this machine was last seen, None if never, and when each of the others was."""

    own: datetime | None
    others: Mapping[str, datetime]


def load_own(home: Path) -> OwnHeartbeat:
    """This machine's heartbeat, made when there is none.  A file that was copied here is another machine's.

    Raises:
        OSError: the file can't be read or written.
    """
    path = home / FILE
    try:
        with path.open(encoding="utf-8") as file:
            found, number = json.load(file), os.fstat(file.fileno()).st_ino
        if found["file"] == number:
            return OwnHeartbeat(
                str(found["id"]), datetime.fromisoformat(found["seen_at"]) if found["seen_at"] else None
            )
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        pass
    own = OwnHeartbeat(secrets.token_hex(16))
    save_own(home, own)
    return own


def save_own(home: Path, own: OwnHeartbeat) -> None:
    """Write it in place of the last one, whole.  Raises OSError."""
    draft = home / f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            seen_at = own.seen_at.isoformat() if own.seen_at else None
            json.dump({"id": own.id, "seen_at": seen_at, "file": os.fstat(file.fileno()).st_ino}, file)
        draft.replace(home / FILE)
    finally:
        draft.unlink(missing_ok=True)


def forget_own(home: Path) -> None:
    """The next worker here begins as on a new machine."""
    with suppress(FileNotFoundError):
        (home / FILE).unlink()


def forget_all() -> None:
    """The machines of a backup aren't those that work on the database restored from it.  Raises Unavailable."""
    with transaction() as session:
        session.execute(delete(Machine).execution_options(synchronize_session=False))


def load_known(session: Session, own: OwnHeartbeat) -> KnownHeartbeats:
    """What the database knows of this machine and the others.  One query."""
    seen = {row[0]: row[1] for row in session.execute(select(Machine.public_id, Machine.seen_at))}
    return KnownHeartbeats(seen.pop(own.id, None), seen)


def is_restored(own: OwnHeartbeat, known: KnownHeartbeats) -> bool:
    """Whether the database is older than what this machine remembers."""
    return own.seen_at is not None and (known.own is None or known.own < own.seen_at)


def is_as_left(own: OwnHeartbeat, known: KnownHeartbeats) -> bool:
    """Whether the database is the one that this machine left, or one that no machine has worked on yet.

    Others that went on while this one was away leave it open: they may have gone on elsewhere since.
    """
    if is_restored(own, known):
        return False
    if known.own is None:
        return not known.others
    return all(seen_at <= known.own + AWAY for seen_at in known.others.values())


def beat(home: Path) -> None:
    """Say that this machine works on this database: there first, and then in the file.

    The time only ever moves on, even when the clock was put back.  It is the database's, and a machine is forgotten a
    month after it was last seen by a time at which this one was seen too: no clock that jumps makes one forgotten.

    Raises:
        Unavailable: the database can't be written; nothing is remembered.
        OSError: the file can't be written.
    """
    own = load_own(home)
    with transaction() as session:
        row = session.scalar(select(Machine).where(Machine.public_id == own.id).with_for_update())
        at = shared_now(session)
        before = at if row is None else min(at, row.seen_at)
        if row is None:
            session.add(Machine(public_id=own.id, seen_at=at))
        else:
            at = row.seen_at = max(at, row.seen_at + TICK)
        forgotten = Machine.seen_at < before - FORGOTTEN_AFTER
        session.execute(delete(Machine).where(forgotten).execution_options(synchronize_session=False))
    save_own(home, OwnHeartbeat(own.id, at))
