"""What follows for an endpoint from what its server said: one that is gone, or fails for days, is disabled."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.channels.names import EMAIL
from app.channels.registry import channel
from app.clock import now
from app.deliver.ledger import Claim
from app.models.delivery import Notice
from app.models.subscriber import Subscriber, Suppression
from app.shapes import Outcome
from app.vocabulary import DeliveryState, NoticeKind, SubscriberState

DISABLED_AFTER = timedelta(days=3)
FAILING = "disabled: it failed for three days"


def note(session: Session, outcomes: Sequence[tuple[Claim, Outcome]]) -> None:
    """Look at outcomes just settled, in their transaction: webhooks, and whoever must not be sent to any more.

    A webhook that works again is forgiven.  The owner of one that is disabled gets a mail.
    """
    told = {claim.subscriber_id: outcome for claim, outcome in outcomes if _is_telling(outcome)}
    if not told:
        return
    for row in session.scalars(select(Subscriber).where(Subscriber.id.in_(told))):
        if channel(row.channel).is_disabled_when_failing:
            _note_endpoint(session, row, told[row.id])
        elif told[row.id].disable:
            end(session, row, told[row.id].disable)


def end(session: Session, row: Subscriber, why: str) -> None:
    """The other side says that nothing must be sent there any more; to a number, not from any page."""
    if row.state != SubscriberState.UNSUBSCRIBED:
        row.state, row.unsubscribed_at, row.disabled_why = SubscriberState.UNSUBSCRIBED, now(), why
    if not channel(row.channel).stop_is_for_all_pages:
        return
    known = (Suppression.channel == row.channel, Suppression.address_hash == row.address_hash)
    if session.scalar(select(Suppression.id).where(*known)) is None:
        session.add(Suppression(channel=row.channel, address_hash=row.address_hash, why=why, created_at=now()))
        session.flush()


def _note_endpoint(session: Session, row: Subscriber, outcome: Outcome) -> None:
    if outcome.state is DeliveryState.SENT:
        row.failing_since = None
        return
    row.failing_since = row.failing_since or now()
    if outcome.disable:
        _disable(session, row, outcome.disable)
    elif now() - row.failing_since > DISABLED_AFTER:
        _disable(session, row, FAILING)


def _is_telling(outcome: Outcome) -> bool:
    return outcome.took_ms is not None or bool(outcome.disable)


def _disable(session: Session, row: Subscriber, why: str) -> None:
    if row.state != SubscriberState.ACTIVE:
        return
    row.state, row.disabled_why = SubscriberState.QUARANTINED, why
    if row.owner_email:
        session.add(
            Notice(
                page_id=row.page_id, subscriber_id=row.id, channel=EMAIL, kind=NoticeKind.DISABLED,
                due_at=now(),
            )
        )  # fmt: skip
