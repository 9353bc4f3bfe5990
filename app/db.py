"""The database: one session, one way to read, and the only commit in the house."""

import enum
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Engine, Enum, MetaData, TypeDecorator, event, func, select
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.pool import ConnectionPoolEntry

from app.clock import now, stopped
from app.errors import Unavailable
from app.patience import WORKING, Patience, PostgresOpener, SqliteOpener

STATEMENT_SECONDS = 30
CONNECT_SECONDS = 3
FORSAKEN_SECONDS = 60
"""So long a transaction may do nothing: what a machine that was cut off has locked comes free then."""

KEEPALIVE = {"keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 4}
UNHEARD_SECONDS = 40.0
"""Whoever waits for an answer over a connection that is dead hears so after 40 seconds: by keepalives, which come only
when all that was said has arrived, and otherwise because it has not arrived for so long.  The system by itself would
wait for two hours, or a quarter of one.
"""

UNDEFINED_TABLE = "42P01"
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


UNSURE = "The database stopped answering while this was saved: it may be saved or not. Look before you do it again."
_SQLITE_SENTENCES = {
    sqlite3.SQLITE_BUSY: "The database is locked by another program.",
    sqlite3.SQLITE_CANTOPEN: "The database's file is not there, or can not be opened.",
    sqlite3.SQLITE_FULL: "The disk that the database is on is full.",
    sqlite3.SQLITE_IOERR: "The disk that the database is on can not be read or written.",
    sqlite3.SQLITE_READONLY: "The database can not be written: its file or disk is read-only.",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware instant.  SQLite keeps no zone, so UTC is put on and taken off here, once."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a time without a zone can not be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _values(kind: type[enum.Enum]) -> list[str]:
    return [member.value for member in kind]


class Base(DeclarativeBase):
    """The root of every table.

    A column declared as `Mapped[Role]`, or any other `StrEnum`, holds the member's value as text and comes back as the
    member.  The migration that makes such a column gives it a CHECK (`app.schema_changes.check_words`), which a test
    of the house compares with the enum.
    """

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            datetime: UtcDateTime,
            enum.Enum: Enum(enum.Enum, native_enum=False, create_constraint=False, values_callable=_values, length=32),
        },
    )


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


def engine_options(database_url: str, patience: Patience = WORKING) -> dict[str, Any]:
    """Options for `create_engine`: a short wait for a connection, so that a dead database is a quick answer.

    `opened_by` is ours: it is called to open each connection.
    """
    if database_url.startswith("sqlite"):
        return {"connect_args": {"opened_by": SqliteOpener(patience)}}
    limits: dict[str, float] = {
        "lock_timeout": patience.lock,
        "statement_timeout": STATEMENT_SECONDS,
        "idle_in_transaction_session_timeout": FORSAKEN_SECONDS,
    }
    connecting: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **KEEPALIVE}
    connecting["tcp_user_timeout"] = int(UNHEARD_SECONDS * 1000)
    if patience.answer is not None:
        limits["statement_timeout"] = patience.lock
        connecting["opened_by"] = PostgresOpener(patience.answer)
    options = [f"-c {name}={seconds * 1000:.0f}" for name, seconds in limits.items()]
    # Nothing here runs for long, and compiling a statement takes seconds when the server is busy
    connecting["options"] = " ".join([*options, "-c jit=off"])
    return {"pool_pre_ping": True, "pool_timeout": 1 if patience.answer else 3, "connect_args": connecting}


def make_file() -> None:
    """Make the file of a SQLite database, empty, unless it is there: nothing else does, so that a lost file is noticed.

    Raises:
        Unavailable: it can not be made.
    """
    url = db.engine.url
    if db.engine.dialect.name != "sqlite" or not url.database or url.database.startswith((":memory:", "file:")):
        return
    try:
        Path(url.database).touch()
    except OSError as error:
        raise Unavailable(f"The database's file can not be made: {error.strerror}.") from error


def session() -> Session:
    """The session of this request, command or tick; for reading.  Writing goes through `transaction`."""
    return db.session()


@contextmanager
def one_instant() -> Iterator[Session]:
    """A session of its own that reads the database as of one instant, whoever writes meanwhile.

    Raises:
        Unavailable: the database can not be read.
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
    What was read before in this session is forgotten.  Transactions do not nest.

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
        raise Unavailable(f"{what_is_wrong(error)} Nothing was changed; try again soon.") from error


def is_unavailable(error: DBAPIError) -> bool:
    """Whether the database is lost, locked, full or not set up, and not the statement wrong."""
    return isinstance(error, OperationalError) or error.connection_invalidated or _has_no_tables(error)


def what_is_wrong(error: DBAPIError) -> str:
    """A sentence for people about a database that is not available; without addresses, names or statements."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if _has_no_tables(error):
        return "The database has no tables: run candor db upgrade, or put the right file in its place."
    return _SQLITE_SENTENCES.get(code, "The database does not answer.")


def _has_no_tables(error: DBAPIError) -> bool:
    return str(error.orig).startswith("no such table") or getattr(error.orig, "sqlstate", None) == UNDEFINED_TABLE


def release() -> None:
    """Give the connection back, before talking to the outside."""
    db.session.remove()


@event.listens_for(Engine, "do_connect")
def _on_do_connect(
    _dialect: Dialect, record: ConnectionPoolEntry | None, words: list[Any], options: dict[str, Any]
) -> Any:
    opener = options.pop("opened_by", None)
    if opener is None:
        return None
    if record is not None:
        record.info["opened_by"] = opener
    return opener(*words, **options)


@event.listens_for(Engine, "connect")
def _on_connect(connection: Any, record: ConnectionPoolEntry) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        connection.isolation_level = None  # SQLAlchemy begins, not the driver
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        path = connection.execute("PRAGMA database_list").fetchone()[2]
        record.info["file"] = (path, _identity(path))


@event.listens_for(Engine, "checkout")
def _on_checkout(_connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """A connection to a file that was deleted would go on reading and writing what nobody else can see."""
    path, identity = record.info.get("file", ("", None))
    if path and _identity(path) != identity:
        raise DisconnectionError("the database's file is another one now")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@event.listens_for(Engine, "begin")
def _on_begin(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    if connection.get_execution_options().get("candor_write"):
        _begin_writing(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: Connection) -> None:
    """`BEGIN IMMEDIATE`; while waiting for the lock was in vain a moment ago, without waiting again."""
    opener: SqliteOpener | None = connection.info.get("opened_by")
    if opener is None or opener.locks is None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    may_wait = opener.locks.may_wait()
    if not may_wait:
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError:
        if may_wait:
            opener.locks.failed()
        raise
    finally:
        if not may_wait:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {opener.lock_seconds * 1000:.0f}")
    opener.locks.worked()
