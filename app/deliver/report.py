"""The truth about a fan-out: counts per channel and state, how fast it goes, and who has not received it and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from app.clock import now
from app.deliver.audience import audience_of_post
from app.deliver.ledger import is_in
from app.deliver.plan import RETRY_LANE
from app.models.delivery import Delivery, Dispatch
from app.models.subscriber import Subscriber
from app.vocabulary import ChannelName, DeliveryState, DispatchState

NOT_RECEIVED = (
    DeliveryState.FAILED,
    DeliveryState.BOUNCED,
    DeliveryState.UNKNOWN,
    DeliveryState.SENDING,
    DeliveryState.PENDING,
    DeliveryState.SKIPPED,
)
"""Everybody who is not known to have it, those first about whom something can be done."""

WAITING = (DeliveryState.PENDING, DeliveryState.SENDING)
TRIED = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.BOUNCED, DeliveryState.UNKNOWN)
RATE_WINDOW = timedelta(seconds=10)
GAVE_UP = "Gave up"
"""How the reason begins of what failed in the end though trying again might help; all else that failed is for good."""


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """One dispatch at one moment.  `counts` is per channel and state, `skipped` per reason.

    While the dispatch is held nothing is planned yet: the counts then say who would get it (as pending), and `skipped`
    who would not.  `retrying` of those who wait were tried before, the next at `retry_at`.  `per_second` is
    how many were tried lately, 0.0 when nobody was.
    """

    public_id: str
    state: DispatchState
    hold_until: datetime
    is_planned: bool
    counts: Mapping[ChannelName, Mapping[DeliveryState, int]]
    skipped: Mapping[str, int]
    retrying: int = 0
    retry_at: datetime | None = None
    per_second: float = 0.0

    @property
    def is_active(self) -> bool:
        """Whether the figures may still move."""
        return self.state in {DispatchState.HELD, DispatchState.SENDING}

    @property
    def audience(self) -> int:
        """Everybody accounted for: sent, failed, bounced, skipped, unknown and waiting together."""
        planned = sum(sum(states.values()) for states in self.counts.values())
        return planned + self.left_out if self.state is DispatchState.HELD else planned

    @property
    def channels(self) -> Mapping[ChannelName, Mapping[DeliveryState, int]]:
        """The counts in the vocabulary's order."""
        return {name: self.counts[name] for name in ChannelName if name in self.counts}

    def total(self, *states: DeliveryState) -> int:
        """How many are in one of these states, over all channels."""
        return sum(channel.get(state, 0) for channel in self.counts.values() for state in states)

    @property
    def waiting(self) -> int:
        return self.total(*WAITING)

    @property
    def left_out(self) -> int:
        """How many are, or would be, skipped."""
        if self.state is DispatchState.HELD:
            return sum(self.skipped.values())
        return self.total(DeliveryState.SKIPPED)

    @property
    def not_received(self) -> int:
        """Everybody of the audience who is not known to have it."""
        return self.audience - self.total(DeliveryState.SENT)

    @property
    def percent(self) -> int:
        """How much of what there was to send has been tried, rounded down: 100 only when nobody waits."""
        tried = self.total(*TRIED)
        return 100 * tried // (tried + self.waiting) if tried + self.waiting else 100

    @property
    def seconds_left(self) -> float | None:
        """How long first attempts will take at this rate; None when that can not be said."""
        first = self.waiting - self.retrying
        return first / self.per_second if first > 0 and self.per_second > 0 else None


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """So many on a channel have not received it, and why."""

    channel: ChannelName
    state: DeliveryState
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of those who have not received an update: all, or those on a channel, in a state, with a reason."""

    channel: ChannelName | None = None
    state: DeliveryState | None = None
    reason: str | None = None

    def takes(self, one: ReasonCount) -> bool:
        """Whether those counted there are among them."""
        pairs = ((self.channel, one.channel), (self.state, one.state), (self.reason, one.reason))
        return all(wanted is None or wanted == has for wanted, has in pairs)


ALL = Wanted()


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody who has not received an update, and why."""

    delivery_id: int
    subscriber_id: str
    channel: ChannelName
    address: str
    label: str
    state: DeliveryState
    reason: str
    attempts: int
    due_at: datetime
    settled_at: datetime | None


def dispatch_report(session: Session, update_id: int, *, why_skipped: bool = True) -> DispatchReport | None:
    """What happened to an update's notices; None when it notified nobody.  At most five queries.

    Without `why_skipped` the reasons are left out once it is planned: they cost a look at every row that was skipped.
    """
    dispatch = session.scalar(select(Dispatch).where(Dispatch.update_id == update_id))
    if dispatch is None:
        return None
    state = DispatchState(dispatch.state)
    if state is DispatchState.HELD:
        would = audience_of_post(session, dispatch.page_id, dispatch.post_id)
        wanted = {channel: {DeliveryState.PENDING: count} for channel, count in would.by_channel.items()}
        return DispatchReport(dispatch.public_id, state, dispatch.hold_until, False, wanted, would.skipped)
    counts = _counts(session, dispatch.id)
    skipped = _skipped(session, dispatch.id) if why_skipped else {}
    retrying, retry_at = _retries(session, dispatch.id) if state is DispatchState.SENDING else (0, None)
    return DispatchReport(
        dispatch.public_id, state, dispatch.hold_until, dispatch.planned_at is not None, counts, skipped,
        retrying, retry_at, _rate(session, dispatch) if state is DispatchState.SENDING else 0.0,
    )  # fmt: skip


def _counts(session: Session, dispatch_id: int) -> dict[ChannelName, dict[DeliveryState, int]]:
    counts: dict[ChannelName, dict[DeliveryState, int]] = {}
    rows = session.execute(
        select(Delivery.channel, Delivery.state, func.count())
        .where(Delivery.dispatch_id == dispatch_id)
        .group_by(Delivery.channel, Delivery.state)
    )
    for channel, state, count in rows:
        counts.setdefault(ChannelName(channel), {})[DeliveryState(state)] = count
    return counts


def _skipped(session: Session, dispatch_id: int) -> dict[str, int]:
    rows = session.execute(
        select(Delivery.reason, func.count())
        .where(
            Delivery.dispatch_id == dispatch_id,
            Delivery.channel.in_(list(ChannelName)),
            Delivery.state == DeliveryState.SKIPPED,
        )
        .group_by(Delivery.reason)
    )
    return {row[0]: row[1] for row in rows}


def _retries(session: Session, dispatch_id: int) -> tuple[int, datetime | None]:
    """How many wait for another try, and when the first of them is due: read from the index of what waits."""
    row = session.execute(
        select(func.count(), func.min(Delivery.due_at)).where(
            Delivery.channel.in_(list(ChannelName)),
            Delivery.lane == RETRY_LANE,
            is_in(Delivery, DeliveryState.PENDING),
            Delivery.dispatch_id == dispatch_id,
        )
    ).one()
    return row[0], row[1]


def _rate(session: Session, dispatch: Dispatch) -> float:
    """Tries a second over the last ten seconds, or since the start when that is later."""
    at = now()
    begun = max(at - RATE_WINDOW, dispatch.planned_at or dispatch.hold_until)
    seconds = (at - begun).total_seconds()
    if seconds <= 0:
        return 0.0
    lately = session.scalar(
        select(func.count()).where(
            Delivery.dispatch_id == dispatch.id,
            Delivery.channel.in_(list(ChannelName)),
            Delivery.state.in_(TRIED),
            Delivery.settled_at > begun,
        )
    )
    return (lately or 0) / max(seconds, 1.0)


def given_up(reasons: Sequence[ReasonCount]) -> int:
    """How many failed though trying again might help."""
    return sum(one.count for one in reasons if one.state is DeliveryState.FAILED and one.reason.startswith(GAVE_UP))


def reasons(session: Session, update_id: int) -> tuple[ReasonCount, ...]:
    """Why people have not received an update: per channel, state and reason.  One query."""
    rows = session.execute(
        select(Delivery.channel, Delivery.state, Delivery.reason, func.count())
        .where(*_missing(session, update_id, ALL))
        .group_by(Delivery.channel, Delivery.state, Delivery.reason)
    )
    found = [ReasonCount(ChannelName(row[0]), DeliveryState(row[1]), row[2], row[3]) for row in rows]
    return tuple(sorted(found, key=lambda one: (NOT_RECEIVED.index(one.state), -one.count, one.channel, one.reason)))


def missing(
    session: Session, update_id: int, *, wanted: Wanted = ALL, limit: int = 50, offset: int = 0
) -> Sequence[Missing]:
    """Who has not received an update: failed first, then waiting, then skipped.  Two queries."""
    rank = case({state: number for number, state in enumerate(NOT_RECEIVED)}, value=Delivery.state)
    ids = (
        select(Delivery.id)
        .where(*_missing(session, update_id, wanted))
        .order_by(rank, Delivery.id)
        .limit(limit)
        .offset(offset)
        .subquery()
    )
    return _read(session, Delivery.id.in_(select(ids.c.id)), [rank, Delivery.id])


def missing_after(
    session: Session, update_id: int, delivery_id: int, *, wanted: Wanted = ALL, limit: int = 1000
) -> Sequence[Missing]:
    """The next of them by the delivery's id, for a list that is written piece by piece.  Two queries."""
    ids = (
        select(Delivery.id)
        .where(*_missing(session, update_id, wanted), Delivery.id > delivery_id)
        .order_by(Delivery.id)
        .limit(limit)
        .subquery()
    )
    return _read(session, Delivery.id.in_(select(ids.c.id)), [Delivery.id])


def _missing(session: Session, update_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    dispatch_id = session.scalar(select(Dispatch.id).where(Dispatch.update_id == update_id))
    states = [wanted.state] if wanted.state else list(NOT_RECEIVED)
    channels = [wanted.channel] if wanted.channel else list(ChannelName)
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
        Missing(
            row[0], row[1], ChannelName(row[2]), row[3], row[4], DeliveryState(row[5]), row[6], row[7], row[8], row[9]
        )
        for row in rows
    ]
