"""Disables endpoints that are gone or fail for days."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.channels.names import EMAIL
from app.channels.registry import channel
from app.clock import now
from app.deliver.ledger import Claim
from app.models.subscriber import Subscriber
from app.shapes import Outcome
from app.states import deliveries, subscribers
from app.vocabulary import DeliveryState, NoticeKind

DISABLED_AFTER = timedelta(days=3)
FAILING = "disabled: it failed for three days"


def note(session: Session, outcomes: Sequence[tuple[Claim, Outcome]]) -> None:
    """Look at outcomes just settled, in their transaction: webhooks, and addresses that must not be sent to any more.

    A webhook that works again is forgiven.  The owner of one that is disabled gets a mail.
    """
    told = {claim.recipient_id: outcome for claim, outcome in outcomes if _is_telling(outcome)}
    if not told:
        return
    for row in session.scalars(select(Subscriber).where(Subscriber.id.in_(told))):
        if channel(row.channel).is_disabled_when_failing:
            _note_endpoint(session, row, told[row.id])
        elif told[row.id].disable:
            end(session, row, told[row.id].disable)


def end(session: Session, row: Subscriber, why: str) -> None:
    """The other side says that nothing must be sent there any more; to a number, not from any page."""
    if channel(row.channel).stop_is_for_all_pages:
        subscribers.stop(session, row.channel, row.address_hash, why)
    else:
        subscribers.end(row, why)


def _note_endpoint(session: Session, row: Subscriber, outcome: Outcome) -> None:
    if outcome.state is DeliveryState.SENT:
        subscribers.works(row)
        return
    since = subscribers.fails(row)
    if outcome.disable:
        _disable(session, row, outcome.disable)
    elif now() - since > DISABLED_AFTER:
        _disable(session, row, FAILING)


def _is_telling(outcome: Outcome) -> bool:
    return outcome.took_ms is not None or bool(outcome.disable)


def _disable(session: Session, row: Subscriber, why: str) -> None:
    if subscribers.disable(row, why) and row.owner_email:
        deliveries.queue_notice(session, row, NoticeKind.DISABLED, channel=EMAIL)
