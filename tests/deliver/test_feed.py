"""What is in a machine's hands while it stood still, was cut off, or can not write: nothing goes out twice."""

from collections import Counter

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app.actions.posts import open_post
from app.db import session, transaction
from app.deliver import ledger, plan
from app.deliver.crew import Crew, Size
from app.models.delivery import Delivery
from app.settings import Settings
from app.vocabulary import ChannelName, DeliveryState
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge
from tests.factories import LENA, make_subscriber

pytestmark = pytest.mark.database
PEOPLE = [f"s{number}@example.com" for number in range(5)]


@pytest.fixture
def crew(app: Flask, settings: Settings, page_id: int) -> Crew:
    """A crew of one, and five people to write to."""
    for address in PEOPLE:
        make_subscriber(page_id, address)
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    return Crew(settings, ChannelName.EMAIL, Size(1, 1))


def states() -> Counter[str]:
    session().rollback()
    return Counter(session().scalars(select(Delivery.state)))


def take_away(owner: str) -> None:
    """As another machine does when the lease is over: it puts the rows back, and takes some."""
    with transaction() as writing:
        writing.execute(update(Delivery).values(state=DeliveryState.PENDING, leased_by="", leased_until=None))
    ledger.claim(Delivery, ChannelName.EMAIL, owner, 3)


def test_what_others_have_taken_is_not_sent_when_the_lease_is_renewed(
    crew: Crew, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew._keep_books()
    take_away("delivery-email-other")
    monkeypatch.setattr("app.deliver.feed.RENEW_SECONDS", 0.0)
    crew._keep_books()
    crew.work()
    assert edge.sent == []
    while crew.work():
        pass
    crew.leave()
    assert sorted(edge.addresses) == PEOPLE[3:]
    assert states() == {DeliveryState.SENT: 2, DeliveryState.SENDING: 3}


def test_what_was_taken_and_is_claimed_again_is_in_hand_once(crew: Crew, edge: Edge) -> None:
    """Its lease was over by another machine's clock, long before this one renews."""
    crew._keep_books()
    take_away("delivery-email-other")
    crew.look()
    crew._keep_books()
    while crew.work():
        pass
    crew.leave()
    assert sorted(edge.addresses) == PEOPLE[3:]
    assert states() == {DeliveryState.SENT: 2, DeliveryState.SENDING: 3}


def test_who_can_not_tell_the_ledger_soon_stops_sending(
    crew: Crew, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is sent meanwhile goes out again if this machine is lost."""
    crew._keep_books()
    with monkeypatch.context() as cut_off:
        cut_off.setattr("app.deliver.feed.UNSETTLED_SECONDS", 0.0)
        cut_off.setattr("app.deliver.ledger.has_due", _lost)
        cut_off.setattr("app.deliver.settling.settle", _lost)
        assert crew._carry_alone()
    assert len(edge.sent) == 1
    while crew.work():
        pass
    crew.leave()
    assert sorted(edge.addresses) == PEOPLE
    assert states() == {DeliveryState.SENT: 5}


def _lost(*_args: object) -> None:
    raise OperationalError("SELECT", {}, Exception("the server closed the connection"))
