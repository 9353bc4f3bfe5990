"""From claimed rows to letters and recipients: the last check for suppressions, then texts and addresses."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, String, bindparam, exists, select, type_coerce
from sqlalchemy.orm import Session, aliased

from app import return_path
from app.channels.registry import channel as channel_named
from app.clock import now
from app.deliver import audience, sms_rules
from app.deliver.ledger import Claim
from app.models.delivery import Dispatch, Notice
from app.models.page import Page
from app.models.subscriber import Subscriber, Suppression
from app.publish import links, tokens
from app.settings import Settings
from app.shapes import Outcome, Recipient
from app.states.deliveries import CANCELLED
from app.states.subscribers import MAY_BE_ASKED, UNSUBSCRIBED
from app.vocabulary import DeliveryState, DispatchKind, DispatchState, NoticeKind, SubscriberState

LINKS_OF_AN_UPDATE = ("manage", "unsubscribe")
SUPERSEDED = "superseded by a later update"
NOT_ACTIVE = {
    str(SubscriberState.UNSUBSCRIBED): UNSUBSCRIBED,
    str(SubscriberState.QUARANTINED): audience.QUARANTINED,
    str(SubscriberState.UNCONFIRMED): audience.NOT_CONFIRMED,
}
"""Why nothing is sent to a subscriber in one of these states."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """Who of a batch is written to, and who no longer is and why."""

    recipients: tuple[Recipient, ...]
    skipped: tuple[Outcome, ...]


def address_deliveries(
    session: Session, settings: Settings, channel: str, claims: Sequence[Claim], may_go: Callable[[], bool]
) -> Addressed:
    """Look up one dispatch's claimed rows: state and suppression are checked here, after the claim.

    `may_go` is every recipient's.  Three queries, however many claims there are.
    """
    about = channel_named(channel)
    superseded = not about.wants_every_update and _superseded(session, claims)
    reasons: dict[int, str] = {}
    recipients = []
    rows = _rows(session, claims)
    if rows and _state(session, claims[0].batch_id) is DispatchState.CANCELLED:
        return Addressed((), _skips({claim.id: CANCELLED for claim, _ in rows}))
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
        recipients.append(_recipient(settings, claim, subscriber, key, LINKS_OF_AN_UPDATE, "delivery", may_go))
    return Addressed(tuple(recipients), _skips(reasons))


def address_notice(
    session: Session, settings: Settings, claim: Claim, may_go: Callable[[], bool]
) -> tuple[Notice, Addressed]:
    """Look up one claimed notice and whom it goes to.  Someone unconfirmed may be asked to confirm."""
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
            key = f"notice_{claim.id}"
            recipient = _recipient(settings, claim, subscriber, key, tokens.PURPOSES, "notice", may_go)
            is_to_owner = notice.kind == NoticeKind.DISABLED
            recipients.append(replace(recipient, address=subscriber.owner_email) if is_to_owner else recipient)
    return notice, Addressed(tuple(recipients), _skips(reasons))


_KNOWN = (
    select(
        Subscriber.id,
        Subscriber.public_id,
        Subscriber.address,
        type_coerce(Subscriber.state, String).label("state"),
        Subscriber.token_version,
        Subscriber.secret,
        Suppression.why,
        Subscriber.owner_email,
        Subscriber.locale,
        Subscriber.time_zone,
        Subscriber.previous_secret,
        Subscriber.previous_secret_until,
        Page.url,
    )
    .join(Page, Page.id == Subscriber.page_id)
    .outerjoin(
        Suppression,
        (Suppression.channel == Subscriber.channel) & (Suppression.address_hash == Subscriber.address_hash),
    )
    .where(Subscriber.id.in_(bindparam("ids", expanding=True)))
)
"""Bare columns, because there are thousands of them; for the same reason the state is read as its word."""


def _rows(session: Session, claims: Sequence[Claim]) -> list[tuple[Claim, Row[*tuple[Any, ...]]]]:
    """The claims with what is known of their subscribers."""
    rows = session.connection().execute(_KNOWN, {"ids": [claim.recipient_id for claim in claims]})
    known = {row[0]: row for row in rows}
    return [(claim, known[claim.recipient_id]) for claim in claims if claim.recipient_id in known]


def _reason(subscriber: Row[*tuple[Any, ...]]) -> str:
    if reason := NOT_ACTIVE.get(subscriber.state):
        return reason
    return audience.SUPPRESSED if subscriber.why else ""


def _recipient(
    settings: Settings,
    claim: Claim,
    subscriber: Row[*tuple[Any, ...]],
    key: str,
    purposes: Iterable[str],
    table: str,
    may_go: Callable[[], bool],
) -> Recipient:
    # taken apart once: asking a row for a column by name costs as much as signing a link
    _, public_id, address, _, token_version, secret, _, _, locale, time_zone, previous, until, page_url = subscriber
    if previous and until is not None and until > now():
        secret = f"{secret} {previous}"
    personal = links.personal(settings, page_url, public_id, token_version, purposes)
    back = (
        return_path.make(settings.secret_key, settings.bounce_address, table, claim.id)
        if settings.bounce_address
        else ""
    )
    return Recipient(
        delivery_id=claim.id,
        address=address,
        key=key,
        personal=personal,
        secret=secret,
        return_path=back,
        language=claim.language or locale,
        time_zone=time_zone,
        may_go=may_go,
    )


def _superseded(session: Session, claims: Sequence[Claim]) -> bool:
    """Whether a later update of the same post is being sent: then no one needs the older one any more.

    A correction takes no one's place: it goes only to those who got the update.
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


def _state(session: Session, dispatch_id: int) -> DispatchState | None:
    return session.scalar(select(Dispatch.state).where(Dispatch.id == dispatch_id))


def _skips(reasons: dict[int, str]) -> tuple[Outcome, ...]:
    return tuple(Outcome(row, DeliveryState.SKIPPED, reason) for row, reason in reasons.items())
