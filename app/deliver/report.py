"""The truth about a fan-out: counts per channel and state, and who has not received it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.deliver.audience import audience_of_post
from app.models.delivery import Delivery, Dispatch
from app.models.subscriber import Subscriber
from app.vocabulary import ChannelName, DeliveryState, DispatchState

NOT_RECEIVED = (
    DeliveryState.PENDING,
    DeliveryState.SENDING,
    DeliveryState.FAILED,
    DeliveryState.SKIPPED,
    DeliveryState.BOUNCED,
)


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """One dispatch at one moment.  `counts` is per channel and state; `skipped` per reason, out of those counts.

    While the dispatch is held nothing is planned yet: the counts then say who would get it (as pending).
    """

    public_id: str
    state: DispatchState
    hold_until: datetime
    counts: Mapping[ChannelName, Mapping[DeliveryState, int]]
    skipped: Mapping[str, int]

    @property
    def is_active(self) -> bool:
        """Whether the figures may still move."""
        return self.state in {DispatchState.HELD, DispatchState.SENDING}

    @property
    def audience(self) -> int:
        """Everybody accounted for: sent, failed, waiting and skipped together."""
        return sum(sum(states.values()) for states in self.counts.values())

    def total(self, *states: DeliveryState) -> int:
        """How many are in one of these states, over all channels."""
        return sum(channel.get(state, 0) for channel in self.counts.values() for state in states)

    @property
    def waiting(self) -> int:
        return self.total(DeliveryState.PENDING, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody who has not received an update, and why."""

    subscriber_id: str
    channel: ChannelName
    address: str
    label: str
    state: DeliveryState
    reason: str
    attempts: int
    due_at: datetime


def dispatch_report(session: Session, update_id: int) -> DispatchReport | None:
    """What happened to an update's notices; None when it notified nobody.  At most two queries."""
    dispatch = session.scalar(select(Dispatch).where(Dispatch.update_id == update_id))
    if dispatch is None:
        return None
    state = DispatchState(dispatch.state)
    counts: dict[ChannelName, dict[DeliveryState, int]] = {}
    skipped: dict[str, int] = {}
    if state is DispatchState.HELD:
        would = audience_of_post(session, dispatch.page_id, dispatch.post_id)
        counts = {channel: {DeliveryState.PENDING: count} for channel, count in would.by_channel.items()}
        skipped = dict(would.skipped)
    rows = session.execute(
        select(Delivery.channel, Delivery.state, Delivery.reason, func.count())
        .where(Delivery.dispatch_id == dispatch.id)
        .group_by(Delivery.channel, Delivery.state, Delivery.reason)
    )
    for channel, row_state, reason, count in rows:
        states = counts.setdefault(ChannelName(channel), {})
        states[DeliveryState(row_state)] = states.get(DeliveryState(row_state), 0) + count
        if row_state == DeliveryState.SKIPPED:
            skipped[reason] = skipped.get(reason, 0) + count
    return DispatchReport(dispatch.public_id, state, dispatch.hold_until, counts, skipped)


def missing(session: Session, update_id: int, *, limit: int = 50, offset: int = 0) -> Sequence[Missing]:
    """Who has not received an update: failed first, then waiting, then skipped.  One query."""
    rows = session.execute(
        select(Subscriber, Delivery)
        .join(Delivery, Delivery.subscriber_id == Subscriber.id)
        .join(Dispatch, Dispatch.id == Delivery.dispatch_id)
        .where(Dispatch.update_id == update_id, Delivery.state.in_(NOT_RECEIVED))
        .order_by(Delivery.state, Delivery.id)
        .limit(limit)
        .offset(offset)
    )
    return [
        Missing(
            subscriber_id=subscriber.public_id,
            channel=ChannelName(subscriber.channel),
            address=subscriber.address,
            label=subscriber.label,
            state=DeliveryState(delivery.state),
            reason=delivery.reason,
            attempts=delivery.attempts,
            due_at=delivery.due_at,
        )
        for subscriber, delivery in rows
    ]
