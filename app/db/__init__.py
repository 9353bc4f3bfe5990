"""The database: the base of tables, connections with timeouts and a circuit breaker, and transactions."""

from app.db.base import NAMING, Base, UtcDateTime, db
from app.db.engine import engine_options, make_file
from app.db.timeouts import SERVING, WORKING, Timeouts
from app.db.transactions import (
    is_unavailable,
    one_instant,
    release,
    session,
    shared_now,
    transaction,
    translated,
    what_is_wrong,
)

__all__ = [
    "NAMING",
    "SERVING",
    "WORKING",
    "Base",
    "Timeouts",
    "UtcDateTime",
    "db",
    "engine_options",
    "is_unavailable",
    "make_file",
    "one_instant",
    "release",
    "session",
    "shared_now",
    "transaction",
    "translated",
    "what_is_wrong",
]
