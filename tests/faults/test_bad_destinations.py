"""Mail servers that refuse, hang, drip and hang up: the healthy are not delayed, and nobody hears twice."""

import signal
import threading
import time
from collections import Counter

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.posts.publishing import open_post
from app.channels import smtp_lines
from app.db import db, session
from app.deliver import plan
from app.deliver.sender_pool import SenderPool, Size
from app.models.delivery import Delivery
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.vocabulary import DeliveryState
from tests.deliver.conftest import draft
from tests.factories import LENA, make_subscriber
from tests.faults.altered import altered_worker
from tests.faults.hostile_sink import HostileSink, hostile_sink
from tests.faults.test_restore import wait_for
from tests.faults.test_worker import subscribe_many
from tests.processes import running

pytestmark = [pytest.mark.database, pytest.mark.faults]
BAD = ("no550", "full452", "busy451", "hang", "close421", "reset-before", "silent", "tarpit", "reset-after")
HEALTHY = 40
SOONER = {"app.deliver.feed.POLL_SECONDS": 0.5, "app.channels.email.EmailChannel.retries.steps": [1.0] * 4}
"""Each try is a second after the one before."""


def outcomes() -> dict[str, tuple[str, str]]:
    session().rollback()
    rows = session().execute(
        select(Subscriber.address, Delivery.state, Delivery.reason).join(
            Delivery, Delivery.subscriber_id == Subscriber.id
        )
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def carry(settings: Settings, sink: HostileSink, seconds: float) -> None:
    """Let a pool work until nothing is under way."""
    stop, begun = threading.Event(), time.monotonic()
    pool = SenderPool(settings, "email", Size(1, 1), stop.is_set)
    while pool.work() and time.monotonic() - begun < seconds:
        pass
    pool.leave()


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "plain"])
def test_each_kind_of_trouble_ends_as_it_should(
    app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch, pipelining: bool
) -> None:
    monkeypatch.setattr(smtp_lines, "MESSAGE_SECONDS", 3.0)
    healthy = [f"ok{number}@example.com" for number in range(HEALTHY)]
    for place, address in enumerate(healthy):
        make_subscriber(page_id, address)
        if place % 4 == 0 and place // 4 < len(BAD):
            make_subscriber(page_id, f"{BAD[place // 4]}@example.com")
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    with hostile_sink(pipelining=pipelining) as sink:
        carry(settings.with_changes(smtp_url=sink.url), sink, 60)
        heard = Counter(sink.recipients)
    found = outcomes()
    assert {address: found[address][0] for address in healthy} == dict.fromkeys(healthy, DeliveryState.SENT)
    assert {heard[address] for address in healthy} == {1}, "nobody hears twice"
    bad = {name: found[f"{name}@example.com"] for name in BAD}
    assert bad["no550"][0] == DeliveryState.FAILED
    assert {bad[name][0] for name in BAD if name != "no550"} == {DeliveryState.PENDING}
    for name in ("silent", "tarpit", "reset-after"):
        assert "unknown whether accepted" in bad[name][1], name
    for name in ("hang", "close421", "reset-before"):
        assert "unknown" not in bad[name][1], name
    assert heard["reset-after@example.com"] == 1


def test_who_is_refused_for_now_three_times_gets_it_once_with_the_fourth_try(
    app: Flask, settings: Settings, page_id: int
) -> None:
    make_subscriber(page_id, patient := "thrice451@example.com")
    subscribe_many(page_id, HEALTHY)
    with hostile_sink() as sink, altered_worker(settings, SOONER, SMTP_URL=sink.url):
        open_post(settings, LENA, page_id, draft())
        db.session.remove()
        wait_for(lambda: {state for state, _ in outcomes().values()} == {DeliveryState.SENT})
        db.session.remove()
    assert sorted(Counter(sink.recipients).values()) == [1] * (HEALTHY + 1)
    assert sink.asked[patient] == 4
    assert sink.recipients[-1] == patient, "nobody waits for the other"


def test_a_fifth_of_bad_destinations_delays_nobody_else(app: Flask, settings: Settings, page_id: int) -> None:
    for number in range(200):
        make_subscriber(page_id, f"{('hang', 'silent')[number % 2]}{number}@example.com")
    subscribe_many(page_id, 800)
    db.session.remove()
    with hostile_sink() as sink, running(settings, "worker", extra={"SMTP_URL": sink.url}) as worker:
        begun = time.monotonic()
        open_post(settings, LENA, page_id, draft())
        db.session.remove()
        while len(sink.taken) < 800 and time.monotonic() - begun < 60:
            time.sleep(0.05)  # another process sends: there is nothing to wait on
        handed = sorted(at - sink.begun for _, at in sink.taken)  # its start is not what is measured
        assert len(handed) == 800 and set(Counter(sink.recipients).values()) == {1}
        print(f"healthy p95 {handed[759]:.1f} s, last {handed[-1]:.1f} s")
        assert handed[759] <= 10
        stopping = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        worker.wait(15)
        assert time.monotonic() - stopping <= 10, "it leaves in time with a hundred conversations hanging"
    states = Counter(state for state, _ in outcomes().values())
    assert states[DeliveryState.SENT] == 800
    assert sum(states.values()) == 1000
