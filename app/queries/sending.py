"""The state of sending: figures, alarms, pauses, limits and canaries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.channels.registry import label as channel_label
from app.clock import now
from app.deliver import alarms
from app.deliver.alarms import Raised
from app.deliver.canaries import proofs, sentence
from app.models.delivery import Delivery, Dispatch, SendLimit
from app.vocabulary import DeliveryState, DispatchState

MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Health:
    """How sending has gone: figures of the last 24 hours, and what waits now."""

    sent: int
    failed: int
    bounced: int
    waiting: int
    oldest_due: datetime | None
    held: int

    @property
    def is_late(self) -> bool:
        """Whether something has been due for more than two minutes: the worker may be down."""
        return self.oldest_due is not None and self.oldest_due < now() - timedelta(minutes=2)

    @property
    def is_idle(self) -> bool:
        return not (self.sent or self.failed or self.bounced or self.waiting or self.held)


def delivery_health(session: Session, page_id: int) -> Health:
    """How sending went in the last 24 hours.  Three queries."""
    since = now() - timedelta(hours=24)
    recent = select(Dispatch.id).where(Dispatch.page_id == page_id, Dispatch.created_at >= since)
    rows = session.execute(
        select(Delivery.state, func.count()).where(Delivery.dispatch_id.in_(recent)).group_by(Delivery.state)
    )
    counts: Mapping[str, int] = {row[0]: row[1] for row in rows}
    oldest = session.scalar(
        select(func.min(Delivery.due_at)).where(
            Delivery.dispatch_id.in_(recent), Delivery.state == DeliveryState.PENDING
        )
    )
    held = session.scalar(
        select(func.count(Dispatch.id)).where(Dispatch.page_id == page_id, Dispatch.state == DispatchState.HELD)
    )
    return Health(
        sent=counts.get(DeliveryState.SENT, 0),
        failed=counts.get(DeliveryState.FAILED, 0),
        bounced=counts.get(DeliveryState.BOUNCED, 0),
        waiting=counts.get(DeliveryState.PENDING, 0) + counts.get(DeliveryState.SENDING, 0),
        oldest_due=oldest,
        held=held or 0,
    )


@dataclass(frozen=True, slots=True)
class Pause:
    """Where nothing is sent, and why.  `domain` is empty for a whole channel."""

    channel: str
    domain: str
    why: str


@dataclass(frozen=True, slots=True)
class Proven:
    """What one canary says about its channel."""

    channel: str
    is_proven: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Read at one moment."""

    alarms: tuple[Raised, ...]
    pauses: tuple[Pause, ...]
    canaries: tuple[Proven, ...]


def standing(session: Session, page_id: int) -> Standing:
    """The state of sending for a page.  Three queries."""
    rows = session.scalars(
        select(SendLimit).where(SendLimit.paused_why != "").order_by(SendLimit.channel, SendLimit.domain)
    )
    return Standing(
        tuple(alarms.raised(session, page_id)),
        tuple(Pause(row.channel, row.domain, row.paused_why) for row in rows),
        tuple(Proven(proof.channel, proof.is_proven, sentence(proof)) for proof in proofs(session, page_id)),
    )


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit.  `waiting` messages go to this destination, or on this channel."""

    channel: str
    domain: str
    per_second: float | None
    connections: int | None
    paused_why: str
    waiting: int

    @property
    def where(self) -> str:
        """Such as "Email, all of it" or "Email to example.com"."""
        channel = channel_label(self.channel)
        if self.domain == "*":
            return f"{channel}, each other destination"
        return f"{channel} to {self.domain}" if self.domain else f"{channel}, all of it"

    @property
    def words(self) -> tuple[str, ...]:
        """What is limited, and what waits."""
        rate = f"{self.per_second:g} a second" if self.per_second is not None else ""
        at_once = f"{self.connections} at once" if self.connections is not None else ""
        waiting = f"{self.waiting:,} waiting" if self.waiting else ""
        return tuple(words for words in (rate, at_once, waiting) if words)


def limit_rows(session: Session) -> list[LimitRow]:
    """Every limit and pause.  Two queries, the second over what waits."""
    rows = session.scalars(select(SendLimit).order_by(SendLimit.channel, SendLimit.domain).limit(MOST_SHOWN)).all()
    waiting: dict[tuple[str, str], int] = {}
    for channel, domain, count in session.execute(
        select(Delivery.channel, Delivery.domain, func.count())
        .where(Delivery.state == DeliveryState.PENDING, Delivery.channel.in_({row.channel for row in rows}))
        .group_by(Delivery.channel, Delivery.domain)
    ):
        waiting[channel, domain] = count
        waiting[channel, ""] = waiting.get((channel, ""), 0) + (count if domain else 0)
    return [
        LimitRow(
            row.channel, row.domain, row.per_second, row.connections, row.paused_why,
            waiting.get((row.channel, row.domain), 0),
        )
        for row in rows
    ]  # fmt: skip
