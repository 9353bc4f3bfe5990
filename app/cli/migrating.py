"""`candor db`: schema migrations.  Alembic is imported only by the functions that migrate."""

from pathlib import Path

import click
from flask import Flask, current_app

from app.cli.shared import Answer, answers
from app.db import db, make_file, translated
from app.settings import Settings

MIGRATIONS = str(Path(__file__).parent.parent.parent / "migrations")


def upgrade_database() -> None:
    """Upgrade the tables to the newest revision.  Raises Unavailable."""
    from flask_migrate import upgrade

    _prepare(current_app)
    make_file()
    with translated():
        upgrade(directory=MIGRATIONS)


def downgrade_database(revision: str = "base") -> None:
    """Downgrade the tables to `revision`.  Raises Unavailable."""
    from flask_migrate import downgrade

    _prepare(current_app)
    with translated():
        downgrade(directory=MIGRATIONS, revision=revision)


def revisions() -> tuple[str | None, str | None]:
    """The database's revision and the newest revision.  Raises Unavailable."""
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(Config(str(Path(MIGRATIONS) / "alembic.ini")))
    with translated(), db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), script.get_current_head()


def knows(revision: str) -> bool:
    """Whether this version of Candor can upgrade tables from `revision`."""
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
    """Upgrade or downgrade the database schema."""


@database.command("upgrade")
@answers
def upgrade_command(_settings: Settings) -> Answer:
    """Upgrade the database to the newest revision."""
    upgrade_database()
    return _where()


@database.command("downgrade")
@click.argument("revision", default="-1")
@answers
def downgrade_command(_settings: Settings, revision: str) -> Answer:
    """Downgrade the database to REVISION. Default: one revision back."""
    downgrade_database(revision)
    return _where()


@database.command("current")
@answers
def current(_settings: Settings) -> Answer:
    """Show the database's revision."""
    return _where()


def _where() -> Answer:
    at, newest = revisions()
    return Answer(
        f"{db.engine.dialect.name} is at revision {at or 'none'}. The newest is {newest}.",
        {"at": at, "newest": newest},
    )
