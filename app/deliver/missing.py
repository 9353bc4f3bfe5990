"""The recipients who haven't received a dispatch, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from app.channels.registry import names as channel_names
from app.models.delivery import Delivery
from app.models.subscriber import Subscriber
from app.vocabulary import DeliveryState

NOT_RECEIVED = (
    DeliveryState.FAILED,
    DeliveryState.BOUNCED,
    DeliveryState.UNKNOWN,
    DeliveryState.SENDING,
    DeliveryState.PENDING,
    DeliveryState.SKIPPED,
)
"""Everyone who isn't known to have it, those first about whom something can be done."""

GAVE_UP = "Gave up"
"""How the reason begins of what failed in the end though trying again might help; all else that failed is for good."""


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """So many on a channel haven't received it, and why."""

    channel: str
    state: DeliveryState
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of those who haven't received an update: all, or those on a channel, in a state, with a reason."""

    channel: str | None = None
    state: DeliveryState | None = None
    reason: str | None = None

    def takes(self, one: ReasonCount) -> bool:
        """Whether those counted there are among them."""
        pairs = ((self.channel, one.channel), (self.state, one.state), (self.reason, one.reason))
        return all(wanted is None or wanted == has for wanted, has in pairs)


ALL = Wanted()


@dataclass(frozen=True, slots=True)
class Missing:
    """Someone who hasn't received an update, and why."""

    delivery_id: int
    subscriber_id: str
    channel: str
    address: str
    label: str
    state: DeliveryState
    reason: str
    attempts: int
    due_at: datetime
    settled_at: datetime | None


def given_up(reasons: Sequence[ReasonCount]) -> int:
    """How many failed though trying again might help."""
    return sum(one.count for one in reasons if one.state is DeliveryState.FAILED and one.reason.startswith(GAVE_UP))


def reasons(session: Session, dispatch_id: int) -> tuple[ReasonCount, ...]:
    """Why people haven't received an update: per channel, state and reason.  One query."""
    rows = session.execute(
        select(Delivery.channel, Delivery.state, Delivery.reason, func.count())
        .where(*_missing(dispatch_id, ALL))
        .group_by(Delivery.channel, Delivery.state, Delivery.reason)
    )
    found = [ReasonCount(row[0], DeliveryState(row[1]), row[2], row[3]) for row in rows]
    return tuple(sorted(found, key=lambda one: (NOT_RECEIVED.index(one.state), -one.count, one.channel, one.reason)))


def missing(
    session: Session, dispatch_id: int, *, wanted: Wanted = ALL, limit: int = 50, offset: int = 0
) -> Sequence[Missing]:
    """Who hasn't received an update: failed first, then waiting, then skipped.  One query."""
    rank = case({state: number for number, state in enumerate(NOT_RECEIVED)}, value=Delivery.state)
    ids = (
        select(Delivery.id)
        .where(*_missing(dispatch_id, wanted))
        .order_by(rank, Delivery.id)
        .limit(limit)
        .offset(offset)
        .subquery()
    )
    return _read(session, Delivery.id.in_(select(ids.c.id)), [rank, Delivery.id])


def missing_after(
    session: Session, dispatch_id: int, delivery_id: int, *, wanted: Wanted = ALL, limit: int = 1000
) -> Sequence[Missing]:
    """The next of them by the delivery's id, for a list that is written piece by piece.  One query."""
    ids = (
        select(Delivery.id)
        .where(*_missing(dispatch_id, wanted), Delivery.id > delivery_id)
        .order_by(Delivery.id)
        .limit(limit)
        .subquery()
    )
    return _read(session, Delivery.id.in_(select(ids.c.id)), [Delivery.id])


def _missing(dispatch_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    states = [wanted.state] if wanted.state else list(NOT_RECEIVED)
    channels = [wanted.channel] if wanted.channel else channel_names()
    which = [Delivery.dispatch_id == dispatch_id, Delivery.channel.in_(channels), Delivery.state.in_(states)]
    return [*which, Delivery.reason == wanted.reason] if wanted.reason is not None else which


def _read(session: Session, which: ColumnElement[bool], order: Sequence[Any]) -> Sequence[Missing]:
    rows = session.execute(
        select(
            Delivery.id, Subscriber.public_id, Delivery.channel, Subscriber.address, Subscriber.label, Delivery.state,
            Delivery.reason, Delivery.attempts, Delivery.due_at, Delivery.settled_at,
        )
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(which)
        .order_by(*order)
    )  # fmt: skip
    return [
        Missing(row[0], row[1], row[2], row[3], row[4], DeliveryState(row[5]), row[6], row[7], row[8], row[9])
        for row in rows
    ]
