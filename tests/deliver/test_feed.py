"""What is in a machine's hands while it stood still, was cut off, or can not write: nothing goes out twice."""

import errno
import os
from collections import Counter
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app.actions.posts.publishing import open_post
from app.db import session, transaction
from app.deliver import ledger, plan
from app.deliver.journal import Journal, orphan
from app.deliver.send import FAULT
from app.deliver.sender_pool import SenderPool, Size
from app.models.delivery import Delivery
from app.settings import Settings
from app.shapes import Outcome
from app.vocabulary import DeliveryState
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge
from tests.factories import LENA, make_subscriber

pytestmark = pytest.mark.database
PEOPLE = [f"s{number}@example.com" for number in range(5)]


@pytest.fixture
def pool(app: Flask, settings: Settings, page_id: int) -> SenderPool:
    """A pool of one sender, and five people to write to."""
    for address in PEOPLE:
        make_subscriber(page_id, address)
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    return SenderPool(settings, "email", Size(1, 1))


def states() -> Counter[str]:
    session().rollback()
    return Counter(session().scalars(select(Delivery.state)))


def take_away(owner: str) -> None:
    """As another machine does when the lease is over: it puts the rows back, and takes some."""
    with transaction() as writing:
        writing.execute(update(Delivery).values(state=DeliveryState.PENDING, leased_by="", leased_until=None))
    ledger.claim(Delivery, "email", owner, 3)


def test_what_others_have_taken_is_not_sent_when_the_lease_is_renewed(
    pool: SenderPool, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool._settle_and_claim()
    take_away("delivery-email-other")
    monkeypatch.setattr("app.deliver.feed.RENEW_SECONDS", 0.0)
    pool._settle_and_claim()
    pool.work()
    assert edge.sent == []
    while pool.work():
        pass
    pool.leave()
    assert sorted(edge.addresses) == PEOPLE[3:]
    assert states() == {DeliveryState.SENT: 2, DeliveryState.SENDING: 3}


def test_what_was_taken_and_is_claimed_again_is_in_hand_once(pool: SenderPool, edge: Edge) -> None:
    """Its lease was over by another machine's clock, long before this one renews."""
    pool._settle_and_claim()
    take_away("delivery-email-other")
    pool.look()
    pool._settle_and_claim()
    while pool.work():
        pass
    pool.leave()
    assert sorted(edge.addresses) == PEOPLE[3:]
    assert states() == {DeliveryState.SENT: 2, DeliveryState.SENDING: 3}


def all_is_sent_once(pool: SenderPool, edge: Edge) -> None:
    """Let the pool work until nothing is left, and look."""
    while pool.work():
        pass
    pool.leave()
    assert sorted(edge.addresses) == PEOPLE
    assert states() == {DeliveryState.SENT: 5}


def test_who_can_not_tell_the_ledger_soon_stops_sending(
    pool: SenderPool, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is sent meanwhile goes out again if this machine is lost."""
    pool._settle_and_claim()
    with monkeypatch.context() as cut_off:
        cut_off.setattr("app.deliver.feed.UNSETTLED_SECONDS", 0.0)
        cut_off.setattr("app.deliver.ledger.has_due", _lost)
        cut_off.setattr("app.deliver.settling.settle", _lost)
        assert pool._send_alone()
    assert len(edge.sent) == 1
    all_is_sent_once(pool, edge)


def test_a_channel_that_fails_before_it_takes_anybody_loses_nobody(
    pool: SenderPool, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Edge, "open", _lost)
        for _ in range(2):
            pool.work()
    assert sum(feed.held for feed in pool._feeds) == 0
    pool.leave()
    session().rollback()
    waiting = select(Delivery.reason).where(Delivery.state == DeliveryState.PENDING)
    assert session().scalars(waiting).all() == [FAULT] * len(PEOPLE)


def test_a_full_disk_under_the_journal_alone_holds_nobody_up(
    pool: SenderPool, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger is told of each message at once instead."""
    monkeypatch.setattr(Journal, "note", _full)
    pool._settle_and_claim()
    assert pool._send_alone()
    assert sorted(edge.addresses) == PEOPLE
    assert states()[DeliveryState.SENT] == 5
    pool.leave()
    assert states() == {DeliveryState.SENT: 5}


def test_who_can_tell_neither_journal_nor_ledger_stops_at_once(
    pool: SenderPool, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.deliver.feed.UNWRITTEN_SECONDS", 0.0)
    pool._settle_and_claim()
    with monkeypatch.context() as full:
        full.setattr(Journal, "note", _full)
        full.setattr("app.deliver.settling.settle", _lost)
        assert pool._send_alone()
        assert len(edge.sent) == 1
    all_is_sent_once(pool, edge)


def test_half_a_line_in_the_journal_tells_of_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full after two bytes, and there is room again when the next one is noted."""
    written = Journal(tmp_path, "delivery-email-full")
    written.note(Outcome(7, DeliveryState.SENT))
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda handle, line, write=os.write: write(handle, line[:2]))
        with pytest.raises(OSError, match="No space left"):
            written.note(Outcome(123, DeliveryState.SENT))
    written.note(Outcome(45, DeliveryState.SENT))
    written.close(keep=True)
    with orphan(tmp_path / "delivery-email-full.journal") as found:
        assert found is not None
        assert [outcome.delivery_id for outcome in found[1]] == [7, 45]


def _full(*_args: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _lost(*_args: object) -> None:
    raise OperationalError("SELECT", {}, Exception("the server closed the connection"))
