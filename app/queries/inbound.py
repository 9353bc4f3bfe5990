"""What outside systems sent, for the command line and doctor: never its content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.inbound import InboundDelivery
from app.vocabulary import InboundState


@dataclass(frozen=True, slots=True)
class InboundFacts:
    """One delivery, without its body."""

    id: int
    source: str
    received_at: datetime
    size: int
    state: InboundState
    reason: str
    attempts: int
    processed_at: datetime | None


def inbound_deliveries(
    session: Session, *, source: str = "", state: InboundState | None = None, limit: int = 100
) -> Sequence[InboundFacts]:
    """The newest deliveries first, of one source or in one state if named."""
    table = InboundDelivery
    query = select(
        table.id,
        table.source,
        table.received_at,
        table.size,
        table.state,
        table.reason,
        table.attempts,
        table.processed_at,
    )
    if source:
        query = query.where(table.source == source)
    if state is not None:
        query = query.where(table.state == state)
    rows = session.execute(query.order_by(table.id.desc()).limit(limit))
    return [InboundFacts(**row._mapping) for row in rows]


def inbound_counts(session: Session) -> dict[InboundState, int]:
    """How many deliveries are in each state."""
    rows = session.execute(select(InboundDelivery.state, func.count()).group_by(InboundDelivery.state))
    return {row[0]: row[1] for row in rows}


def oldest_unread(session: Session) -> datetime | None:
    """When the oldest delivery came in that no one has read yet."""
    return session.scalar(
        select(func.min(InboundDelivery.received_at)).where(InboundDelivery.state == InboundState.STORED)
    )
