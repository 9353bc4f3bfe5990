"""Runs migrations: one short lock wait, and on SQLite with foreign keys off and checked after.

A batch ALTER of a parent table drops and renames it; with foreign keys on, ON DELETE CASCADE would delete the children.
"""

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

from app.db import Base, UtcDateTime

LOCK_SECONDS = 5


def _render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen_context.imports.add("import app.db")
        return "app.db.UtcDateTime()"
    return False


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
    if broken:
        raise RuntimeError(f"the migration left {len(broken)} rows that point nowhere; nothing was changed")


def run() -> None:
    """Migrate online, in one transaction."""
    engine = current_app.extensions["migrate"].db.engine
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if is_sqlite:  # only possible outside a transaction
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
        else:
            connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
            connection.commit()
        try:
            context.configure(
                connection=connection.execution_options(candor_write=True),
                target_metadata=Base.metadata,
                render_as_batch=True,
                render_item=_render_item,
                transaction_per_migration=False,
                transactional_ddl=True,
                compare_type=True,
            )
            with context.begin_transaction():
                context.run_migrations()
                if is_sqlite:
                    _check_foreign_keys(connection)
        finally:
            if is_sqlite:
                connection.connection.driver_connection.execute("PRAGMA foreign_keys=ON")


run()
