"""Three worker machines, two web machines, a database and a mail server, each a host of its own; one cable is pulled
out in the middle of a fan-out, and plugged in again when the others have done the rest.
"""

import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from app import create_app
from app.cli.migrating import upgrade_database
from app.db import db, session
from app.deliver.feed import FLUSH_SECONDS
from app.models.delivery import Dispatch
from app.models.page import Page
from app.publish.refresh import published_revision
from app.settings import Settings
from app.vocabulary import DeliveryState, DispatchState, Role
from tests.conftest import make_settings
from tests.factories import make_page
from tests.faults.altered import SOON, altered_worker, said
from tests.faults.network import Network, network
from tests.faults.test_restore import wait_for
from tests.faults.test_worker import settled, subscribe_many
from tests.faults.test_worker_frozen import is_known, told
from tests.faults.test_worker_machines import beat_of
from tests.faults.visitor import Visitor, declaration, until
from tests.postgres import programs, server
from tests.processes import free_port, get, running, wait_until_answers
from tests.smtp_sink import Sink, smtp_sink
from tests.web.people import make_account

pytestmark = pytest.mark.faults
WORKERS = ("worker-1", "worker-2", "worker-3")
WEBS = ("web-a", "web-b")
LOST = "worker-2"
RECIPIENTS = 2400
CONNECTIONS = 4
PAUSE = 0.02
SOON_SECONDS = 2.0
SOONER = {
    **SOON,
    "app.db.engine.FORSAKEN_SECONDS": 2.0,
    "app.db.engine.UNHEARD_SECONDS": 2.0,
    "app.channels.smtp_lines.MESSAGE_SECONDS": 1.5,
}
"""Leases of three seconds, and nobody waits for longer than two for a word from who was cut off."""


@dataclass
class Site:
    """An installation on hosts of its own, by their names.  `here` reaches its database from the test."""

    network: Network
    machines: dict[str, Settings]
    here: Settings
    sink: Sink

    def shows(self, name: str, words: str) -> Callable[[], bool]:
        """Whether the page that this web machine gives has the words on it."""

        def look() -> bool:
            with self.network[name].inside():
                return words.encode() in get(f"http://127.0.0.1:{self.machines[name].port}/")[1]

        return look

    def publish(self, name: str, number: int) -> None:
        """By a form that is sent to this web machine."""
        machine = self.machines[name]
        with self.network[name].inside():
            wait_until_answers(f"http://127.0.0.1:{machine.port}/sign-in")
            visitor = Visitor(machine.port)
            token = visitor.sign_in("lena@example.com")
            assert visitor.post("/console/default/posts", declaration(number, token))[0] == 200


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Installed, with nothing running yet but the database and the mail server."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with network("database", "mail", *WORKERS, *WEBS) as hosts, ExitStack() as stack:
        with hosts["database"].inside():
            postgres = stack.enter_context(server(hosts["database"].address))
        with hosts["mail"].inside():
            sink = stack.enter_context(smtp_sink(PAUSE, hosts["mail"].address))
        machines = {
            name: make_settings(tmp_path / name, database_url=postgres.url, port=free_port())
            for name in (*WORKERS, *WEBS)
        }
        here = make_settings(tmp_path / "here", database_url=postgres.local_url)
        with create_app(here).app_context():
            upgrade_database()
            subscribe_many(make_page(), RECIPIENTS)
            make_account(Role.LEAD, "lena@example.com")
            db.session.remove()
            yield Site(hosts, machines, here, sink)
            db.session.remove()
            db.engine.dispose()


@contextmanager
def at_work(site: Site) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """All five machines run, and the workers know each other."""
    mail = {"SMTP_URL": site.sink.url, "SEND_CONNECTIONS": str(CONNECTIONS)}
    with ExitStack() as stack:
        processes = {}
        for name in WEBS:
            with site.network[name].inside():
                stack.enter_context(running(site.machines[name], "web"))
        for name in WORKERS:
            with site.network[name].inside():
                processes[name] = stack.enter_context(altered_worker(site.machines[name], SOONER, **mail))
        for name in WORKERS:
            wait_for(lambda name=name: is_known(site.machines[name]))  # type: ignore[misc]
        yield processes


def all_done(updates: int) -> bool:
    """Whether every row of so many updates is settled as sent, and each of them is done."""
    found = settled()
    states = Counter(session().scalars(select(Dispatch.state)))
    db.session.remove()
    return found == {DeliveryState.SENT: updates * RECIPIENTS} and states == {DispatchState.DONE: updates}


def brought(site: Site, name: str) -> set[str]:
    """Who has got something by this worker machine."""
    address = site.network[name].address
    return {one.recipient for one in site.sink.received if one.brought_by == address}


def test_a_machine_that_is_cut_off_loses_nothing_and_repeats_only_what_it_could_not_tell(site: Site) -> None:
    """What it had sent since it last told the ledger goes out again, by another: what one connection takes within a
    quarter of a second, and the message under way, for each of its connections.  Nothing else does.  It notices itself
    that it is cut off, and when it is back it sends nothing of that, and works on.
    """
    with at_work(site) as processes:
        site.publish("web-a", 1)
        took = until(site.shows("web-b", "Trouble 0001."), SOON_SECONDS)
        wait_for(lambda: len(brought(site, LOST)) >= RECIPIENTS // 12)
        site.network.unplug(LOST)
        threading.Event().wait(0.5)  # for so long the mail server takes what has come through
        sent = brought(site, LOST)
        untold = sent - told()
        assert 0 < len(sent) < RECIPIENTS // 3 - 100, "it was cut off in the middle"
        wait_for(lambda: all_done(1))
        heard = Counter(site.sink.recipients)
        repeated = {address for address, count in heard.items() if count > 1}
        print(f"shown by the other after {took:.2f} s; lost {RECIPIENTS - len(heard)}, repeated {len(repeated)}")
        assert len(heard) == RECIPIENTS and max(heard.values()) <= 2
        assert repeated == untold
        assert len(untold) <= CONNECTIONS * (2 + FLUSH_SECONDS / PAUSE)
        wait_for(lambda: re.search("email (waits|goes on)", said(site.machines[LOST])) is not None)
        comes_back_and_works_on(site, processes)


def comes_back_and_works_on(site: Site, processes: "dict[str, subprocess.Popen[bytes]]") -> None:
    """Alone: the others have left.  Nothing comes of what it had on its way when it was cut off."""
    before, beaten = len(site.sink.received), beat_of(site.machines[LOST])
    site.network.plug(LOST)
    wait_for(lambda: beat_of(site.machines[LOST]) > beaten)
    for name in set(WORKERS) - {LOST}:
        processes[name].send_signal(signal.SIGTERM)
        assert processes[name].wait(10) == 0
    site.sink.pause = 0.0
    site.publish("web-b", 2)
    took = until(site.shows("web-a", "Trouble 0002."), SOON_SECONDS)
    wait_for(lambda: all_done(2))
    since = site.sink.received[before:]
    print(f"the second shown by the other after {took:.2f} s; sent by the one that was lost: {len(since)}")
    assert {one.brought_by for one in since} == {site.network[LOST].address}
    assert sorted(Counter(one.recipient for one in since).values()) == [1] * RECIPIENTS
    revision = session().scalars(select(Page.revision)).one()
    db.session.remove()
    for name in WEBS:  # each has rendered a copy of its own
        until(lambda name=name: published_revision(site.machines[name], "default") == revision)  # type: ignore[misc]
