"""From claimed rows to letters and recipients: the last look at suppression, then words and addresses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, bindparam, exists, select
from sqlalchemy.orm import Session, aliased

from app import return_path
from app.channels.registry import channel as channel_named
from app.clock import now
from app.deliver import audience, sms_rules
from app.deliver.ledger import Claim
from app.models.delivery import Dispatch, Notice
from app.models.subscriber import Subscriber, Suppression
from app.publish import links, tokens
from app.settings import Settings
from app.shapes import Outcome, Recipient
from app.states.deliveries import CANCELLED
from app.states.subscribers import MAY_BE_ASKED, UNSUBSCRIBED
from app.vocabulary import DeliveryState, DispatchKind, DispatchState, NoticeKind, SubscriberState

LINKS_OF_AN_UPDATE = ("manage", "unsubscribe")
SUPERSEDED = "superseded by a later update"


@dataclass(frozen=True, slots=True)
class Addressed:
    """Who of a batch is written to, and who no longer is and why."""

    recipients: tuple[Recipient, ...]
    skipped: tuple[Outcome, ...]


def address_deliveries(session: Session, settings: Settings, channel: str, claims: Sequence[Claim]) -> Addressed:
    """Look up one dispatch's claimed rows: state and suppression are checked here, after the claim.  Two queries."""
    about = channel_named(channel)
    superseded = not about.wants_every_update and _superseded(session, claims)
    reasons: dict[int, str] = {}
    recipients = []
    rows = _rows(session, claims, claims[0].batch_id if claims else 0)
    texted = [claim for claim, subscriber in rows if about.costs_money and not _reason(subscriber)]
    left_out = sms_rules.skip(session, settings, texted)
    for claim, subscriber in rows:
        reason = _reason(subscriber) or left_out.get(claim.id, "")
        if not reason and superseded and (claim.attempts > 1 or claim.is_late):
            reason = SUPERSEDED
        if reason:
            reasons[claim.id] = reason
            continue
        key = f"msg_{claim.batch_id}_{subscriber.public_id}"
        recipients.append(_recipient(settings, claim, subscriber, key, LINKS_OF_AN_UPDATE, "delivery"))
    return Addressed(tuple(recipients), _skips(reasons))


def address_notice(session: Session, settings: Settings, claim: Claim) -> tuple[Notice, Addressed]:
    """Look up one claimed notice and whom it goes to.  Somebody unconfirmed may be asked to confirm."""
    notice = session.get_one(Notice, claim.id)
    recipients = []
    reasons: dict[int, str] = {}
    for _, subscriber in _rows(session, [claim]):
        asks = MAY_BE_ASKED if notice.kind == NoticeKind.CONFIRM else (UNSUBSCRIBED,)
        if subscriber.why and subscriber.why not in asks:
            reasons[claim.id] = audience.SUPPRESSED
        elif channel_named(notice.channel).costs_money and sms_rules.is_spent(session, settings):
            reasons[claim.id] = sms_rules.BUDGET_SPENT
        else:
            recipient = _recipient(settings, claim, subscriber, f"notice_{claim.id}", tokens.PURPOSES, "notice")
            is_to_owner = notice.kind == NoticeKind.DISABLED
            recipients.append(replace(recipient, address=subscriber.owner_email) if is_to_owner else recipient)
    return notice, Addressed(tuple(recipients), _skips(reasons))


_KNOWN = (
    select(
        Subscriber.id,
        Subscriber.public_id,
        Subscriber.address,
        Subscriber.state,
        Subscriber.token_version,
        Subscriber.secret,
        Suppression.why,
        Subscriber.owner_email,
        Subscriber.locale,
        Subscriber.time_zone,
        Subscriber.previous_secret,
        Subscriber.previous_secret_until,
        select(Dispatch.state).where(Dispatch.id == bindparam("dispatch")).scalar_subquery().label("dispatch_state"),
    )
    .outerjoin(
        Suppression,
        (Suppression.channel == Subscriber.channel) & (Suppression.address_hash == Subscriber.address_hash),
    )
    .where(Subscriber.id.in_(bindparam("ids", expanding=True)))
)
"""Bare columns, because there are thousands of them."""


def _rows(
    session: Session, claims: Sequence[Claim], dispatch_id: int | None = None
) -> list[tuple[Claim, Row[*tuple[Any, ...]]]]:
    """The claims with what is known of their subscribers, and of their dispatch."""
    wanted = {"ids": [claim.recipient_id for claim in claims], "dispatch": dispatch_id}
    rows = session.connection().execute(_KNOWN, wanted)
    known = {row[0]: row for row in rows}
    return [(claim, known[claim.recipient_id]) for claim in claims if claim.recipient_id in known]


def _reason(subscriber: Row[*tuple[Any, ...]]) -> str:
    if subscriber.dispatch_state is DispatchState.CANCELLED:
        return CANCELLED
    if subscriber.state == SubscriberState.UNSUBSCRIBED:
        return UNSUBSCRIBED
    if subscriber.state == SubscriberState.QUARANTINED:
        return audience.QUARANTINED
    if subscriber.state == SubscriberState.UNCONFIRMED:
        return audience.NOT_CONFIRMED
    return audience.SUPPRESSED if subscriber.why else ""


def _recipient(
    settings: Settings, claim: Claim, subscriber: Row[*tuple[Any, ...]], key: str, purposes: Iterable[str], table: str
) -> Recipient:
    secret, until = subscriber.secret, subscriber.previous_secret_until
    if subscriber.previous_secret and until is not None and until > now():
        secret = f"{secret} {subscriber.previous_secret}"
    personal = links.personal(settings, subscriber.public_id, subscriber.token_version, purposes)
    back = (
        return_path.make(settings.secret_key, settings.bounce_address, table, claim.id)
        if settings.bounce_address
        else ""
    )
    return Recipient(
        delivery_id=claim.id,
        address=subscriber.address,
        key=key,
        personal=personal,
        secret=secret,
        return_path=back,
        language=claim.language or subscriber.locale,
        time_zone=subscriber.time_zone,
    )


def _superseded(session: Session, claims: Sequence[Claim]) -> bool:
    """Whether a later update of the same post is being sent: then nobody needs the older one any more.

    A correction takes nobody's place: it goes only to those who got the update.
    """
    if not any(claim.attempts > 1 or claim.is_late for claim in claims):
        return False
    later = aliased(Dispatch)
    return bool(
        session.scalar(
            select(
                exists().where(
                    Dispatch.id == claims[0].batch_id,
                    later.post_id == Dispatch.post_id,
                    later.id > Dispatch.id,
                    later.kind == DispatchKind.UPDATE,
                    later.planned_at.is_not(None),
                )
            )
        )
    )


def _skips(reasons: dict[int, str]) -> tuple[Outcome, ...]:
    return tuple(Outcome(row, DeliveryState.SKIPPED, reason) for row, reason in reasons.items())
