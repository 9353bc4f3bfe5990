"""The ledger: claim by lease, settle with what happened.  Deliveries and notices are kept by the same rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CursorResult, Row, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.deliver.plan import finish_if_done
from app.deliver.schedule import next_attempt
from app.models.delivery import Delivery, Notice
from app.models.subscriber import Subscriber, Suppression
from app.shapes import Outcome
from app.vocabulary import ChannelName, DeliveryState

LEASE = timedelta(seconds=90)
REASON_LIMIT = 300
Ledger = type[Delivery] | type[Notice]


@dataclass(frozen=True, slots=True)
class Claim:
    """One row in our hands.  `batch_id` is its dispatch, or its page for a notice; `attempts` counts this one."""

    id: int
    batch_id: int
    subscriber_id: int
    attempts: int
    first_attempt_at: datetime


def has_due(session: Session, ledger: Ledger, channel: ChannelName) -> bool:
    """Whether something waits on this channel; a look without a lock."""
    waiting = _waiting(ledger, channel, now())
    return session.scalar(select(ledger.id).where(*waiting).limit(1)) is not None


def claim(ledger: Ledger, channel: ChannelName, owner: str, limit: int) -> list[Claim]:
    """Take up to `limit` due rows of a channel for `owner`, first attempts before retries."""
    at = now()
    with transaction() as session:
        ids = _take(session, ledger, channel, at, ledger.attempts == 0, limit)
        if not ids:
            ids = _take(session, ledger, channel, at, ledger.attempts > 0, limit)
        if not ids:
            return []
        session.execute(
            update(ledger)
            .where(ledger.id.in_(ids))
            .values(
                state=DeliveryState.SENDING,
                leased_by=owner,
                leased_until=at + LEASE,
                attempts=ledger.attempts + 1,
                first_attempt_at=func.coalesce(ledger.first_attempt_at, at),
            )
            .execution_options(synchronize_session=False)
        )
        batch = Delivery.dispatch_id if ledger is Delivery else Notice.page_id
        rows = session.execute(
            select(ledger.id, batch, ledger.subscriber_id, ledger.attempts, ledger.first_attempt_at)
            .where(ledger.id.in_(ids))
            .order_by(ledger.id)
        )
        return [_claim(row, at) for row in rows]


def _claim(row: Row[int, int, int, int, datetime | None], at: datetime) -> Claim:
    return Claim(row[0], row[1], row[2], row[3], row[4] or at)


def _waiting(ledger: Ledger, channel: ChannelName, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (ledger.channel == channel, ledger.state == DeliveryState.PENDING, ledger.due_at <= at)


def _take(
    session: Session, ledger: Ledger, channel: ChannelName, at: datetime, lane: ColumnElement[bool], limit: int
) -> Sequence[int]:
    return session.scalars(
        select(ledger.id)
        .where(*_waiting(ledger, channel, at), lane)
        .order_by(ledger.due_at, ledger.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def settle(ledger: Ledger, owner: str, claims: Iterable[Claim], outcomes: Sequence[Outcome]) -> None:
    """Write what happened to rows that `owner` holds; a row that it no longer holds is left alone."""
    by_id = {claim.id: claim for claim in claims}
    known = [outcome for outcome in outcomes if outcome.delivery_id in by_id]
    if not known:
        return
    at = now()
    rows = [_row(outcome, by_id[outcome.delivery_id], owner, at) for outcome in known]
    table = ledger.__table__
    with transaction() as session:
        session.connection().execute(
            update(ledger)
            .where(ledger.id == bindparam("row"), ledger.leased_by == bindparam("owner"))
            .values(
                state=bindparam("to_state"),
                reason=bindparam("why"),
                provider_id=bindparam("provider"),
                due_at=bindparam("due", type_=table.c.due_at.type),
                settled_at=bindparam("settled", type_=table.c.settled_at.type),
                leased_by="",
                leased_until=None,
            ),
            rows,
        )
        _suppress(session, ledger, [outcome.delivery_id for outcome in known if outcome.suppress])
        session.execute(
            update(ledger)
            .where(ledger.leased_by == owner)
            .values(leased_until=at + LEASE)
            .execution_options(synchronize_session=False)
        )
        if ledger is Delivery:
            for dispatch_id in {by_id[outcome.delivery_id].batch_id for outcome in known}:
                finish_if_done(session, dispatch_id)


def _row(outcome: Outcome, claim: Claim, owner: str, at: datetime) -> dict[str, object]:
    state, reason, due, settled = outcome.state, outcome.reason, at, at
    again = None
    if state is DeliveryState.FAILED and not outcome.permanent:
        again = next_attempt(claim.attempts, claim.first_attempt_at, outcome.retry_after)
        reason = reason if again else f"Gave up after 24 hours: {reason}"
    return {
        "row": claim.id,
        "owner": owner,
        "to_state": DeliveryState.PENDING if again else state,
        "why": reason[:REASON_LIMIT],
        "provider": outcome.provider_id[:128],
        "due": again or due,
        "settled": None if again else settled,
    }


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


def release(ledger: Ledger, owner: str) -> None:
    """Give back what `owner` holds and has not tried: it left, or is known to be dead."""
    with transaction() as session:
        session.execute(
            update(ledger)
            .where(ledger.leased_by == owner, ledger.state == DeliveryState.SENDING)
            .values(state=DeliveryState.PENDING, leased_by="", leased_until=None, attempts=ledger.attempts - 1)
            .execution_options(synchronize_session=False)
        )


def claims_of(session: Session, ledger: Ledger, owner: str) -> list[Claim]:
    """What `owner` still holds, as the ledger knows it."""
    batch = Delivery.dispatch_id if ledger is Delivery else Notice.page_id
    rows = session.execute(
        select(ledger.id, batch, ledger.subscriber_id, ledger.attempts, ledger.first_attempt_at).where(
            ledger.leased_by == owner, ledger.state == DeliveryState.SENDING
        )
    )
    return [_claim(row, now()) for row in rows]


def expire_leases(ledger: Ledger, alive: Sequence[str]) -> int:
    """Put back what an owner on another machine took and never settled; how many rows.  Their attempt counts.

    Owners known to be `alive` on this machine keep theirs: they settle as soon as the database lets them.
    """
    lost = (
        ledger.state == DeliveryState.SENDING,
        ledger.leased_until < now(),
        ledger.leased_by.not_in(alive),
    )
    if read_session().scalar(select(ledger.id).where(*lost).limit(1)) is None:
        return 0
    with transaction() as session:
        result = session.execute(
            update(ledger)
            .where(*lost)
            .values(state=DeliveryState.PENDING, leased_by="", leased_until=None)
            .execution_options(synchronize_session=False)
        )
        return result.rowcount if isinstance(result, CursorResult) else 0
