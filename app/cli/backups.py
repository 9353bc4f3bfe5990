"""`candor backup` and `candor restore`: the whole database to a file and back."""

import errno
import os
import shutil
from pathlib import Path

import click
from flask import Flask
from sqlalchemy import select
from sqlalchemy.engine import make_url

from app.actions.deliveries import restoring
from app.cli import sqlite_files
from app.cli.migrating import knows, upgrade_database
from app.cli.shared import Answer, answers, app_on
from app.db import db, release, session
from app.deliver import heartbeat, journal, process_lock
from app.errors import CandorError, Conflict, Invalid
from app.models.page import Page
from app.publish.refresh import refresh, sentence_of
from app.settings import Settings
from app.worker.command import run_command

DUMP_SECONDS = 24 * 3600.0
DUMP = 'exec pg_dump --format=custom --file="$CANDOR_FILE" --dbname="$CANDOR_DATABASE"'
KEYS = "Also keep secret_key and vapid_key, in a different place."
NO_PG_DUMP = (
    "pg_dump isn't installed. Install PostgreSQL's client programs (postgresql-client on Debian), "
    "or run pg_dump --format=custom on a machine that has them."
)
NO_PG_RESTORE = (
    "candor restore works with SQLite only. With PostgreSQL, stop Candor on every machine and use pg_restore; "
    "docs/guides/backup.md has the steps."
)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@answers
def backup(settings: Settings, file: Path, *, force: bool) -> Answer:
    """Back up the whole database to FILE while Candor runs.

    Only you can read FILE. If the backup fails, FILE isn't created.
    """
    file = file.absolute()
    if file.is_dir() or (file.exists() and not force):
        raise Conflict(f"{file} already exists. Choose another name{'' if file.is_dir() else ', or pass --force'}.")
    if db.engine.url.database and file == Path(db.engine.url.database).absolute():
        raise Invalid("This file is the database itself. Choose another name.")
    draft = sqlite_files.draft_beside(file)
    try:
        if db.engine.dialect.name == "sqlite":
            sqlite_files.copy(_database(), draft)
            sqlite_files.judge(draft, _database())
            sqlite_files.finish(draft)
        else:
            _dump(settings, draft)
            sqlite_files.sync(draft)
        draft.replace(file)
        sqlite_files.sync(file.parent)
    finally:
        draft.unlink(missing_ok=True)
    size = file.stat().st_size
    return Answer(f"{file}: {size:,} bytes. {KEYS}", {"file": str(file), "bytes": size})


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@answers
def restore(settings: Settings, file: Path) -> Answer:
    """Restore the database from FILE. The current database is kept beside it.

    Stop Candor first. Notifications that were unsent at the time of the backup stay paused until you resume or drop
    them with `candor dispatch`.
    """
    if db.engine.dialect.name != "sqlite":
        raise Invalid(NO_PG_RESTORE)
    if os.geteuid() == 0 and settings.home.stat().st_uid != 0:
        raise Invalid("Run this command as Candor's own user. Candor can't change files that root writes.")
    path = _database()
    with process_lock.exclusive(settings.home):
        draft = sqlite_files.draft_beside(path)
        try:
            _check(file)
            sqlite_files.copy(file, draft)
            is_held = _made_ready(app_on(settings, f"sqlite:///{draft}"), draft)
            kept = sqlite_files.take_place(draft, path)
        finally:
            for suffix in ("", *sqlite_files.BESIDE):
                draft.with_name(draft.name + suffix).unlink(missing_ok=True)
        heartbeat.forget_own(settings.home)
        for one in journal.journals(settings.journal):
            one.unlink(missing_ok=True)
        problem = _rendered(settings)
    said = [f"Restored {file}." + (f" The previous database is now {kept}." if kept else "")]
    if is_held:
        said.append(
            "Unsent notifications are paused. See candor dispatch list, then run candor dispatch resume or drop."
        )
    if problem:
        said.append(f"The page can't be rendered yet: {problem}")
    facts = {"file": str(file), "kept": str(kept) if kept else None, "paused": is_held, "rendered": not problem}
    return Answer("\n".join(said), facts)


def _database() -> Path:
    """Where the SQLite database is."""
    return Path(db.engine.url.database or "").absolute()


def _check(file: Path) -> None:
    revision = sqlite_files.judge(file, file)
    if not knows(revision):
        raise Invalid(f"{file} was made by a newer version of Candor (revision {revision}). Upgrade first.")


def _made_ready(app: Flask, draft: Path) -> bool:
    """Bring a restored copy to the newest tables, and pause what is under way in it; whether anything was."""
    with app.app_context():
        try:
            upgrade_database()
            restoring.take_back()
            is_held = restoring.is_under_way(session()) and restoring.hold(None)
            release()
            heartbeat.forget_all()
        finally:
            release()
            db.engine.dispose()
    sqlite_files.finish(draft)
    return is_held


def _rendered(settings: Settings) -> str:
    """Render every page from the restored data.  Returns what prevented it, or an empty string."""
    try:
        pages = session().scalars(select(Page.id)).all()
        release()
        for page_id in pages:
            refresh(settings, page_id)
    except (CandorError, OSError) as error:
        return sentence_of(error)
    return ""


def _dump(settings: Settings, draft: Path) -> None:
    """Have pg_dump write to `draft`.  The password goes in the environment: other users can read arguments."""
    if shutil.which("pg_dump") is None:
        raise Conflict(NO_PG_DUMP)
    url = make_url(settings.database_url)
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environ = {**os.environ, "CANDOR_FILE": str(draft), "CANDOR_DATABASE": address}
    if url.password:
        environ["PGPASSWORD"] = str(url.password)
    ended = run_command(DUMP, environ, DUMP_SECONDS, lambda: False)
    if ended is None or ended.exit_code != 0:
        raise ChildProcessError(errno.ECHILD, ended.output.strip() if ended else "was ended", "pg_dump")


COMMANDS = (backup, restore)
