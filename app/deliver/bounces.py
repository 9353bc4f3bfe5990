"""What a bounce or a complaint does to whoever it is about: one rule for what servers say and for what comes back."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import now
from app.models.subscriber import Subscriber, Suppression
from app.vocabulary import SubscriberState

SUPPRESSES_AT = 2
NO_SUCH_ADDRESS = "the address does not exist"
COMPLAINED = "marked our mail as unwanted"


def count_hard(session: Session, rows: Iterable[Subscriber]) -> None:
    """An address was said not to exist.  Once may be a server's mistake; the second time nothing more is sent to it."""
    for row in rows:
        row.bounces += 1
        if row.bounces >= SUPPRESSES_AT:
            quarantine(session, row, NO_SUCH_ADDRESS)


def quarantine(session: Session, row: Subscriber, why: str) -> None:
    """Write to this address no more, whoever subscribed it."""
    if row.state in {SubscriberState.ACTIVE, SubscriberState.UNCONFIRMED}:
        row.state = SubscriberState.QUARANTINED
    known = session.scalar(
        select(Suppression.id).where(Suppression.channel == row.channel, Suppression.address_hash == row.address_hash)
    )
    if known is None:
        session.add(Suppression(channel=row.channel, address_hash=row.address_hash, why=why, created_at=now()))
        session.flush()
