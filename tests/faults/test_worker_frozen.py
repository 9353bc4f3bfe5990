"""A worker that stands still and goes on as if nothing had been, and one that is told to leave: what they hold is sent
once, by whoever is there.
"""

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.actions.posts.publishing import open_post
from app.db import db, session
from app.deliver import heartbeat
from app.deliver.feed import FLUSH_SECONDS
from app.models.delivery import Delivery
from app.models.machine import Machine
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.vocabulary import DeliveryState
from tests.conftest import make_settings
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.faults.altered import SOON, altered_worker
from tests.faults.test_restore import wait_for
from tests.faults.test_worker import settled, subscribe_many
from tests.processes import running
from tests.smtp_sink import Sink, smtp_sink

pytestmark = [pytest.mark.database, pytest.mark.faults]
RECIPIENTS = 350
CONNECTIONS = 4
PAUSE = 0.02
LEASE_SECONDS = SOON["app.deliver.ledger.LEASE"]


def begin(settings: Settings, page_id: int, recipients: int = RECIPIENTS) -> None:
    subscribe_many(page_id, recipients)
    open_post(settings, LENA, page_id, draft())
    db.session.remove()


def all_sent() -> bool:
    found = settled()
    db.session.remove()
    return set(found) == {DeliveryState.SENT}


def mail(sink: Sink) -> dict[str, str]:
    return {"SMTP_URL": sink.url, "SEND_CONNECTIONS": str(CONNECTIONS)}


@contextmanager
def another(settings: Settings, home: Path, sink: Sink) -> Iterator[None]:
    """With PostgreSQL, a worker on another machine, once it works there."""
    if settings.database_url.startswith("sqlite"):
        yield
        return
    second = make_settings(home, database_url=settings.database_url)
    with altered_worker(second, **mail(sink)):
        wait_for(lambda: is_known(second))
        yield


def is_known(machine: Settings) -> bool:
    own = heartbeat.load_own(machine.home).id
    found = session().scalar(select(func.count()).where(Machine.public_id == own))
    db.session.remove()
    return bool(found)


def test_a_worker_frozen_past_its_lease_sends_nothing_that_is_not_its_own_any_more(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    """On PostgreSQL another machine takes what it held.  Whatever the ledger had not been told goes out again: what
    was taken within the last quarter of a second, and one message a connection.  On SQLite it goes on itself.
    """
    begin(settings, page_id)
    is_alone = settings.database_url.startswith("sqlite")
    with smtp_sink(pause=PAUSE) as sink, altered_worker(settings, **mail(sink)) as worker:
        sink.wait_for(20)
        with another(settings, tmp_path / "second", sink):
            worker.send_signal(signal.SIGSTOP)
            threading.Event().wait(0.5)  # for so long the sink takes what was on its way
            untold = set(sink.recipients) - told()
            assert len(sink.recipients) < RECIPIENTS - 100, "it was frozen in the middle"
            if is_alone:
                threading.Event().wait(LEASE_SECONDS + 1)  # for so long it is frozen
            else:
                sink.wait_for(RECIPIENTS - 50)  # the other has begun, and is not through
            worker.send_signal(signal.SIGCONT)
            wait_for(all_sent)
            threading.Event().wait(1.5)  # for so long each of them could send once more
        heard = Counter(sink.recipients)
    repeated = {address for address, count in heard.items() if count > 1}
    print(f"lost {RECIPIENTS - len(heard)}, repeated {len(repeated)}, untold {len(untold)}")
    assert len(heard) == RECIPIENTS and max(heard.values()) <= 2
    assert repeated == (set() if is_alone else untold)
    assert len(untold) <= CONNECTIONS * (1 + FLUSH_SECONDS / PAUSE)


def told() -> set[str]:
    """Who has got it as far as the ledger knows."""
    session().rollback()
    rows = select(Subscriber.address).join(Delivery, Delivery.subscriber_id == Subscriber.id)
    found = set(session().scalars(rows.where(Delivery.state == DeliveryState.SENT)))
    db.session.remove()
    return found


def test_a_worker_told_to_leave_mid_send_loses_and_repeats_nothing(
    app: Flask, settings: Settings, page_id: int
) -> None:
    """It leaves within ten seconds, with what it was sending answered and noted, and the rest given back."""
    begin(settings, page_id, recipients := 80)
    with smtp_sink(pause=0.06) as sink:
        for count in (8, 40):
            with running(settings, "worker", extra=mail(sink)) as worker:
                sink.wait_for(count)
                told_at = time.monotonic()
                worker.send_signal(signal.SIGTERM)
                assert worker.wait(10) == 0
            print(f"left after {time.monotonic() - told_at:.1f} s with {len(sink.recipients)} sent")
            assert DeliveryState.SENDING not in settled()
            db.session.remove()
            assert told() == set(sink.recipients) and len(sink.recipients) < recipients
        with running(settings, "worker", extra=mail(sink)):
            wait_for(all_sent)
        heard = Counter(sink.recipients)
    assert (len(heard), set(heard.values())) == (recipients, {1})


def test_a_worker_leaves_in_time_while_a_mail_server_does_not_greet(
    app: Flask, settings: Settings, page_id: int
) -> None:
    begin(settings, page_id, 10)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        running(settings, "worker", extra={"SMTP_URL": f"smtp://127.0.0.1:{silent.getsockname()[1]}"}) as worker,
    ):
        connection, _ = silent.accept()
        with connection:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(10) == 0
    assert settled() == {DeliveryState.PENDING: 10}
    db.session.remove()
    with smtp_sink() as sink, running(settings, "worker", extra=mail(sink)):
        wait_for(all_sent)
    assert sorted(Counter(sink.recipients).values()) == [1] * 10
