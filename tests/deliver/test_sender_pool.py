"""Who goes first, how fast, and that nobody waits for somebody slow."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app import clock
from app.actions.posts.publishing import open_post, publish_update
from app.db import session, transaction
from app.deliver import ledger, plan, settling
from app.deliver.sender_pool import SenderPool, Size
from app.errors import Unavailable
from app.models.delivery import Delivery, DeliveryAttempt, Dispatch, SendLimit
from app.settings import Settings
from app.shapes import Outcome, Recipient, UpdateDraft
from app.vocabulary import DeliveryState, DispatchState, Impact, PostStatus
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge, refuse
from tests.factories import LENA, make_subscriber

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def subscribe(page_id: int, *addresses: str) -> None:
    for address in addresses:
        make_subscriber(page_id, address)


def limit(domain: str = "", **values: object) -> None:
    with transaction() as writing:
        writing.add(SendLimit(channel="email", domain=domain, refilled_at=NOON, **values))


def states() -> Counter[str]:
    session().rollback()
    return Counter(session().scalars(select(Delivery.state)))


def test_what_is_critical_goes_before_what_is_minor(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    subscribe(page_id, "a@example.com", "b@example.com")
    open_post(settings, LENA, page_id, draft("key-00000001", title="A small matter", impact=Impact.MINOR))
    open_post(settings, LENA, page_id, draft("key-00000002", title="All is lost", impact=Impact.CRITICAL))
    drain(settings)
    assert ["All is lost" in letter.subject for _, letter in edge.sent] == [True, True, False, False]


def test_first_attempts_go_before_retries(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    subscribe(page_id, "a@example.com")
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft("key-00000001", title="The first", impact=Impact.CRITICAL))
        edge.behave = refuse("busy")
        drain(settings)
    edge.behave = lambda _recipient: None
    with clock.frozen(NOON + timedelta(minutes=5)):
        open_post(settings, LENA, page_id, draft("key-00000002", title="The second", impact=Impact.MINOR))
        drain(settings)
    assert [letter.subject.endswith("The first") for _, letter in edge.sent] == [False, True]


def test_a_rate_is_kept_over_all_workers(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    subscribe(page_id, *(f"s{number}@example.com" for number in range(7)))
    limit(per_second=2.0)
    sent = []
    for second in range(4):
        with clock.frozen(NOON + SECOND * (second + 1)):
            if not second:
                open_post(settings, LENA, page_id, draft())
            drain(settings)
            drain(settings)
            sent.append(len(edge.sent))
    assert sent == [2, 4, 6, 7]


def test_a_limited_destination_delays_no_other(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    subscribe(page_id, *(f"s{number}@slow.example" for number in range(5)))
    subscribe(page_id, *(f"s{number}@example.com" for number in range(3)))
    limit("slow.example", per_second=1.0)
    with clock.frozen(NOON + SECOND):
        open_post(settings, LENA, page_id, draft())
        drain(settings)
    assert Counter(address.partition("@")[2] for address in edge.addresses) == {"example.com": 3, "slow.example": 1}


def test_no_more_go_at_once_than_a_destination_takes(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    subscribe(page_id, *(f"s{number}@slow.example" for number in range(5)))
    limit("slow.example", connections=2)
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    owners = [f"delivery-email-{number}" for number in range(3)]
    claimed = [len(ledger.claim(Delivery, "email", owner, 100)) for owner in owners]
    assert claimed == [2, 0, 0]


def test_every_destination_can_be_limited_alike(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    subscribe(page_id, *(f"s{n}@{host}.example" for host in ("one", "two", "three") for n in range(4)))
    limit("*", connections=2)
    limit("three.example", connections=3)
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    first = ledger.claim(Delivery, "email", "delivery-email-1", 100)
    assert len(first) == 2 + 2 + 3
    assert ledger.claim(Delivery, "email", "delivery-email-2", 100) == []


def test_nothing_leaves_while_a_channel_is_paused(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    subscribe(page_id, "a@example.com")
    limit(paused_why="too many bounces")
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    assert edge.sent == [] and states() == {DeliveryState.PENDING: 1}
    with transaction() as writing:
        writing.scalars(select(SendLimit)).one().paused_why = ""
    drain(settings)
    assert edge.addresses == ["a@example.com"]


def test_somebody_who_does_not_answer_delays_nobody_else(
    app: Flask, settings: Settings, page_id: int, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sender works; every fourth recipient hangs for as long as the test lasts."""
    monkeypatch.setattr("app.deliver.send.STALLED_SECONDS", 0.01)
    healthy, hanging = [f"s{n}@example.com" for n in range(30)], [f"hang{n}@example.com" for n in range(10)]
    subscribe(page_id, *(address for group in zip(hanging, *[iter(healthy)] * 3, strict=True) for address in group))
    let_go, arrived = threading.Event(), threading.Semaphore(0)

    def behave(recipient: Recipient) -> Outcome | None:
        if recipient.address in hanging:
            let_go.wait(30)
        else:
            arrived.release()
        return None

    edge.behave = behave
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    stop = threading.Event()
    pool = SenderPool(settings, "email", Size(1, 20), stop.is_set)
    for _ in healthy:
        while not arrived.acquire(timeout=0.02):
            pool.round()
    assert not let_go.is_set()
    let_go.set()
    while states()[DeliveryState.SENT] < 40:
        threading.Event().wait(pool.round())
    stop.set()
    pool.leave()
    assert sorted(edge.addresses) == sorted(healthy + hanging)


def test_a_machine_that_was_frozen_past_its_lease_sends_nothing(
    app: Flask, settings: Settings, page_id: int, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(page_id, "a@example.com", "b@example.com")
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    monkeypatch.setattr(ledger, "LEASE", timedelta(0))
    pool = SenderPool(settings, "email", Size(1, 1))
    assert pool.work() == 2
    pool.leave()
    assert edge.sent == []
    assert states() == {DeliveryState.PENDING: 2}


def test_what_is_claimed_and_can_not_be_addressed_is_given_back(
    app: Flask, settings: Settings, page_id: int, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(page_id, "a@example.com", "b@example.com")
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    pool = SenderPool(settings, "email", Size(1, 1))
    with monkeypatch.context() as broken:
        broken.setattr("app.deliver.feed.address_deliveries", _lost)
        with pytest.raises(Unavailable):
            pool.work()
    while pool.work():
        pass
    pool.leave()
    assert edge.addresses == ["a@example.com", "b@example.com"]
    assert states() == {DeliveryState.SENT: 2}


def test_books_that_can_not_be_kept_do_not_cut_off_what_is_on_its_way(
    app: Flask, settings: Settings, page_id: int, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was being written to when the database went away must not be written to again."""
    subscribe(page_id, *(f"s{number}@example.com" for number in range(5)))
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    pool = SenderPool(settings, "email", Size(1, 1))
    pool._settle_and_claim()
    with monkeypatch.context() as broken:
        broken.setattr("app.deliver.ledger.has_due", _lost)
        broken.setattr("app.deliver.settling.settle", _lost)
        assert pool._send_alone()
    pool.leave()
    assert sorted(edge.addresses) == [f"s{number}@example.com" for number in range(5)]
    assert states() == {DeliveryState.SENT: 5}


@pytest.mark.parametrize("step", ["ledger.claim", "settling.settle"])
def test_a_database_that_goes_away_with_its_answer_leaves_nothing_behind(
    app: Flask, settings: Settings, page_id: int, edge: Edge, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What was claimed or settled is so, although nobody was told."""
    subscribe(page_id, "a@example.com", "b@example.com", "gone@example.com")
    edge.behave = lambda recipient: (
        Outcome(recipient.delivery_id, DeliveryState.FAILED, "gone", permanent=True, status=410, took_ms=5)
        if recipient.address == "gone@example.com"
        else None
    )
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    pool = SenderPool(settings, "email", Size(1, 1))
    whole = getattr(ledger if step == "ledger.claim" else settling, step.partition(".")[2])

    def done_but_unheard(*args: object) -> None:
        whole(*args)
        _lost()

    with monkeypatch.context() as broken:
        broken.setattr(f"app.deliver.{step}", done_but_unheard)
        with pytest.raises((OperationalError, Unavailable)):
            pool.work()
    while pool.work():
        pass
    assert sum(feed.held for feed in pool._feeds) == 0
    pool.leave()
    assert sorted(edge.addresses) == ["a@example.com", "b@example.com"]
    assert states() == {DeliveryState.SENT: 2, DeliveryState.FAILED: 1}
    assert len(session().scalars(select(DeliveryAttempt)).all()) == 1


def _lost(*_args: object) -> None:
    raise OperationalError("SELECT", {}, Exception("the server closed the connection"))


def test_a_plan_that_dies_half_way_is_carried_on(
    app: Flask, settings: Settings, page_id: int, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(page_id, *(f"s{number}@example.com" for number in range(7)))
    open_post(settings, LENA, page_id, draft())
    monkeypatch.setattr(plan, "PIECE", 3)
    piece, count = plan._plan_piece, iter(range(9))
    monkeypatch.setattr(plan, "_plan_piece", lambda row: piece(row) if next(count) < 1 else None)
    assert plan.plan(plan.due_dispatches(session())[0])
    assert states() == {DeliveryState.PENDING: 3}
    drain_one = SenderPool(settings, "email", Size(1, 1))
    drain_one.work()
    drain_one.leave()
    session().rollback()
    assert session().scalars(select(Dispatch.state)).one() == DispatchState.SENDING, "not done: four were not written"
    monkeypatch.setattr(plan, "_plan_piece", piece)
    drain(settings)
    assert sorted(edge.addresses) == [f"s{number}@example.com" for number in range(7)]
    session().rollback()
    assert session().scalars(select(Dispatch.state)).one() == DispatchState.DONE


def test_a_clock_put_back_a_day_holds_nobody_up(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    subscribe(page_id, "a@example.com", "b@example.com")
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft("key-00000001"))
        plan.plan(plan.due_dispatches(session())[0])
        open_post(settings, LENA, page_id, draft("key-00000002"))
    with clock.frozen(NOON - timedelta(days=1)):
        drain(settings)
    assert len(edge.sent) == 4


def test_an_update_that_comes_late_gives_way_to_a_later_one(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    """Nobody was there to send for an hour: subscribers get what was said last, not six mails."""
    subscribe(page_id, "a@example.com")
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft())
        plan.plan(plan.due_dispatches(session())[0])
    with clock.frozen(NOON + timedelta(minutes=50)):
        publish_update(
            settings, LENA, page_id, made.post_id, UpdateDraft(PostStatus.RESOLVED, "Over.", "key-00000009", 1)
        )
    with clock.frozen(NOON + timedelta(minutes=60)):
        drain(settings)
    assert len(edge.sent) == 1 and "Over." in edge.sent[0][1].text
    assert states() == {DeliveryState.SENT: 1, DeliveryState.SKIPPED: 1}
