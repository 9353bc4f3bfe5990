"""The clock of a worker's machine jumps by hours, days and a month: nothing is lost, nothing is sent twice, and
nobody is tried again and again.
"""

import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.posts.publishing import open_post
from app.db import db, session
from app.models.delivery import SendLimit
from app.settings import Settings
from app.vocabulary import DeliveryState
from tests.conftest import make_settings
from tests.deliver.conftest import draft
from tests.factories import LENA, make_subscriber
from tests.faults.altered import altered_worker
from tests.faults.hostile_sink import HostileSink, hostile_sink
from tests.faults.test_restore import wait_for
from tests.faults.test_worker import settled, subscribe_many
from tests.faults.test_worker_frozen import CONNECTIONS, is_known
from tests.faults.wrong_clock import wrong_clock
from tests.processes import running

pytestmark = [pytest.mark.database, pytest.mark.faults]
RECIPIENTS = 300
BUSY = 5
JUMPS = ("+2h", "-1d", "+30d")
PAUSE = 0.02


def begin(settings: Settings, page_id: int, busy: int = 0) -> None:
    for number in range(busy):
        make_subscriber(page_id, f"busy451-{number}@example.com")
    subscribe_many(page_id, RECIPIENTS)
    open_post(settings, LENA, page_id, draft())
    db.session.remove()


def mail(sink: HostileSink) -> dict[str, str]:
    return {"SMTP_URL": sink.url, "SEND_CONNECTIONS": str(CONNECTIONS)}


def has_taken(sink: HostileSink, share: float) -> Callable[[], bool]:
    return lambda: len(sink.taken) >= RECIPIENTS * share


def is_settled(counts: dict[DeliveryState, int]) -> Callable[[], bool]:
    def look() -> bool:
        found = settled()
        db.session.remove()
        return found == counts

    return look


def test_a_clock_that_jumps_in_a_fan_out_repeats_and_loses_nothing(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    begin(settings, page_id, BUSY)
    clock = wrong_clock(tmp_path)
    with hostile_sink(pause=PAUSE) as sink, running(settings, "worker", extra={**mail(sink), **clock.environ}):
        for number, jump in enumerate(JUMPS, 1):
            wait_for(has_taken(sink, number / 4))
            clock.put(jump)
        wait_for(is_settled({DeliveryState.SENT: RECIPIENTS, DeliveryState.PENDING: BUSY}))
        heard = Counter(sink.recipients)
    asked = {address: count for address, count in sink.asked.items() if address.startswith("busy")}
    print(f"heard {len(heard)}, tried again {sorted(asked.values())}")
    assert (len(heard), set(heard.values())) == (RECIPIENTS, {1})
    assert len(asked) == BUSY and max(asked.values()) <= 1 + len(JUMPS)


def test_a_clock_that_is_wrong_after_a_restart_repeats_and_loses_nothing(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    begin(settings, page_id)
    clock = wrong_clock(tmp_path)
    with hostile_sink(pause=PAUSE) as sink:
        for number, jump in enumerate(JUMPS[1:], 1):
            clock.put(jump)
            with running(settings, "worker", extra={**mail(sink), **clock.environ}) as worker:
                wait_for(has_taken(sink, number / 2))
                worker.send_signal(signal.SIGTERM)
                assert worker.wait(10) == 0
        assert is_settled({DeliveryState.SENT: RECIPIENTS})()
        heard = Counter(sink.recipients)
    assert (len(heard), set(heard.values())) == (RECIPIENTS, {1})


def test_a_clock_that_is_wrong_on_one_of_two_machines_repeats_and_loses_nothing(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    """What a lease says is compared on both.  On SQLite they are two processes of one machine."""
    begin(settings, page_id)
    clock, second = wrong_clock(tmp_path), settings
    if not settings.database_url.startswith("sqlite"):
        second = make_settings(tmp_path / "second", database_url=settings.database_url)
    with hostile_sink(pause=PAUSE) as sink, altered_worker(settings, **mail(sink)):
        wait_for(has_taken(sink, 0.02))
        with altered_worker(second, **mail(sink), **clock.environ):
            wait_for(lambda: is_known(second))
            for number, jump in enumerate(JUMPS, 2):
                wait_for(has_taken(sink, number / 5))
                clock.put(jump)
            wait_for(is_settled({DeliveryState.SENT: RECIPIENTS}))
            heard = Counter(sink.recipients)
    print(f"lost {RECIPIENTS - len(heard)}, repeated {sum(heard.values()) - len(heard)}")
    assert (len(heard), set(heard.values())) == (RECIPIENTS, {1})
    assert session().scalars(select(SendLimit.channel).where(SendLimit.paused_why != "")).all() == []
