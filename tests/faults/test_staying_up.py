"""The page outlives the app: database frozen, stopped, deleted; disk full or read-only; no worker.

Readers never notice, the console says within three seconds what is wrong, and everything heals without a restart.
"""

import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from app import create_app
from app.actions.posts.publishing import open_post
from app.cli.migrating import upgrade_database
from app.db import db
from app.publish.refresh import refresh
from app.settings import Settings
from app.vocabulary import Role
from tests.conftest import make_settings
from tests.deliver.conftest import draft
from tests.factories import LENA, make_page
from tests.faults.silence import silence
from tests.faults.visitor import Visitor, declaration, shows, until
from tests.postgres import Server
from tests.processes import free_port, get, running, start, wait_until_answers
from tests.web.people import PASSWORD, make_account

pytestmark = pytest.mark.faults
PUBLIC = ("/", "/history", "/history.rss", "/history.atom", "/api/v2/summary.json", "/api/v2/status.json")
CONSOLE = (
    "/console/default",
    "/console/default/posts",
    "/console/default/posts/new",
    "/console/default/components",
    "/board",
    "/sign-in",
    "/subscribe",
)
LONGEST_SECONDS = 3.0
AT_ONCE = 24


@pytest.fixture(scope="module")
def installed(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation on PostgreSQL, with a page and a lead."""
    settings = make_settings(tmp_path_factory.mktemp("on-postgres"), database_url=postgres.url, port=free_port())
    app = create_app(settings)
    with app.app_context():
        upgrade_database()
        page_id = make_page()
        make_account(Role.LEAD, "lena@example.com")
        refresh(settings, page_id)
        db.session.remove()
        db.engine.dispose()
    return settings


@pytest.fixture
def on_sqlite(app: Flask, settings: Settings, page_id: int) -> Settings:
    """The same on SQLite."""
    if not settings.database_url.startswith("sqlite"):
        pytest.skip("this is about SQLite's file")
    settings = settings.with_changes(port=free_port())
    make_account(Role.LEAD, "lena@example.com")
    refresh(settings, page_id)
    db.session.remove()
    db.engine.dispose()
    return settings


@contextmanager
def visited(settings: Settings) -> Iterator[tuple[Visitor, str]]:
    """A web process, without any worker, and the lead signed in."""
    with running(settings, "web"):
        wait_until_answers(f"http://127.0.0.1:{settings.port}/sign-in")
        visitor = Visitor(settings.port)
        yield visitor, visitor.sign_in("lena@example.com")


def readers_notice_nothing(settings: Settings) -> None:
    for address in PUBLIC:
        assert get(f"http://127.0.0.1:{settings.port}{address}", seconds=LONGEST_SECONDS)[0] == 200, address


def timed(ask: Callable[[], tuple[int, str]]) -> tuple[int, str, float]:
    begun = time.monotonic()
    status, answer = ask()
    return status, answer, time.monotonic() - begun


def everything_says_why(visitor: Visitor, token: str, why: str) -> float:
    """Every request that needs the database is answered 503, soon and in words; the longest time it took."""
    asking: list[Callable[[], tuple[int, str]]] = [partial(visitor.get, path) for path in CONSOLE]
    signing_in = {"email": "lena@example.com", "password": PASSWORD, "csrf_token": token}
    subscribing = {"channel": "email", "address": "carol@example.com", "scope": "all", "csrf_token": token}
    asking += [
        partial(visitor.post, "/console/default/posts", declaration(900, token)),
        partial(visitor.post, "/sign-in", signing_in),
        partial(visitor.post, "/subscribe", subscribing),
    ]
    longest = 0.0
    for ask in asking:
        status, answer, taken = timed(ask)
        assert status == 503
        assert why in unescape(answer)
        assert "Traceback" not in answer
        longest = max(longest, taken)
    assert longest < LONGEST_SECONDS
    return longest


def publishes_again(settings: Settings, visitor: Visitor, token: str, number: int) -> None:
    assert visitor.get("/console/default")[0] == 200
    status, answer = visitor.post("/console/default/posts", declaration(number, token))
    assert (status, "Published." in answer) == (200, True), answer
    assert shows(settings, f"Trouble {number:04}.")()


def test_a_frozen_database_answers_nobody_and_keeps_nobody_waiting(postgres: Server, installed: Settings) -> None:
    with visited(installed) as (visitor, token):
        postgres.freeze()
        try:
            crowd = _crowd(visitor)
            readers_notice_nothing(installed)
            longest = max(crowd(), everything_says_why(visitor, token, "The database isn't responding."))
            readers_notice_nothing(installed)
        finally:
            postgres.thaw()
        healed = until(lambda: visitor.get("/console/default")[0] == 200)
        publishes_again(installed, visitor, token, 1)
    print(f"frozen: the longest answer took {longest:.2f} s, healed after {healed:.2f} s")


def _crowd(visitor: Visitor) -> Callable[[], float]:
    """Many people ask at the same moment; call it to wait for all of them, and for the longest time that one took."""
    answers: list[tuple[int, float]] = []

    def ask() -> None:
        status, _, taken = timed(lambda: visitor.get("/console/default"))
        answers.append((status, taken))

    threads = [threading.Thread(target=ask) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()

    def outcome() -> float:
        for thread in threads:
            thread.join()
        assert {status for status, _ in answers} == {503}
        longest = max(taken for _, taken in answers)
        assert longest < LONGEST_SECONDS
        return longest

    return outcome


def test_a_stopped_database_comes_back_also_to_a_process_that_was_started_without_it(
    postgres: Server, installed: Settings
) -> None:
    with visited(installed) as (visitor, token):
        postgres.stop()
        try:
            readers_notice_nothing(installed)
            everything_says_why(visitor, token, "The database isn't responding.")
            other = installed.with_changes(port=free_port())
            with running(other, "web"):
                wait_until_answers(f"http://127.0.0.1:{other.port}/sign-in")
                readers_notice_nothing(other)
                postgres.start()
                until(lambda: Visitor(other.port).get("/sign-in")[0] == 200)
        finally:
            postgres.start()
        until(lambda: visitor.get("/console/default")[0] == 200)
        publishes_again(installed, visitor, token, 2)


def test_a_database_without_tables_says_so_and_may_get_them_later(postgres: Server, tmp_path: Path) -> None:
    engine = create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE bare"))
    engine.dispose()
    url = f"{postgres.url.rpartition('/')[0]}/bare"
    settings = make_settings(tmp_path / "bare", database_url=url, port=free_port())
    with running(settings, "web"):
        wait_until_answers(f"http://127.0.0.1:{settings.port}/sign-in")
        visitor = Visitor(settings.port)
        status, answer = visitor.get("/sign-in")
        assert (status, "Run candor db upgrade" in unescape(answer)) == (503, True)
        assert start(settings, "db", "upgrade").wait(30) == 0
        until(lambda: visitor.get("/sign-in")[0] == 200)


def test_a_commit_without_an_answer_is_not_called_undone_and_can_be_sent_again(installed: Settings) -> None:
    with (
        silence(installed.database_url) as (network, url),
        visited(installed.with_changes(database_url=url)) as (
            visitor,
            token,
        ),
    ):
        network.falls_at = b"COMMIT"
        status, answer, taken = timed(lambda: visitor.post("/console/default/posts", declaration(3, token)))
        assert (status, taken < LONGEST_SECONDS) == (503, True)
        assert "it may or may not be saved" in answer
        assert "Nothing was changed" not in answer
        until(shows(installed, "Trouble 0003."))
        until(lambda: visitor.get("/console/default")[0] == 200)
        status, answer = visitor.post("/console/default/posts", declaration(3, token))
        assert (status, "Nothing was published or sent twice." in answer) == (200, True)


def test_a_deleted_file_is_missed_and_not_made_anew(on_sqlite: Settings, tmp_path: Path) -> None:
    home = on_sqlite.home
    with visited(on_sqlite) as (visitor, token):
        publishes_again(on_sqlite, visitor, token, 1)
        for path in sorted(home.glob("candor.db*"), reverse=True):
            path.rename(tmp_path / path.name)
        readers_notice_nothing(on_sqlite)
        longest = everything_says_why(visitor, token, "The database file is missing")
        assert list(home.glob("candor.db*")) == []
        _copy_database(tmp_path / "candor.db", home / "candor.db")
        until(lambda: visitor.get("/console/default")[0] == 200)
        assert "Trouble 0001." in visitor.get("/console/default/posts")[1]
        publishes_again(on_sqlite, visitor, token, 2)
    print(f"deleted: the longest answer took {longest:.2f} s")


def _copy_database(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as whole:
        whole.execute("VACUUM INTO ?", (str(target),))
    whole.close()


def test_what_another_machine_committed_is_shown_without_any_worker(on_sqlite: Settings, tmp_path: Path) -> None:
    with visited(on_sqlite):
        elsewhere = make_settings(tmp_path / "elsewhere", database_url=on_sqlite.database_url)
        open_post(elsewhere, LENA, 1, draft())  # its files are written there and not here
        db.session.remove()
        taken = until(shows(on_sqlite, "Slow answers"))
    print(f"without a worker: shown after {taken:.2f} s")


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A disk of its own, mounted at the folder; what was in it is copied."""
    kept = folder.with_name(f"{folder.name}.kept")
    folder.rename(kept)
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting needs root and a machine that allows it")
    try:
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that is left; the file to delete to give it back."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


@contextmanager
def full(folder: Path) -> Iterator[None]:
    filler = fill(folder)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


@pytest.mark.parametrize(
    ("trouble", "why"), [(full, "No space left on device."), (read_only, "Read-only file system.")]
)
def test_files_that_can_not_be_written_keep_the_old_page_and_the_console_says_so(
    on_sqlite: Settings, trouble: Callable[[Path], AbstractContextManager[None]], why: str
) -> None:
    folder = on_sqlite.public_root
    said = f"Saved, but the page could not be written: {why} It is tried again every second."
    with small_disk(folder, 8), visited(on_sqlite) as (visitor, token):
        publishes_again(on_sqlite, visitor, token, 1)
        with trouble(folder):
            status, answer = visitor.post("/console/default/posts", declaration(2, token))
            assert (status, said in answer, "Published." in answer) == (200, True, False), answer
            assert said in visitor.get("/console/default")[1]
            readers_notice_nothing(on_sqlite)
            assert shows(on_sqlite, "Trouble 0001.")()
            assert not shows(on_sqlite, "Trouble 0002.")()
        healed = until(shows(on_sqlite, "Trouble 0002."))
        assert said not in visitor.get("/console/default")[1]
        assert not list(folder.rglob(".draft-*"))
    print(f"{trouble.__name__}: written {healed:.2f} s after there was a way again")


def test_a_full_disk_under_the_database_loses_nothing_and_keeps_nothing_half(on_sqlite: Settings) -> None:
    home = on_sqlite.home
    with small_disk(home, 16), visited(on_sqlite) as (visitor, token):
        publishes_again(on_sqlite, visitor, token, 1)
        _empty_the_log(home)
        with full(home):
            status, answer, taken = timed(lambda: visitor.post("/console/default/posts", declaration(2, token)))
            assert (status, taken < LONGEST_SECONDS) == (503, True)
            assert "The database's disk is full." in unescape(answer)
            readers_notice_nothing(on_sqlite)
        assert "Trouble 0002." not in visitor.get("/console/default/posts")[1]
        publishes_again(on_sqlite, visitor, token, 2)
        with sqlite3.connect(home / "candor.db") as reading:
            assert reading.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            counts = reading.execute("SELECT (SELECT count(*) FROM post), (SELECT count(*) FROM dispatch)").fetchone()
        reading.close()
        assert counts == (2, 2)


def _empty_the_log(home: Path) -> None:
    """Give back the room that SQLite's log holds, so that the next write has none."""
    with sqlite3.connect(home / "candor.db") as writing:
        writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writing.close()
