"""Writes what happened into the ledger, in bulk: what is plainly sent in one statement, the rest row by row."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Update, bindparam, insert, select, update
from sqlalchemy.orm import Session

from app.db import shared_now, transaction
from app.deliver import bounces, endpoints
from app.deliver.ledger import Claim, Ledger, table_of
from app.deliver.plan import RETRY_LANE, finish_if_done
from app.deliver.schedule import gave_up, next_attempt
from app.models.delivery import Delivery, DeliveryAttempt
from app.models.subscriber import Subscriber
from app.shapes import MAY_HAVE_ARRIVED, Outcome
from app.vocabulary import ChannelName, DeliveryState

REASON_LIMIT = 300


def settle(ledger: Ledger, owner: str, claims: Mapping[int, Claim], outcomes: Sequence[Outcome]) -> None:
    """Write what happened to rows that `owner` holds (by id); a row that it no longer holds is left alone."""
    known = [outcome for outcome in outcomes if outcome.delivery_id in claims]
    if not known:
        return
    sent = [outcome.delivery_id for outcome in known if outcome.is_plain]
    untried = [outcome.delivery_id for outcome in known if outcome.state is DeliveryState.PENDING]
    others = [outcome for outcome in known if not (outcome.is_plain or outcome.state is DeliveryState.PENDING)]
    with transaction() as session:
        connection, at = session.connection(), shared_now(session)
        if sent:
            connection.execute(_settle_sent(ledger), {"ids": sent, "owner": owner, "at": at})
        if untried:
            connection.execute(_give_back(ledger), {"ids": untried, "owner": owner})
        if others:
            connection.execute(_settle_one(ledger), _rows(session, ledger, owner, claims, others, at))
        _suppress(session, ledger, [outcome.delivery_id for outcome in others if outcome.suppress])
        if ledger is Delivery:
            _keep_attempts(session, others, at)
            endpoints.note(session, [(claims[outcome.delivery_id], outcome) for outcome in others])
            for dispatch_id in {claims[outcome.delivery_id].batch_id for outcome in known}:
                finish_if_done(session, dispatch_id)


@cache
def _settle_sent(ledger: Ledger) -> Update:
    table = table_of(ledger)
    return (
        update(table)
        .where(table.c.id.in_(bindparam("ids", expanding=True)), table.c.leased_by == bindparam("owner"))
        .values(
            state=DeliveryState.SENT,
            reason="",
            settled_at=bindparam("at", type_=table.c.settled_at.type),
            leased_by="",
            leased_until=None,
        )
    )


@cache
def _give_back(ledger: Ledger) -> Update:
    table = table_of(ledger)
    return (
        update(table)
        .where(table.c.id.in_(bindparam("ids", expanding=True)), table.c.leased_by == bindparam("owner"))
        .values(state=DeliveryState.PENDING, attempts=table.c.attempts - 1, leased_by="", leased_until=None)
    )


@cache
def _settle_one(ledger: Ledger) -> Update:
    table = table_of(ledger)
    return (
        update(table)
        .where(table.c.id == bindparam("row"), table.c.leased_by == bindparam("owner"))
        .values(
            state=bindparam("to_state"),
            reason=bindparam("why"),
            provider_id=bindparam("provider"),
            lane=bindparam("to_lane"),
            due_at=bindparam("due", type_=table.c.due_at.type),
            settled_at=bindparam("settled", type_=table.c.settled_at.type),
            leased_by="",
            leased_until=None,
        )
    )


def _rows(
    session: Session,
    ledger: Ledger,
    owner: str,
    claims: Mapping[int, Claim],
    outcomes: Sequence[Outcome],
    at: datetime,
) -> list[dict[str, object]]:
    """The values of each row that is not plainly sent; what failed for now is due again, until it is given up."""
    failed = [one.delivery_id for one in outcomes if one.state is DeliveryState.FAILED and not one.permanent]
    known: dict[int, tuple[datetime, str]] = {}
    if failed:
        found = session.execute(select(ledger.id, ledger.first_attempt_at, ledger.reason).where(ledger.id.in_(failed)))
        known = {row[0]: (row[1] or at, row[2]) for row in found}
    channel = ChannelName(owner.split("-")[1])
    rows: list[dict[str, object]] = []
    for outcome in outcomes:
        claim, reason, again = claims[outcome.delivery_id], outcome.reason, None
        if claim.id in known:
            begun, before = known[claim.id]
            again = next_attempt(claim.attempts, begun, at, outcome.retry_after, channel)
            reason = reason if again else f"{gave_up(channel)}: {reason}"
            if before.startswith(MAY_HAVE_ARRIVED):
                again, reason = _once_more(again, reason)
        rows.append(
            {
                "row": claim.id,
                "owner": owner,
                "to_state": DeliveryState.PENDING if again else outcome.state,
                "to_lane": RETRY_LANE if again else claim.lane,
                "why": reason[:REASON_LIMIT],
                "provider": outcome.provider_id[:128],
                "due": again or at,
                "settled": None if again else at,
            }
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
            "reason": one.reason[:300],
        }
        for one in outcomes
        if one.took_ms is not None
    ]
    if rows:
        session.execute(insert(DeliveryAttempt), rows)


def _suppress(session: Session, ledger: Ledger, row_ids: Sequence[int]) -> None:
    """Count what a server said against these rows' addresses."""
    if row_ids:
        owners = select(ledger.subscriber_id).where(ledger.id.in_(row_ids))
        bounces.count_hard(session, session.scalars(select(Subscriber).where(Subscriber.id.in_(owners))))
