"""The database: one session, one way to read, and the only commit in the house."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Engine, MetaData, TypeDecorator, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import Unavailable

SQLITE_BUSY_SECONDS = 5
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
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


class Base(DeclarativeBase):
    """The root of every table."""

    registry = registry(metadata=MetaData(naming_convention=NAMING), type_annotation_map={datetime: UtcDateTime})


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


def engine_options(database_url: str) -> dict[str, Any]:
    """Options for `create_engine`: a short wait for a connection, so that a dead database is a quick answer."""
    if database_url.startswith("sqlite"):
        return {"connect_args": {"timeout": SQLITE_BUSY_SECONDS}}
    return {
        "pool_pre_ping": True,
        "pool_timeout": 3,
        "connect_args": {"connect_timeout": 3, "options": "-c lock_timeout=5000 -c statement_timeout=30000"},
    }


def session() -> Session:
    """The session of this request, command or tick; for reading.  Writing goes through `transaction`."""
    return db.session()


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
            current.commit()
        except BaseException:
            current.rollback()
            raise
        finally:
            current.info.pop("writing", None)


@contextmanager
def translated() -> Iterator[None]:
    """Turn a lost or locked database into `Unavailable`; every other database error is a fault and passes."""
    try:
        yield
    except OperationalError as error:
        raise Unavailable("The database is not available right now. Nothing was changed; try again soon.") from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise Unavailable("The connection to the database was lost. Nothing was changed; try again soon.") from error


def release() -> None:
    """Give the connection back, before talking to the outside."""
    db.session.remove()


@event.listens_for(Engine, "connect")
def _on_connect(connection: Any, _record: ConnectionPoolEntry) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        connection.isolation_level = None  # SQLAlchemy begins, not the driver
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",
            f"busy_timeout={SQLITE_BUSY_SECONDS * 1000}",
        ):
            connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _on_begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        write = connection.get_execution_options().get("candor_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
