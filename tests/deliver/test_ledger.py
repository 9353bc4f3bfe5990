"""Every subscriber is accounted for, once, whatever the other side does."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.actions.deliveries.dispatches import Retry, cancel_dispatch, retry_failed
from app.actions.posts.publishing import open_post, publish_update
from app.clock import now
from app.db import session, transaction
from app.deliver import ledger, plan, recovery
from app.deliver.audience import NOT_ASKED, audience_count
from app.deliver.journal import Journal
from app.deliver.missing import missing
from app.deliver.report import dispatch_report
from app.deliver.sender_pool import SenderPool, Size
from app.errors import Conflict
from app.models.component import Component
from app.models.delivery import Delivery, Dispatch
from app.models.post import Update
from app.models.subscriber import Subscriber, Suppression
from app.settings import Settings
from app.shapes import Outcome, UpdateDraft
from app.states import deliveries
from app.vocabulary import DeliveryState, DispatchState, PostStatus, SubscriberState
from app.worker.loop import drain
from tests.conftest import make_settings
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge, refuse
from tests.factories import LENA, make_component, make_subscriber

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def states() -> Counter[str]:
    session().rollback()
    return Counter(session().scalars(select(Delivery.state)))


def dispatch() -> Dispatch:
    session().rollback()
    return session().scalars(select(Dispatch).order_by(Dispatch.id.desc())).first()  # type: ignore[return-value]


def update_id() -> int:
    return session().scalars(select(Update.id).order_by(Update.id.desc())).first() or 0


def suppress(address: str) -> None:
    with transaction() as writing:
        found = writing.scalars(select(Subscriber).where(Subscriber.address == address)).one()
        writing.add(Suppression(channel=found.channel, address_hash=found.address_hash, why="bounced"))


def test_rows_are_the_audience_and_say_why_somebody_is_skipped(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    api, web = make_component(page_id, "API"), make_component(page_id, "Web")
    web_id = session().scalars(select(Component.id).where(Component.public_id == web)).one()
    make_subscriber(page_id, "all@example.com")
    make_subscriber(page_id, "web@example.com", component_ids=(web_id,))
    make_subscriber(page_id, "new@example.com", state=SubscriberState.UNCONFIRMED)
    make_subscriber(page_id, "bounced@example.com", state=SubscriberState.QUARANTINED)
    make_subscriber(page_id, "stopped@example.com")
    make_subscriber(page_id, "gone@example.com", state=SubscriberState.UNSUBSCRIBED)
    suppress("stopped@example.com")

    before = audience_count(session(), page_id, [api])
    open_post(settings, LENA, page_id, draft("key-00000001", api))
    drain(settings)

    report = dispatch_report(session(), update_id())
    assert report is not None
    assert edge.addresses == ["all@example.com"]
    assert before.total == report.total(DeliveryState.SENT) == 1
    assert dict(before.skipped) == dict(report.skipped)
    assert report.audience == 5
    assert report.skipped[NOT_ASKED] == 1
    assert report.state is DispatchState.DONE
    assert {row.address for row in missing(session(), session().scalars(select(Dispatch.id)).one())} == {
        "web@example.com", "new@example.com", "bounced@example.com", "stopped@example.com",
    }  # fmt: skip


def test_a_second_worker_finds_nothing_to_do(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    drain(settings)
    assert edge.addresses == ["carol@example.com"]


def test_planning_twice_writes_once(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft())
    due = plan.due_dispatches(session())
    assert [plan.plan(due[0]), plan.plan(due[0])] == [True, False]
    assert states() == {DeliveryState.PENDING: 1}


def test_a_temporary_refusal_is_tried_again_later_and_then_arrives(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id)
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft())
        edge.behave = refuse("mailbox busy")
        drain(settings)
    assert states() == {DeliveryState.PENDING: 1}
    with clock.frozen(NOON + timedelta(seconds=40)):
        drain(settings)
    assert edge.sent == []
    edge.behave = lambda _recipient: None
    with clock.frozen(NOON + timedelta(seconds=80)):
        drain(settings)
    assert states() == {DeliveryState.SENT: 1}


def test_retry_after_is_honoured(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id)
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft())
        edge.behave = refuse("slow down", retry_after=900)
        drain(settings)
    session().rollback()
    assert session().scalars(select(Delivery.due_at)).one() >= NOON + timedelta(seconds=900)


def test_it_gives_up_after_a_day(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id)
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft())
    edge.behave = refuse("mailbox busy")
    for hours in range(30):
        with clock.frozen(NOON + timedelta(hours=hours * 1.3)):
            drain(settings)
    session().rollback()
    row = session().scalars(select(Delivery)).one()
    assert row.state == DeliveryState.FAILED
    assert row.reason.startswith("Gave up after 24 hours: mailbox busy")
    assert dispatch().state == DispatchState.DONE


def test_a_permanent_refusal_is_final_until_a_person_retries(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft())
    edge.behave = refuse("no such user", permanent=True)
    drain(settings)
    assert states() == {DeliveryState.FAILED: 1}
    edge.behave = lambda _recipient: None
    assert retry_failed(settings, LENA, page_id, dispatch().public_id, Retry(now(), even_permanent=True)) == 1
    drain(settings)
    assert states() == {DeliveryState.SENT: 1}
    assert dispatch().state == DispatchState.DONE


def test_an_address_said_twice_not_to_exist_is_written_to_no_more(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id)
    edge.behave = lambda r: Outcome(r.delivery_id, DeliveryState.FAILED, "no such user", permanent=True, suppress=True)
    for number in range(2):
        open_post(settings, LENA, page_id, draft(f"key-0000000{number}"))
        drain(settings)
    edge.behave = lambda _recipient: None
    open_post(settings, LENA, page_id, draft("key-00000003"))
    drain(settings)
    assert states() == {DeliveryState.FAILED: 2, DeliveryState.SKIPPED: 1}
    assert edge.sent == []


def test_somebody_who_leaves_between_plan_and_send_is_not_written_to(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    suppress("carol@example.com")
    drain(settings)
    assert edge.sent == []
    assert states() == {DeliveryState.SKIPPED: 1}


def test_a_retry_is_dropped_when_a_later_update_is_on_its_way(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id)
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft())
        edge.behave = refuse("mailbox busy")
        drain(settings)
    edge.behave = lambda _recipient: None
    with clock.frozen(NOON + timedelta(minutes=10)):
        later = UpdateDraft(PostStatus.RESOLVED, "It is over.", "key-00000002", version=1)
        publish_update(settings, LENA, page_id, made.post_id, later)
        drain(settings)
    assert len(edge.sent) == 1
    assert states() == {DeliveryState.SENT: 1, DeliveryState.SKIPPED: 1}


def test_nothing_leaves_while_held_and_nothing_at_all_when_cancelled(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    held = make_settings(settings.home, database_url=settings.database_url, hold_seconds=30)
    make_subscriber(page_id)
    with clock.frozen(NOON):
        open_post(held, LENA, page_id, draft())
    with clock.frozen(NOON + timedelta(seconds=29)):
        drain(held)
        assert edge.sent == []
        cancel_dispatch(settings, LENA, page_id, dispatch().public_id)
    with clock.frozen(NOON + timedelta(seconds=60)):
        drain(held)
    assert edge.sent == []
    assert dispatch().state == DispatchState.CANCELLED


def test_what_is_cancelled_after_it_was_claimed_does_not_leave(
    app: Flask, settings: Settings, page_id: int, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker has the rows in its hands, and somebody drops the dispatch before their addresses are looked up."""
    for index in range(2):
        make_subscriber(page_id, f"s{index}@example.com")
    claim = ledger.claim

    def claimed_then_dropped(*words: Any) -> list[ledger.Claim]:
        found = claim(*words)
        with transaction() as writing:
            deliveries.cancel(writing, writing.scalars(select(Dispatch)).one())
        return found

    monkeypatch.setattr(ledger, "claim", claimed_then_dropped)
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    assert edge.sent == []
    assert states() == {DeliveryState.SKIPPED: 2}
    assert set(session().scalars(select(Delivery.reason))) == {deliveries.CANCELLED}


def test_what_is_being_sent_can_not_be_cancelled(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    with pytest.raises(Conflict):
        cancel_dispatch(settings, LENA, page_id, dispatch().public_id)


def test_a_channel_that_breaks_loses_nobody(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    for index in range(5):
        make_subscriber(page_id, f"s{index}@example.com")
    edge.behave = lambda r: RuntimeError("wire cut") if r.address == "s2@example.com" else None
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft())
        drain(settings)
    assert edge.addresses == [f"s{index}@example.com" for index in (0, 1, 3, 4)]
    assert states() == {DeliveryState.SENT: 4, DeliveryState.PENDING: 1}
    edge.behave = lambda _recipient: None
    with clock.frozen(NOON + timedelta(minutes=2)):
        drain(settings)
    assert sorted(edge.addresses) == [f"s{index}@example.com" for index in range(5)]


def test_what_a_dead_sender_had_sent_is_not_sent_again(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    for index in range(4):
        make_subscriber(page_id, f"s{index}@example.com")
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    owner = recovery.owner_name(Delivery, "email-dead")
    claims = ledger.claim(Delivery, "email", owner, 3)
    journal = Journal(settings.journal, owner)
    journal.note(Outcome(claims[0].id, DeliveryState.SENT))
    _die(journal, torn=b'{"delivery_id": 2, "sta')

    drain(settings)

    assert len(edge.sent) == 3
    assert edge.addresses[0] != "s0@example.com"
    assert states() == {DeliveryState.SENT: 4}
    assert list(settings.journal.iterdir()) == []


def test_a_living_sender_keeps_its_lease_and_a_lost_one_expires(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id)
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft())
        plan.plan(plan.due_dispatches(session())[0])
        owner = recovery.owner_name(Delivery, "email-slow")
        journal = Journal(settings.journal, owner)
        ledger.claim(Delivery, "email", owner, 1)
    with clock.frozen(NOON + ledger.LEASE + timedelta(seconds=1)):
        drain(settings)
        assert edge.sent == []
        journal.close()  # as if it had been on another machine: no file here tells that it lives
        drain(settings)
        assert edge.addresses == ["carol@example.com"]


def test_stopping_gives_back_what_was_not_tried(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    for index in range(3):
        make_subscriber(page_id, f"s{index}@example.com")
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    pool = SenderPool(settings, "email", Size(1, 1), is_stopping=lambda: len(edge.sent) == 1)
    pool.work()
    pool.leave()
    assert states() == {DeliveryState.SENT: 1, DeliveryState.PENDING: 2}
    session().rollback()
    assert set(session().scalars(select(Delivery.attempts).where(Delivery.state == DeliveryState.PENDING))) == {0}


def _die(journal: Journal, torn: bytes) -> None:
    """What kill -9 leaves: a file cut in a line, and no lock."""
    import os

    os.write(journal._file, torn)
    os.close(journal._file)
    assert Path(journal._path).exists()
