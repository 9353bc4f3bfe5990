"""The database's tables: up, down, and where they are."""

from pathlib import Path

import click
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import downgrade as migrate_down
from flask_migrate import upgrade as migrate_up

from app.cli.shared import Answer, answers
from app.db import db, translated
from app.settings import Settings

MIGRATIONS = str(Path(__file__).parent.parent.parent / "migrations")


def upgrade_database() -> None:
    """Bring the tables to the newest revision.  Raises Unavailable."""
    with translated():
        migrate_up(directory=MIGRATIONS)


def revisions() -> tuple[str | None, str | None]:
    """The revision that the database is at, and the newest there is.  Raises Unavailable."""
    script = ScriptDirectory.from_config(Config(str(Path(MIGRATIONS) / "alembic.ini")))
    with translated(), db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), script.get_current_head()


@click.group("db")
def database() -> None:
    """The database's tables."""


@database.command("upgrade")
@answers
def upgrade(_settings: Settings) -> Answer:
    """Bring the tables to the newest revision."""
    upgrade_database()
    return _where()


@database.command("downgrade")
@click.argument("revision", default="-1")
@answers
def downgrade(_settings: Settings, revision: str) -> Answer:
    """Take the tables back, by default by one revision."""
    with translated():
        migrate_down(directory=MIGRATIONS, revision=revision)
    return _where()


@database.command("current")
@answers
def current(_settings: Settings) -> Answer:
    """Say which revision the database is at."""
    return _where()


def _where() -> Answer:
    at, newest = revisions()
    dialect = current_app.extensions["migrate"].db.engine.dialect.name
    return Answer(f"{dialect} is at {at or 'nothing'}, the newest is {newest}", {"at": at, "newest": newest})
