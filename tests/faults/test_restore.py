"""A backup that was taken in the middle of a fan-out and is put back sends nothing by itself."""

import shutil
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import select

from app import create_app
from app.actions.posts.publishing import open_post
from app.clock import now
from app.db import db, session
from app.deliver import heartbeat
from app.models.machine import Machine
from app.settings import Settings
from app.vocabulary import DeliveryState
from tests.cli.shell import Shell
from tests.conftest import make_settings
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.faults.hasty import hasty_worker
from tests.faults.test_worker import mail, settled, subscribe_many
from tests.processes import kill, start
from tests.smtp_sink import smtp_sink

pytestmark = [pytest.mark.database, pytest.mark.faults]
RECIPIENTS = 600
QUIET = timedelta(seconds=2)
"""For so long a worker has had every chance to send: each channel looks twice a second."""


@pytest.fixture
def backup(app: Flask, settings: Settings, page_id: int, tmp_path: Path) -> Path:
    """Taken from a running worker in the middle of 600 mails; then the machine dies."""
    subscribe_many(page_id, RECIPIENTS)
    open_post(settings, LENA, page_id, draft())
    db.session.remove()
    file = tmp_path / "backup.db"
    with smtp_sink(pause=0.02) as sink, hasty_worker(settings, **mail(sink)):
        sink.wait_for(RECIPIENTS // 6)
        Shell(settings).json("backup", str(file))
        taken_at = seen(file)
        wait_for(lambda: remembered(settings) > taken_at)
    assert 0 < sent_in(file) < RECIPIENTS
    return file


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    """Another machine, with nothing on it yet."""
    return make_settings(tmp_path / "elsewhere")


@contextmanager
def looking_at(settings: Settings) -> Iterator[None]:
    """Read this installation's database."""
    with create_app(settings).app_context():
        yield
        db.session.remove()
        db.engine.dispose()


def sent_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as database:
        return int(database.execute("SELECT count(*) FROM delivery WHERE state = 'sent'").fetchone()[0])


def seen(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        return str(database.execute("SELECT max(seen_at) FROM machine").fetchone()[0])


def remembered(settings: Settings) -> str:
    seen_at = heartbeat.load_own(settings.home).seen_at
    return f"{seen_at:%Y-%m-%d %H:%M:%S.%f}" if seen_at else ""


def wait_for(what: Callable[[], bool], seconds: float = 30.0) -> None:
    """Poll other processes."""
    pause = Event()
    for _ in range(int(seconds / 0.05)):
        if what():
            return
        pause.wait(0.05)
    raise AssertionError(f"not within {seconds} s")


def wait_until_entered(settings: Settings) -> None:
    """Until the worker has decided, and then for as long as it takes to send something."""

    def is_working() -> bool:
        session().rollback()
        own = heartbeat.load_own(settings.home).id
        seen_at = session().scalar(select(Machine.seen_at).where(Machine.public_id == own))
        if seen_at is None or seen_at < called_at:
            return False
        began.extend([] if began else [seen_at])
        return seen_at - began[0] > QUIET

    called_at = now()
    began: list[datetime] = []
    wait_for(is_working)
    db.session.remove()


def question(settings: Settings) -> dict[str, object]:
    return Shell(settings).json("dispatch", "list")


def test_elsewhere_nothing_is_sent_and_resume_sends_the_rest_once(backup: Path, elsewhere: Settings) -> None:
    done = Shell(elsewhere).run("restore", str(backup))
    assert (done.returncode, "notifications are paused" in done.stdout) == (0, True), done.stderr
    with smtp_sink() as sink, hasty_worker(elsewhere, **mail(sink)), looking_at(elsewhere):
        wait_until_entered(elsewhere)
        assert (sink.connections, sink.recipients) == (0, [])
        assert "This database was restored from a backup of" in Shell(elsewhere).run("doctor").stdout
        Shell(elsewhere).json("dispatch", "resume")
        wait_for(lambda: settled() == {DeliveryState.SENT: RECIPIENTS})
        rest = RECIPIENTS - sent_in(backup)
        assert (len(sink.recipients), set(Counter(sink.recipients).values())) == (rest, {1})
        assert question(elsewhere)["paused"] is False


def test_elsewhere_drop_sends_none_and_then_goes_on(backup: Path, elsewhere: Settings) -> None:
    Shell(elsewhere).json("restore", str(backup))
    with smtp_sink() as sink, hasty_worker(elsewhere, **mail(sink)), looking_at(elsewhere):
        wait_until_entered(elsewhere)
        rest = RECIPIENTS - sent_in(backup)
        assert Shell(elsewhere).json("dispatch", "drop") == {"updates": 1, "messages": rest}
        wait_until_entered(elsewhere)
        assert sink.connections == 0
        assert settled() == {DeliveryState.SENT: RECIPIENTS - rest, DeliveryState.SKIPPED: rest}
        open_post(elsewhere, LENA, 1, draft("key-00000002"))
        db.session.remove()
        sink.wait_for(RECIPIENTS)
        assert set(Counter(sink.recipients).values()) == {1}


def test_a_file_copied_by_hand_onto_another_machine_is_noticed(backup: Path, elsewhere: Settings) -> None:
    shutil.copyfile(backup, elsewhere.home / "candor.db")
    with smtp_sink() as sink, hasty_worker(elsewhere, **mail(sink)), looking_at(elsewhere):
        wait_until_entered(elsewhere)
        assert sink.connections == 0
        assert question(elsewhere)["paused"] is True
        Shell(elsewhere).json("dispatch", "drop")  # also what the dead sender still seems to hold
        wait_until_entered(elsewhere)
        assert sink.connections == 0
        assert set(settled()) == {DeliveryState.SENT, DeliveryState.SKIPPED}


def test_a_whole_folder_copied_by_hand_is_noticed(backup: Path, settings: Settings, elsewhere: Settings) -> None:
    db.engine.dispose()
    shutil.copytree(settings.home, elsewhere.home, dirs_exist_ok=True)
    with smtp_sink() as sink, hasty_worker(elsewhere, **mail(sink)), looking_at(elsewhere):
        wait_until_entered(elsewhere)
        assert sink.connections == 0
        assert question(elsewhere)["paused"] is True


def test_a_file_put_back_by_hand_in_place_is_noticed_at_once(backup: Path, settings: Settings) -> None:
    db.engine.dispose()
    for suffix in ("-wal", "-shm"):
        (settings.home / f"candor.db{suffix}").unlink(missing_ok=True)
    shutil.copyfile(backup, settings.home / "candor.db")
    with smtp_sink() as sink, hasty_worker(settings, **mail(sink)):
        wait_until_entered(settings)
        assert sink.connections == 0
        assert question(settings)["paused"] is True


def test_restore_in_place(backup: Path, settings: Settings) -> None:
    with smtp_sink(pause=0.02) as sink, hasty_worker(settings, **mail(sink)):
        sink.wait_for(1)
        refused = Shell(settings).run("restore", str(backup))
        assert (refused.returncode, "Stop all web processes" in refused.stderr) == (2, True)
    db.engine.dispose()
    done = Shell(settings).json("restore", str(backup))
    assert (done["paused"], done["rendered"]) == (True, True)
    assert sent_in(Path(str(done["kept"]))) > sent_in(settings.home / "candor.db") == sent_in(backup)
    with smtp_sink() as sink, hasty_worker(settings, **mail(sink)):
        wait_until_entered(settings)
        assert sink.connections == 0
        Shell(settings).json("dispatch", "resume")
        wait_for(lambda: settled() == {DeliveryState.SENT: RECIPIENTS})
        assert len(sink.recipients) == RECIPIENTS - sent_in(backup)


def test_kill_9_and_a_restart_are_no_restore(backup: Path, settings: Settings) -> None:
    """The fixture has killed the worker in the middle: its machine goes on at once."""
    with smtp_sink() as sink, hasty_worker(settings, **mail(sink)):
        wait_for(lambda: settled() == {DeliveryState.SENT: RECIPIENTS})
    assert question(settings) == {"paused": False, "updates": [], "notices": 0}


def test_a_worker_that_watches_stops_when_it_is_told_to(backup: Path, elsewhere: Settings) -> None:
    shutil.copyfile(backup, elsewhere.home / "candor.db")
    log = elsewhere.home / "worker.log"
    with smtp_sink() as sink:
        process = start(elsewhere, "worker", extra=mail(sink))
        try:
            wait_for(lambda: "may be a restored backup" in log.read_text())
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
        except subprocess.TimeoutExpired:
            kill(process)
            raise
        assert sink.connections == 0
    assert question(elsewhere)["paused"] is False  # nothing is decided yet
