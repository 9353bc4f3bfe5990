"""Sessions, reading, and the only commit in the application."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from app.clock import now, stopped
from app.db.base import UtcDateTime, db
from app.errors import Unavailable

UNDEFINED_TABLE = "42P01"
UNSURE = (
    "The database stopped responding while this was being saved, so it may or may not be saved. "
    "Check before you try again."
)
_SQLITE_SENTENCES = {
    sqlite3.SQLITE_BUSY: "The database is locked by another program.",
    sqlite3.SQLITE_CANTOPEN: "The database file is missing or can't be opened.",
    sqlite3.SQLITE_FULL: "The database's disk is full.",
    sqlite3.SQLITE_IOERR: "The database's disk can't be read or written.",
    sqlite3.SQLITE_READONLY: "The database can't be written. Its file or disk is read-only.",
}


def session() -> Session:
    """The session of this request, command or tick; for reading.  Writing goes through `transaction`."""
    return db.session()


@contextmanager
def one_instant() -> Iterator[Session]:
    """A session of its own that reads the database as of one instant, despite concurrent writes.

    Raises:
        Unavailable: the database can't be read.
    """
    release()
    with translated():
        try:
            current = session()
            if current.get_bind().dialect.name == "postgresql":  # SQLite's readers see one instant anyway
                current.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield current
        finally:
            release()


def shared_now(session: Session) -> datetime:
    """The present instant by the one clock that all machines share: the database server's, with SQLite this machine's.

    For what one machine writes and another compares, such as a lease: theirs may be hours apart.  One small query.
    """
    if session.get_bind().dialect.name == "sqlite":
        return now()
    return stopped() or session.scalars(select(func.clock_timestamp(type_=UtcDateTime()))).one()


@contextmanager
def transaction() -> Iterator[Session]:
    """One write transaction: committed when the block ends, rolled back when it raises.

    It begins as a write (`BEGIN IMMEDIATE` on SQLite), so a lock is waited for at the start and never met half-way.
    What was read before in this session is forgotten.  Transactions don't nest.

    Raises:
        Unavailable: the database is locked or gone; nothing was changed.
    """
    current = session()
    if current.info.get("writing"):
        raise RuntimeError("transactions do not nest")
    with translated():
        current.rollback()
        current.info["writing"] = True
        try:
            current.connection(execution_options={"candor_write": True})
            yield current
            current.flush()
            _commit(current)
        except BaseException:
            current.rollback()
            raise
        finally:
            current.info.pop("writing", None)


def _commit(current: Session) -> None:
    """Commit.  Only here can a lost connection leave it open whether the change was made."""
    try:
        current.commit()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise Unavailable(UNSURE) from error


@contextmanager
def translated() -> Iterator[None]:
    """Turn a lost or locked database into `Unavailable`; every other database error is a fault and passes."""
    try:
        yield
    except DBAPIError as error:
        if not is_unavailable(error):
            raise
        raise Unavailable(f"{what_is_wrong(error)} Nothing was changed. Try again soon.") from error


def is_unavailable(error: DBAPIError) -> bool:
    """Whether the database is lost, locked, full or not set up, and not the statement wrong."""
    return isinstance(error, OperationalError) or error.connection_invalidated or _has_no_tables(error)


def what_is_wrong(error: DBAPIError) -> str:
    """A sentence for people about a database that isn't available; without addresses, names or statements."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if _has_no_tables(error):
        return "The database has no tables. Run candor db upgrade, or restore the right file."
    return _SQLITE_SENTENCES.get(code, "The database isn't responding.")


def _has_no_tables(error: DBAPIError) -> bool:
    return str(error.orig).startswith("no such table") or getattr(error.orig, "sqlstate", None) == UNDEFINED_TABLE


def release() -> None:
    """Give the connection back, before talking to the outside."""
    db.session.remove()
