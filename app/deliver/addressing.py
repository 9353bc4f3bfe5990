"""From claimed rows to letters and recipients: the last look at suppression, then words and addresses."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from app.deliver import audience
from app.deliver.ledger import Claim
from app.models.delivery import Dispatch, Notice
from app.models.subscriber import Subscriber, Suppression
from app.publish import links
from app.settings import Settings
from app.shapes import Outcome, Recipient
from app.vocabulary import DeliveryState, SubscriberState

SUPERSEDED = "superseded by a later update"


@dataclass(frozen=True, slots=True)
class Addressed:
    """Who of a batch is written to, and who no longer is and why."""

    recipients: tuple[Recipient, ...]
    skipped: tuple[Outcome, ...]


def address_deliveries(session: Session, settings: Settings, claims: Sequence[Claim]) -> Addressed:
    """Look up one dispatch's claimed rows: state and suppression are checked here, after the claim.  Two queries."""
    superseded = _superseded(session, claims)
    reasons: dict[int, str] = {}
    recipients = []
    for claim, subscriber, suppressed in _rows(session, claims):
        reason = _reason(subscriber, suppressed)
        if not reason and claim.attempts > 1 and superseded:
            reason = SUPERSEDED
        if reason:
            reasons[claim.id] = reason
            continue
        recipients.append(_recipient(settings, claim, subscriber, f"msg_{claim.batch_id}_{subscriber.public_id}"))
    return Addressed(tuple(recipients), _skips(reasons))


def address_notice(session: Session, settings: Settings, claim: Claim) -> tuple[Notice, Addressed]:
    """Look up one claimed notice and whom it goes to.  Somebody unconfirmed may be asked to confirm."""
    notice = session.get_one(Notice, claim.id)
    recipients = []
    reasons: dict[int, str] = {}
    for _, subscriber, suppressed in _rows(session, [claim]):
        if suppressed and suppressed != audience.UNSUBSCRIBED:
            reasons[claim.id] = audience.SUPPRESSED
        else:
            recipients.append(_recipient(settings, claim, subscriber, f"notice_{claim.id}"))
    return notice, Addressed(tuple(recipients), _skips(reasons))


def _rows(session: Session, claims: Sequence[Claim]) -> list[tuple[Claim, Subscriber, str]]:
    by_subscriber = {claim.subscriber_id: claim for claim in claims}
    rows = session.execute(
        select(Subscriber, Suppression.why)
        .outerjoin(
            Suppression,
            (Suppression.channel == Subscriber.channel) & (Suppression.address_hash == Subscriber.address_hash),
        )
        .where(Subscriber.id.in_(by_subscriber))
        .order_by(Subscriber.id)
    )
    return [(by_subscriber[subscriber.id], subscriber, why or "") for subscriber, why in rows]


def _reason(subscriber: Subscriber, suppressed: str) -> str:
    if subscriber.state == SubscriberState.UNSUBSCRIBED:
        return audience.UNSUBSCRIBED
    if subscriber.state == SubscriberState.QUARANTINED:
        return audience.QUARANTINED
    if subscriber.state == SubscriberState.UNCONFIRMED:
        return audience.NOT_CONFIRMED
    return audience.SUPPRESSED if suppressed else ""


def _recipient(settings: Settings, claim: Claim, subscriber: Subscriber, key: str) -> Recipient:
    return Recipient(
        delivery_id=claim.id,
        address=subscriber.address,
        key=key,
        personal=links.personal(settings, subscriber.public_id, subscriber.token_version),
        secret=subscriber.secret,
    )


def _superseded(session: Session, claims: Sequence[Claim]) -> bool:
    """Whether a later update of the same post is being sent: then nobody needs the older one any more."""
    if all(claim.attempts <= 1 for claim in claims):
        return False
    later = aliased(Dispatch)
    return bool(
        session.scalar(
            select(
                exists().where(
                    Dispatch.id == claims[0].batch_id,
                    later.post_id == Dispatch.post_id,
                    later.id > Dispatch.id,
                    later.planned_at.is_not(None),
                )
            )
        )
    )


def _skips(reasons: dict[int, str]) -> tuple[Outcome, ...]:
    return tuple(Outcome(row, DeliveryState.SKIPPED, reason) for row, reason in reasons.items())
