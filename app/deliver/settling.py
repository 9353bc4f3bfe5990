"""Writes outcomes to the ledger in bulk: sent messages in one statement, the others row by row."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.channels.registry import channel
from app.db import shared_now, transaction
from app.deliver import endpoints
from app.deliver.ledger import Claim
from app.deliver.schedule import next_attempt
from app.models.account_contact import AccountContact, AccountNotice
from app.models.delivery import Delivery, DeliveryAttempt
from app.models.subscriber import Subscriber
from app.shapes import MAY_HAVE_ARRIVED, Outcome
from app.states import account_contacts, deliveries, subscribers
from app.states.deliveries import REASON_LIMIT, Ledger, finish_if_done, table_of
from app.vocabulary import DeliveryState


def settle(ledger: Ledger, owner: str, claims: Mapping[int, Claim], outcomes: Sequence[Outcome]) -> None:
    """Write what happened to rows that `owner` holds (by id); a row that it no longer holds is left alone."""
    known = [outcome for outcome in outcomes if outcome.delivery_id in claims]
    if not known:
        return
    sent = [outcome.delivery_id for outcome in known if outcome.is_plain]
    untried = [outcome.delivery_id for outcome in known if outcome.state is DeliveryState.PENDING]
    others = [outcome for outcome in known if not (outcome.is_plain or outcome.state is DeliveryState.PENDING)]
    with transaction() as session:
        at = shared_now(session)
        if sent:
            deliveries.settle_sent(session, ledger, owner, sent, at)
        if untried:
            deliveries.give_back(session, ledger, owner, untried)
        if others:
            deliveries.settle(session, ledger, _settlements(session, ledger, owner, claims, others, at))
        _suppress(session, ledger, [outcome.delivery_id for outcome in others if outcome.suppress])
        if ledger is Delivery:
            _keep_attempts(session, others, at)
            endpoints.note(session, [(claims[outcome.delivery_id], outcome) for outcome in others])
            for dispatch_id in {claims[outcome.delivery_id].batch_id for outcome in known}:
                finish_if_done(session, dispatch_id)


def _settlements(
    session: Session,
    ledger: Ledger,
    owner: str,
    claims: Mapping[int, Claim],
    outcomes: Sequence[Outcome],
    at: datetime,
) -> list[dict[str, object]]:
    """The values of each row that isn't plainly sent; what failed for now is due again, until it is given up."""
    failed = [one.delivery_id for one in outcomes if one.state is DeliveryState.FAILED and not one.permanent]
    known: dict[int, tuple[datetime, str]] = {}
    if failed:
        found = session.execute(select(ledger.id, ledger.first_attempt_at, ledger.reason).where(ledger.id.in_(failed)))
        known = {row[0]: (row[1] or at, row[2]) for row in found}
    retries = channel(owner.split("-")[1]).retries
    rows: list[dict[str, object]] = []
    for outcome in outcomes:
        claim, reason, again = claims[outcome.delivery_id], outcome.reason, None
        if claim.id in known:
            begun, before = known[claim.id]
            again = next_attempt(claim.attempts, begun, at, outcome.retry_after, retries)
            reason = reason if again else f"{retries.gave_up}: {reason}"
            if before.startswith(MAY_HAVE_ARRIVED):
                again, reason = _once_more(again, reason)
        rows.append(
            deliveries.settlement(
                claim.id,
                owner,
                outcome.state,
                lane=claim.lane,
                reason=reason,
                provider_id=outcome.provider_id,
                at=at,
                again=again,
            )
        )
    return rows


def _once_more(again: datetime | None, reason: str) -> tuple[datetime | None, str]:
    """When to try again, and why, what may have arrived already: once more may make one too many, but never two."""
    if reason.startswith(MAY_HAVE_ARRIVED):
        return None, f"{MAY_HAVE_ARRIVED}, twice: it is not sent a third time"
    return again, f"{MAY_HAVE_ARRIVED} the first time; then {reason}" if again else reason


def _keep_attempts(session: Session, outcomes: Sequence[Outcome], at: datetime) -> None:
    rows = [
        {
            "delivery_id": one.delivery_id,
            "at": at,
            "took_ms": one.took_ms,
            "status": one.status,
            "reason": one.reason[:REASON_LIMIT],
        }
        for one in outcomes
        if one.took_ms is not None
    ]
    if rows:
        session.execute(insert(DeliveryAttempt), rows)


def _suppress(session: Session, ledger: Ledger, row_ids: Sequence[int]) -> None:
    """A server said that these rows' addresses don't exist: count it against their recipients."""
    if not row_ids:
        return
    if ledger is AccountNotice:
        theirs = select(AccountNotice.contact_id).where(AccountNotice.id.in_(row_ids))
        for contact in session.scalars(select(AccountContact).where(AccountContact.id.in_(theirs))):
            account_contacts.lose(session, contact)
    else:
        owners = select(table_of(ledger).c.subscriber_id).where(ledger.id.in_(row_ids))
        subscribers.count_hard_bounce(session, session.scalars(select(Subscriber).where(Subscriber.id.in_(owners))))
