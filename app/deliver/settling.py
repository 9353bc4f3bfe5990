"""Writes what happened into the ledger, in bulk: what is plainly sent in one statement, the rest row by row."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Update, bindparam, insert, select, update
from sqlalchemy.orm import Session

from app.clock import now
from app.db import transaction
from app.deliver import endpoints
from app.deliver.ledger import Claim, Ledger
from app.deliver.plan import RETRY_LANE, finish_if_done
from app.deliver.schedule import next_attempt
from app.models.delivery import Delivery, DeliveryAttempt
from app.models.subscriber import Subscriber, Suppression
from app.shapes import Outcome
from app.vocabulary import ChannelName, DeliveryState

REASON_LIMIT = 300


def settle(ledger: Ledger, owner: str, claims: Mapping[int, Claim], outcomes: Sequence[Outcome]) -> None:
    """Write what happened to rows that `owner` holds (by id); a row that it no longer holds is left alone."""
    known = [outcome for outcome in outcomes if outcome.delivery_id in claims]
    if not known:
        return
    at = now()
    plain = {outcome.delivery_id for outcome in known if outcome.is_plain}
    channel = ChannelName(owner.split("-")[1])
    with transaction() as session:
        _settle_plain(session, ledger, owner, sorted(plain), at)
        rows = [
            _row(outcome, claims[outcome.delivery_id], owner, channel, at)
            for outcome in known
            if outcome.delivery_id not in plain
        ]
        if rows:
            session.connection().execute(_settle_one(ledger), rows)
        _suppress(session, ledger, [outcome.delivery_id for outcome in known if outcome.suppress])
        if ledger is Delivery:
            _keep_attempts(session, known, at)
            endpoints.note(session, [(claims[outcome.delivery_id], outcome) for outcome in known])
            for dispatch_id in {claims[outcome.delivery_id].batch_id for outcome in known}:
                finish_if_done(session, dispatch_id)


def _settle_plain(session: Session, ledger: Ledger, owner: str, ids: Sequence[int], at: datetime) -> None:
    if ids:
        session.execute(
            update(ledger)
            .where(ledger.id.in_(bindparam("ids", ids, expanding=True)), ledger.leased_by == owner)
            .values(state=DeliveryState.SENT, reason="", settled_at=at, leased_by="", leased_until=None)
            .execution_options(synchronize_session=False)
        )


def _settle_one(ledger: Ledger) -> Update:
    table = ledger.__table__
    return (
        update(ledger)
        .where(ledger.id == bindparam("row"), ledger.leased_by == bindparam("owner"))
        .values(
            state=bindparam("to_state"),
            reason=bindparam("why"),
            provider_id=bindparam("provider"),
            lane=bindparam("to_lane"),
            attempts=ledger.attempts - bindparam("untried"),
            due_at=bindparam("due", type_=table.c.due_at.type),
            settled_at=bindparam("settled", type_=table.c.settled_at.type),
            leased_by="",
            leased_until=None,
        )
    )


def _row(outcome: Outcome, claim: Claim, owner: str, channel: ChannelName, at: datetime) -> dict[str, object]:
    state, reason, due, settled = outcome.state, outcome.reason, at, at
    again = None
    untried = int(state is DeliveryState.PENDING)
    if state is DeliveryState.FAILED and not outcome.permanent:
        again = next_attempt(claim.attempts, claim.first_attempt_at, outcome.retry_after, channel)
        reason = reason if again else f"Gave up after 24 hours: {reason}"
    if untried:
        again = claim.due_at
    return {
        "row": claim.id,
        "owner": owner,
        "to_state": DeliveryState.PENDING if again else state,
        "to_lane": claim.lane if untried or not again else RETRY_LANE,
        "untried": untried,
        "why": reason[:REASON_LIMIT],
        "provider": outcome.provider_id[:128],
        "due": again or due,
        "settled": None if again else settled,
    }


def _keep_attempts(session: Session, outcomes: Sequence[Outcome], at: datetime) -> None:
    rows = [
        {
            "delivery_id": one.delivery_id,
            "at": at,
            "took_ms": one.took_ms,
            "status": one.status,
            "reason": one.reason[:300],
        }
        for one in outcomes
        if one.took_ms is not None
    ]
    if rows:
        session.execute(insert(DeliveryAttempt), rows)


def _suppress(session: Session, ledger: Ledger, row_ids: Sequence[int]) -> None:
    if not row_ids:
        return
    addresses = session.execute(
        select(Subscriber.channel, Subscriber.address_hash)
        .join(ledger, ledger.subscriber_id == Subscriber.id)
        .where(ledger.id.in_(row_ids))
        .distinct()
    ).all()
    for channel, address_hash in addresses:
        known = session.scalar(
            select(Suppression.id).where(Suppression.channel == channel, Suppression.address_hash == address_hash)
        )
        if known is None:
            session.execute(
                insert(Suppression).values(
                    channel=channel, address_hash=address_hash, why="the address does not exist", created_at=now()
                )
            )
