"""Several worker machines on one PostgreSQL: each mail once, whatever stops, freezes or dies meanwhile."""

import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from app import create_app
from app.actions.posts.publishing import open_post
from app.channels.registry import all_channels
from app.cli.migrating import upgrade_database
from app.clock import now
from app.db import db, session, transaction
from app.deliver import heartbeat as known
from app.models.delivery import Delivery, Dispatch, SendLimit
from app.models.machine import Machine
from app.models.page import Page
from app.models.post import Post, Update
from app.settings import Settings
from app.vocabulary import DeliveryState, DispatchState, PostKind, PostStatus
from tests.cli.shell import Shell
from tests.conftest import make_settings
from tests.deliver.conftest import draft
from tests.factories import LENA, make_page
from tests.faults.altered import SOON, altered_worker
from tests.faults.hasty import hasty_worker
from tests.faults.silence import silence
from tests.faults.test_restore import wait_for
from tests.faults.test_worker import subscribe_many
from tests.postgres import Server
from tests.processes import kill, running, start
from tests.smtp_sink import Sink, smtp_sink

pytestmark = pytest.mark.faults
RECIPIENTS = 1200
CONNECTIONS = 4
FROZEN_SECONDS = 30
STOPPED_SECONDS = 60


@pytest.fixture
def machines(installed: list[Settings]) -> list[Settings]:
    """Four machines of one installation, each with a folder of its own, that were never seen before."""
    with create_app(installed[0]).app_context():
        known.forget_all()
        with transaction() as writing:
            writing.execute(update(SendLimit).values(paused_why=""))
            writing.execute(delete(Delivery))
            writing.execute(delete(Dispatch))  # a test before this one may have left some unsent
        db.session.remove()
        db.engine.dispose()
    for machine in installed:
        known.forget_own(machine.home)
    return installed


@pytest.fixture(scope="module")
def installed(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> list[Settings]:
    made = [
        make_settings(tmp_path_factory.mktemp(f"worker-{number}"), database_url=postgres.url) for number in range(4)
    ]
    with create_app(made[0]).app_context():
        upgrade_database()
        make_page()
        subscribe_many(session().scalars(select(Page.id)).one(), RECIPIENTS)
        db.session.remove()
        db.engine.dispose()
    return made


def fan_out(machines: list[Settings], key: str, meanwhile: Callable[[Sink], None]) -> Counter[str]:
    """Publish once, let every machine's worker send, and say who heard how often once all is settled."""
    with create_app(machines[0]).app_context(), smtp_sink(pause=0.002) as sink, ExitStack() as stack:
        with transaction() as writing:
            writing.execute(delete(Delivery))
        extra = {"SMTP_URL": sink.url, "SEND_CONNECTIONS": str(CONNECTIONS)}
        for machine in machines:
            stack.enter_context(hasty_worker(machine, **extra))
        settings = machines[0].with_changes(smtp_url=sink.url)
        open_post(settings, LENA, session().scalars(select(Page.id)).one(), draft(key))
        db.session.remove()
        meanwhile(sink)
        for _ in range(900):
            if settled() == {DeliveryState.SENT: RECIPIENTS}:
                break
            with sink.arrived:
                sink.arrived.wait(0.1)
        assert settled() == {DeliveryState.SENT: RECIPIENTS}
        db.engine.dispose()
        return Counter(sink.recipients)


def settled() -> Counter[str]:
    session().rollback()
    rows = session().execute(select(Delivery.state, func.count()).group_by(Delivery.state))
    found = Counter({row[0]: row[1] for row in rows})
    db.session.remove()
    return found


@pytest.mark.parametrize("count", [2, 4])
def test_more_machines_repeat_nothing(machines: list[Settings], count: int) -> None:
    heard = fan_out(machines[:count], f"key-000{count:05}", lambda _sink: None)
    assert len(heard) == RECIPIENTS
    assert set(heard.values()) == {1}


def test_a_database_frozen_in_the_middle_loses_and_repeats_nothing(postgres: Server, machines: list[Settings]) -> None:
    def freeze(sink: Sink) -> None:
        sink.wait_for(RECIPIENTS // 4)
        postgres.freeze()
        threading.Event().wait(FROZEN_SECONDS)  # for so long nothing can be asked of it
        postgres.thaw()

    heard = fan_out(machines[:2], "key-00000010", freeze)
    assert len(heard) == RECIPIENTS
    assert set(heard.values()) == {1}


def test_a_database_stopped_in_the_middle_loses_and_repeats_nothing(postgres: Server, machines: list[Settings]) -> None:
    def stop(sink: Sink) -> None:
        sink.wait_for(RECIPIENTS // 4)
        db.engine.dispose()
        postgres.stop()
        threading.Event().wait(STOPPED_SECONDS)  # for so long there is none
        postgres.start()

    heard = fan_out(machines[:2], "key-00000011", stop)
    assert len(heard) == RECIPIENTS
    assert set(heard.values()) == {1}


def test_a_machine_that_dies_is_replaced_when_it_comes_back(machines: list[Settings]) -> None:
    """Its journal says what it had sent; the rest is sent by whoever is there."""

    def die(sink: Sink) -> None:
        third = start(machines[3], "worker", extra={"SMTP_URL": sink.url, "SEND_CONNECTIONS": str(CONNECTIONS)})
        sink.wait_for(RECIPIENTS // 3)
        kill(third)
        back.append(start(machines[3], "worker", extra={"SMTP_URL": sink.url, "SEND_CONNECTIONS": str(CONNECTIONS)}))

    back: list[object] = []
    try:
        heard = fan_out(machines[:1], "key-00000012", die)
    finally:
        for process in back:
            kill(process, signal.SIGKILL)  # type: ignore[arg-type]
    assert len(heard) == RECIPIENTS
    assert sum(heard.values()) - RECIPIENTS <= CONNECTIONS


def test_a_machine_that_is_cut_off_while_it_claims_keeps_nothing_from_the_others(machines: list[Settings]) -> None:
    """No word comes through to it any more, and what it had locked is nobody's: the database lets go of it."""
    soon = {**SOON, "app.db.engine.FORSAKEN_SECONDS": 2.0}
    with (
        create_app(machines[0]).app_context(),
        smtp_sink() as sink,
        silence(machines[1].database_url) as (network, url),
        altered_worker(machines[1].with_changes(database_url=url), soon, SMTP_URL=sink.url),
    ):
        network.falls_at = b"UPDATE delivery SET"
        begin(machines[0], "key-00000016")
        wait_for(lambda: not network.falls_at)
        with hasty_worker(machines[0], SMTP_URL=sink.url):
            wait_for(lambda: settled() == {DeliveryState.SENT: RECIPIENTS})
        db.engine.dispose()
    assert sorted(Counter(sink.recipients).values()) == [1] * RECIPIENTS


def test_a_machine_that_is_added_to_a_living_installation_joins_it(machines: list[Settings], tmp_path: Path) -> None:
    added = make_settings(tmp_path / "added", database_url=machines[0].database_url)
    heard = Counter[str]()
    with create_app(machines[0]).app_context(), smtp_sink(pause=0.03) as sink, ExitStack() as stack:
        begin(machines[0], "key-00000014")
        stack.enter_context(hasty_worker(machines[0], SMTP_URL=sink.url, SEND_CONNECTIONS=str(CONNECTIONS)))
        sink.wait_for(10)
        stack.enter_context(hasty_worker(added, SMTP_URL=sink.url, SEND_CONNECTIONS=str(CONNECTIONS)))
        wait_for(lambda: is_known(added))
        assert settled()[DeliveryState.SENT] < RECIPIENTS  # it came in the middle
        wait_for(lambda: settled() == {DeliveryState.SENT: RECIPIENTS})
        assert paused() == []
        db.engine.dispose()
        heard.update(sink.recipients)
    assert (len(heard), set(heard.values())) == (RECIPIENTS, {1})


def test_a_dump_put_back_in_place_sends_nothing_by_itself(machines: list[Settings], tmp_path: Path) -> None:
    """As docs/guides/backup.md says; also on a machine that was not there when the dump was taken."""
    dump, shell = tmp_path / "candor.dump", Shell(machines[0])
    added = make_settings(tmp_path / "added", database_url=machines[0].database_url)
    if shutil.which("pg_dump") is None:
        pytest.skip("PostgreSQL's client programs are not installed")
    with create_app(machines[0]).app_context(), smtp_sink(pause=0.03) as sink:
        begin(machines[0], "key-00000015")
        with hasty_worker(machines[0], SMTP_URL=sink.url):
            sink.wait_for(100)
            shell.json("backup", str(dump))
            before = beat_of(machines[0])
            wait_for(lambda: beat_of(machines[0]) > before)
        db.engine.dispose()
        put_back(machines[0], dump)
        gone = len(sink.recipients)
        with hasty_worker(machines[0], SMTP_URL=sink.url), hasty_worker(added, SMTP_URL=sink.url):
            wait_for(lambda: len(paused()) == len(all_channels()) and is_known(added))
            threading.Event().wait(2)  # for so long each of them could send
            assert len(sink.recipients) == gone
            assert shell.json("dispatch", "drop")["updates"] == 1
        assert set(settled()) == {DeliveryState.SENT, DeliveryState.SKIPPED}
        db.engine.dispose()


def begin(machine: Settings, key: str) -> None:
    """Publish once, and nothing else is under way."""
    with transaction() as writing:
        writing.execute(delete(Delivery))
        writing.execute(update(Dispatch).values(state=DispatchState.DONE))
    open_post(machine, LENA, session().scalars(select(Page.id)).one(), draft(key))
    db.session.remove()


def beat_of(machine: Settings) -> datetime:
    seen_at = known.load_own(machine.home).seen_at
    assert seen_at is not None
    return seen_at


def is_known(machine: Settings) -> bool:
    own = known.load_own(machine.home).id
    found = session().scalar(select(Machine.id).where(Machine.public_id == own))
    db.session.remove()
    return found is not None


def paused() -> list[str]:
    found = list(session().scalars(select(SendLimit.channel).where(SendLimit.paused_why != "")))
    db.session.remove()
    return found


def put_back(machine: Settings, dump: Path) -> None:
    """Into an empty database, which stands in for the one that was lost."""
    address = machine.database_url.replace("+psycopg", "")
    empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
    subprocess.run(["psql", "-q", "-c", empty, address], check=True, capture_output=True)
    subprocess.run(["pg_restore", "--no-owner", f"--dbname={address}", str(dump)], check=True, capture_output=True)


def test_the_clock_moves_a_maintenance_once_with_any_number_of_workers(machines: list[Settings]) -> None:
    with create_app(machines[0]).app_context(), ExitStack() as stack:
        for machine in machines:
            stack.enter_context(running(machine, "worker"))
        planned = draft(
            "key-00000013", kind=PostKind.MAINTENANCE, status=PostStatus.SCHEDULED, auto_start=True,
            scheduled_for=now() + timedelta(seconds=2), scheduled_until=now() + timedelta(seconds=4),
            auto_end=True, notify=False,
        )  # fmt: skip
        post_id = open_post(machines[0], LENA, session().scalars(select(Page.id)).one(), planned).post_id
        told = select(Update.status).join(Post).where(Post.public_id == post_id).order_by(Update.id)
        for _ in range(60):
            session().rollback()
            if len(session().scalars(told).all()) == 3:
                break
            threading.Event().wait(0.25)
        threading.Event().wait(2)  # for so long each of them could say it again
        session().rollback()
        assert session().scalars(told).all() == ["scheduled", "in_progress", "completed"]
        db.session.remove()
        db.engine.dispose()
