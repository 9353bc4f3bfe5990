"""The database's tables: up, down, and where they are.  Alembic is loaded only by what migrates."""

from pathlib import Path

import click
from flask import Flask, current_app

from app.cli.shared import Answer, answers
from app.db import db, make_file, translated
from app.settings import Settings

MIGRATIONS = str(Path(__file__).parent.parent.parent / "migrations")


def upgrade_database() -> None:
    """Bring the tables to the newest revision.  Raises Unavailable."""
    from flask_migrate import upgrade

    _prepare(current_app)
    make_file()
    with translated():
        upgrade(directory=MIGRATIONS)


def downgrade_database(revision: str = "base") -> None:
    """Take the tables back to `revision`.  Raises Unavailable."""
    from flask_migrate import downgrade

    _prepare(current_app)
    with translated():
        downgrade(directory=MIGRATIONS, revision=revision)


def revisions() -> tuple[str | None, str | None]:
    """The revision that the database is at, and the newest there is.  Raises Unavailable."""
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(Config(str(Path(MIGRATIONS) / "alembic.ini")))
    with translated(), db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), script.get_current_head()


def knows(revision: str) -> bool:
    """Whether this version of Candor can bring tables at `revision` to the newest."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    try:
        ScriptDirectory.from_config(Config(str(Path(MIGRATIONS) / "alembic.ini"))).get_revision(revision)
    except CommandError:
        return False
    return True


def _prepare(app: Flask) -> None:
    from flask_migrate import Migrate

    if "migrate" not in app.extensions:
        Migrate(app, db, directory=MIGRATIONS, render_as_batch=True)


@click.group("db")
def database() -> None:
    """The database's tables."""


@database.command("upgrade")
@answers
def upgrade_command(_settings: Settings) -> Answer:
    """Bring the tables to the newest revision."""
    upgrade_database()
    return _where()


@database.command("downgrade")
@click.argument("revision", default="-1")
@answers
def downgrade_command(_settings: Settings, revision: str) -> Answer:
    """Take the tables back, by default by one revision."""
    downgrade_database(revision)
    return _where()


@database.command("current")
@answers
def current(_settings: Settings) -> Answer:
    """Say which revision the database is at."""
    return _where()


def _where() -> Answer:
    at, newest = revisions()
    return Answer(
        f"{db.engine.dialect.name} is at {at or 'nothing'}, the newest is {newest}", {"at": at, "newest": newest}
    )
