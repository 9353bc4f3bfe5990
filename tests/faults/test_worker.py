"""The worker is killed, again and again: nobody is lost, and almost nobody hears twice."""

import time
from collections import Counter

import pytest
from flask import Flask
from sqlalchemy import func, insert, select

from app.actions.posts.publishing import open_post
from app.clock import now
from app.db import db, session, transaction
from app.models.delivery import Delivery
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.text import public_id
from app.vocabulary import DeliveryState
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.processes import kill, running, start
from tests.smtp_sink import Sink, smtp_sink

pytestmark = [pytest.mark.database, pytest.mark.faults]
RECIPIENTS = 5000
CONNECTIONS = 4
KILLS = 6
LAST_SECONDS = 30.0


def subscribe_many(page_id: int, count: int) -> None:
    rows = [
        {
            "page_id": page_id,
            "channel": "email",
            "address": f"s{index}@example.com",
            "address_hash": f"{index:064}",
            "state": "active",
            "public_id": public_id(),
            "created_at": now(),
        }
        for index in range(count)
    ]
    with transaction() as writing:
        writing.execute(insert(Subscriber), rows)


def mail(sink: Sink) -> dict[str, str]:
    return {"SMTP_URL": sink.url, "SEND_CONNECTIONS": str(CONNECTIONS)}


def settled() -> Counter[str]:
    session().rollback()
    rows = session().execute(select(Delivery.state, func.count()).group_by(Delivery.state))
    return Counter({row[0]: row[1] for row in rows})


def test_kill_9_six_times_in_a_fan_out(app: Flask, settings: Settings, page_id: int) -> None:
    subscribe_many(page_id, RECIPIENTS)
    open_post(settings, LENA, page_id, draft())
    db.session.remove()
    with smtp_sink(pause=0.002) as sink:
        for number in range(KILLS):
            worker = start(settings, "worker", extra=mail(sink))
            sink.wait_for(RECIPIENTS * (number + 1) // (KILLS + 2))
            kill(worker)
        killed_at = time.monotonic()
        with running(settings, "worker", extra=mail(sink)):
            _wait_until_settled(sink)
        took = time.monotonic() - killed_at
        heard = Counter(sink.recipients)
    assert settled() == {DeliveryState.SENT: RECIPIENTS}
    assert len(heard) == RECIPIENTS
    assert sum(heard.values()) - RECIPIENTS <= KILLS * CONNECTIONS
    print(f"kills {KILLS}, lost 0, repeated {sum(heard.values()) - RECIPIENTS}, done {took:.1f} s after the last")
    assert took <= LAST_SECONDS


def test_two_workers_at_once_repeat_nothing(app: Flask, settings: Settings, page_id: int) -> None:
    subscribe_many(page_id, 600)
    open_post(settings, LENA, page_id, draft())
    db.session.remove()
    with (
        smtp_sink(pause=0.001) as sink,
        running(settings, "worker", extra=mail(sink)),
        running(settings, "worker", extra=mail(sink)),
    ):
        sink.wait_for(600)
        _wait_until_settled(sink)
        heard = Counter(sink.recipients)
    assert set(heard.values()) == {1}
    assert settled() == {DeliveryState.SENT: 600}


def _wait_until_settled(sink: Sink) -> None:
    """Until the ledger has no open row: the workers settle within a second of sending."""
    for _ in range(600):
        states = settled()
        db.session.remove()
        if not states[DeliveryState.PENDING] and not states[DeliveryState.SENDING] and states:
            return
        with sink.arrived:
            sink.arrived.wait(0.1)
    raise AssertionError(f"not settled: {states}")
