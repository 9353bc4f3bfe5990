"""The canaries' results: when each channel last worked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from app.clock import now
from app.models.delivery import Notice
from app.models.subscriber import Subscriber
from app.vocabulary import DeliveryState, NoticeKind, SubscriberState

STALE_AFTER = timedelta(hours=26)
"""A day, and time to try again."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One canary.  `proven_at` is when a server last took a notice for it; `last_*` are about the newest notice."""

    public_id: str
    channel: str
    address: str
    label: str
    is_active: bool
    added_at: datetime
    proven_at: datetime | None
    last_at: datetime | None
    last_state: DeliveryState | None
    last_reason: str

    @property
    def is_proven(self) -> bool:
        """Whether the channel worked within the last day or so."""
        return self.is_active and self.proven_at is not None and now() - self.proven_at <= STALE_AFTER

    @property
    def is_waiting(self) -> bool:
        """Whether a test message is on its way."""
        return self.last_state in {DeliveryState.PENDING, DeliveryState.SENDING}


def proofs(session: Session, page_id: int | None = None) -> list[Proof]:
    """Every canary, or those of one page, by channel.  One query."""
    proven, newest, last = aliased(Notice), aliased(Notice), aliased(Notice)
    proven_at = (
        select(func.max(proven.settled_at))
        .where(
            proven.subscriber_id == Subscriber.id, proven.kind == NoticeKind.CANARY, proven.state == DeliveryState.SENT
        )
        .scalar_subquery()
    )
    newest_id = (
        select(func.max(newest.id))
        .where(newest.subscriber_id == Subscriber.id, newest.kind == NoticeKind.CANARY)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Subscriber, proven_at.label("proven_at"), last)
        .outerjoin(last, last.id == newest_id)
        .where(Subscriber.is_canary, *([Subscriber.page_id == page_id] if page_id is not None else []))
        .order_by(Subscriber.channel, Subscriber.id)
    )
    return [
        Proof(
            public_id=canary.public_id, channel=canary.channel, address=canary.address,
            label=canary.label, is_active=canary.state == SubscriberState.ACTIVE, added_at=canary.created_at,
            proven_at=at, last_at=notice.created_at if notice else None,
            last_state=DeliveryState(notice.state) if notice else None, last_reason=notice.reason if notice else "",
        )
        for canary, at, notice in rows
    ]  # fmt: skip


def sentence(proof: Proof) -> str:
    """What a proof says, after the channel's name."""
    why = f": {proof.last_reason}" if proof.last_reason else ""
    if not proof.is_active:
        return "not proven: the canary is no longer subscribed"
    if proof.proven_at is not None:
        gone = _span(now() - proof.proven_at)
        return f"proven {gone} ago" if proof.is_proven else f"not proven for {gone}{why}"
    return f"never proven{why or (': a test message is on its way' if proof.is_waiting else '')}"


def _span(gone: timedelta) -> str:
    minutes = int(gone.total_seconds()) // 60
    if minutes < 2:
        return "a minute"
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
