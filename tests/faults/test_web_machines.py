"""Several web machines on one PostgreSQL, each with its own data folder and none with a worker."""

import random
import re
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from http.client import HTTPException
from statistics import median

import pytest

from app import create_app
from app.cli.migrating import upgrade_database
from app.db import db
from app.settings import Settings
from app.vocabulary import Role
from tests.conftest import make_settings
from tests.factories import make_page
from tests.faults.visitor import Visitor, declaration, shows, until
from tests.postgres import Server
from tests.processes import free_port, get, kill, running, start, wait_until_answers
from tests.web.people import make_account

pytestmark = pytest.mark.faults
PUBLISHED = 6
KILLS = 8
SOON_SECONDS = 1.0


@pytest.fixture(scope="module")
def machines(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> list[Settings]:
    """Three machines of one installation, on which nothing runs yet."""
    made = [
        make_settings(tmp_path_factory.mktemp(f"machine-{number}"), database_url=postgres.url, port=free_port())
        for number in range(3)
    ]
    with create_app(made[0]).app_context():
        upgrade_database()
        make_page()
        make_account(Role.LEAD, "lena@example.com")
        db.session.remove()
        db.engine.dispose()
    return made


def signed_in(machine: Settings) -> tuple[Visitor, str]:
    wait_until_answers(f"http://127.0.0.1:{machine.port}/sign-in")
    visitor = Visitor(machine.port)
    return visitor, visitor.sign_in("lena@example.com")


def titles(words: str) -> set[str]:
    return set(re.findall(r"Trouble \d{4}\.", words))


def test_what_one_machine_publishes_all_show_within_a_second(machines: list[Settings]) -> None:
    taken = []
    with ExitStack() as running_all:
        for machine in machines:
            running_all.enter_context(running(machine, "web"))
        visitors = [signed_in(machine) for machine in machines]
        for number in range(PUBLISHED):
            visitor, token = visitors[number % 3]
            assert visitor.post("/console/default/posts", declaration(number, token))[0] == 200
            answered = time.monotonic()
            for machine in machines:
                until(shows(machine, f"Trouble {number:04}."))
            taken.append(time.monotonic() - answered)
    print(f"shown by all three after {', '.join(f'{seconds:.2f}' for seconds in taken)} s")
    assert median(taken) <= SOON_SECONDS


def test_one_is_killed_while_it_publishes_and_the_others_show_all_that_was_committed(machines: list[Settings]) -> None:
    fragile, *steady = machines
    chance = random.Random(3)
    with ExitStack() as running_all:
        for machine in steady:
            running_all.enter_context(running(machine, "web"))
        watcher, _ = signed_in(steady[0])
        visitor, token = Visitor(fragile.port), ""
        for number in range(100, 100 + KILLS):
            web = start(fragile, "web")
            wait_until_answers(f"http://127.0.0.1:{fragile.port}/sign-in")
            token = token or visitor.sign_in("lena@example.com")
            sending = threading.Thread(target=_declare, args=(visitor, number, token))
            sending.start()
            time.sleep(chance.uniform(0.0, 0.7))  # somewhere in the publish: that is the point
            kill(web)
            sending.join()
        committed = titles(watcher.get("/console/default/posts")[1])
        for machine in steady:
            until(partial(_shows_exactly, machine, committed))
        with running(fragile, "web"):
            wait_until_answers(f"http://127.0.0.1:{fragile.port}/sign-in")
            until(partial(_shows_exactly, fragile, committed))
    survived = len([title for title in committed if title >= "Trouble 0100."])
    assert 0 < survived < KILLS, "the kills never met a publish half-way"
    print(f"kills {KILLS}, committed {survived}, on all three machines")


def _declare(visitor: Visitor, number: int, token: str) -> None:
    with suppress(OSError, HTTPException):  # the process is killed while it answers
        visitor.post("/console/default/posts", declaration(number, token))


def _shows_exactly(machine: Settings, committed: set[str]) -> bool:
    return titles(get(f"http://127.0.0.1:{machine.port}/")[1].decode()) == committed
