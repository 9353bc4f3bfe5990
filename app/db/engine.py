"""How connections are opened: options, limits, and what is particular to SQLite."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.base import db
from app.db.timeouts import WORKING, PostgresOpener, SqliteOpener, Timeouts
from app.errors import Unavailable

STATEMENT_SECONDS = 30
CONNECT_SECONDS = 3
FORSAKEN_SECONDS = 60
"""So long a transaction may do nothing: what a machine that was cut off has locked comes free then."""

KEEPALIVE = {"keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 4}
UNHEARD_SECONDS = 40.0
"""A dead connection is detected within 40 seconds: by keepalives, which come only
when all that was said has arrived, and otherwise because it hasn't arrived for so long.  By default the system would
wait for two hours, or a quarter of one.
"""


def engine_options(database_url: str, timeouts: Timeouts = WORKING) -> dict[str, Any]:
    """Options for `create_engine`: a short wait for a connection, so that a dead database is a quick answer.

    `opened_by` is ours: it is called to open each connection.
    """
    if database_url.startswith("sqlite"):
        return {"connect_args": {"opened_by": SqliteOpener(timeouts)}}
    limits: dict[str, float] = {
        "lock_timeout": timeouts.lock,
        "statement_timeout": STATEMENT_SECONDS,
        "idle_in_transaction_session_timeout": FORSAKEN_SECONDS,
    }
    connecting: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **KEEPALIVE}
    connecting["tcp_user_timeout"] = int(UNHEARD_SECONDS * 1000)
    if timeouts.answer is not None:
        limits["statement_timeout"] = timeouts.lock
        connecting["opened_by"] = PostgresOpener(timeouts.answer)
    options = [f"-c {name}={seconds * 1000:.0f}" for name, seconds in limits.items()]
    # Nothing here runs for long, and compiling a statement takes seconds when the server is busy
    connecting["options"] = " ".join([*options, "-c jit=off"])
    return {"pool_pre_ping": True, "pool_timeout": 1 if timeouts.answer else 3, "connect_args": connecting}


def make_file() -> None:
    """Make the file of a SQLite database, empty, unless it is there: nothing else does, so that a lost file is noticed.

    Raises:
        Unavailable: it can't be made.
    """
    url = db.engine.url
    if db.engine.dialect.name != "sqlite" or not url.database or url.database.startswith((":memory:", "file:")):
        return
    try:
        Path(url.database).touch()
    except OSError as error:
        raise Unavailable(f"Can't create the database file: {error.strerror}.") from error


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
    """A connection to a file that was deleted would go on reading and writing what no one else can see."""
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
