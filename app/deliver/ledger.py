"""The ledger: claim by lease, keep, give back.  Deliveries and notices are kept by the same rules."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Row, String, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.deliver import limits
from app.deliver.limits import Allowance
from app.models.delivery import Delivery, Dispatch, Notice
from app.vocabulary import ChannelName, DeliveryState

LEASE = timedelta(seconds=90)
Ledger = type[Delivery] | type[Notice]


@dataclass(frozen=True, slots=True)
class Claim:
    """One row in our hands.  `batch_id` is its dispatch, or its page for a notice; `attempts` counts this one."""

    id: int
    batch_id: int
    subscriber_id: int
    attempts: int
    first_attempt_at: datetime
    due_at: datetime
    lane: int


def has_due(session: Session, ledger: Ledger, channel: ChannelName) -> bool:
    """Whether something waits on this channel; a look without a lock."""
    waiting = _waiting(ledger, channel, now())
    return session.scalar(select(ledger.id).where(*waiting).limit(1)) is not None


def claim(ledger: Ledger, channel: ChannelName, owner: str, limit: int) -> list[Claim]:
    """Take up to `limit` due rows of a channel for `owner`, as limits allow: urgent lanes first, retries last."""
    at = now()
    with transaction() as session:
        allowed = limits.allowance(session, channel, limit, at)
        rows = _take(session, ledger, channel, owner, at, allowed) if allowed.total else []
        if allowed.limits_rate:
            limits.spend(session, channel, Counter(row.domain for row in rows), at)
        return sorted((_claim(row, at) for row in rows), key=_by_lane)


def _take(
    session: Session, ledger: Ledger, channel: ChannelName, owner: str, at: datetime, allowed: Allowance
) -> list[Row[*tuple[Any, ...]]]:
    """First what has no limit of its own, then a little for each limited destination: none of them delays the rest."""
    rows = _lease(session, ledger, channel, owner, at, ledger.domain.not_in(allowed.domains), allowed.total)
    for domain, left in allowed.domains.items():
        count = min(left, allowed.total - len(rows))
        if count > 0:
            rows += _lease(session, ledger, channel, owner, at, ledger.domain == domain, count)
    return rows


def _lease(
    session: Session,
    ledger: Ledger,
    channel: ChannelName,
    owner: str,
    at: datetime,
    which: ColumnElement[bool],
    count: int,
) -> list[Row[*tuple[Any, ...]]]:
    ids = (
        select(ledger.id)
        .where(*_waiting(ledger, channel, at), which)
        .order_by(ledger.lane, ledger.due_at, ledger.id)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    if ledger is Delivery and channel is ChannelName.WEBHOOK:
        ids = ids.where(~_waits_for_an_earlier_one())
    leased = (
        update(ledger)
        .where(ledger.id.in_(ids.scalar_subquery()))
        .values(
            state=DeliveryState.SENDING,
            leased_by=owner,
            leased_until=at + LEASE,
            attempts=ledger.attempts + 1,
            first_attempt_at=func.coalesce(ledger.first_attempt_at, at),
        )
        .returning(*_claimed_columns(ledger))
        .execution_options(synchronize_session=False)
    )
    return list(session.execute(leased))


def _waits_for_an_earlier_one() -> ColumnElement[bool]:
    """Whether an endpoint has still to get an earlier update of the same post: the order of a story is kept."""
    earlier, mine, theirs = aliased(Delivery), aliased(Dispatch), aliased(Dispatch)
    return (
        exists()
        .where(
            mine.id == Delivery.dispatch_id,
            earlier.subscriber_id == Delivery.subscriber_id,
            earlier.id < Delivery.id,
            earlier.state.in_([DeliveryState.PENDING, DeliveryState.SENDING]),
            theirs.id == earlier.dispatch_id,
            theirs.post_id == mine.post_id,
        )
        .correlate(Delivery)
    )


def _claimed_columns(ledger: Ledger) -> tuple[Any, ...]:
    batch = Delivery.dispatch_id if ledger is Delivery else Notice.page_id
    return (
        ledger.id, batch.label("batch_id"), ledger.subscriber_id, ledger.attempts, ledger.first_attempt_at,
        ledger.due_at, ledger.domain, ledger.lane,
    )  # fmt: skip


def _claim(row: Sequence[Any], at: datetime) -> Claim:
    row_id, batch_id, subscriber_id, attempts, first_attempt_at, due_at, _, lane = row
    return Claim(row_id, batch_id, subscriber_id, attempts, first_attempt_at or at, due_at, lane)


def _by_lane(claim: Claim) -> tuple[int, datetime, int]:
    return claim.lane, claim.due_at, claim.id


def is_in(ledger: Ledger, state: DeliveryState) -> ColumnElement[bool]:
    """A state written into the statement, because an index over one state is used for no parameter."""
    return ledger.state == bindparam(None, str(state), String, literal_execute=True)


def _waiting(ledger: Ledger, channel: ChannelName, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """A first attempt is due whatever its time: the clock may have been put back since it was written."""
    return (
        ledger.channel == channel,
        is_in(ledger, DeliveryState.PENDING),
        or_(ledger.attempts == 0, ledger.due_at <= at),
    )


def renew(ledger: Ledger, owner: str) -> None:
    """Keep what `owner` holds for another lease."""
    with transaction() as session:
        session.execute(
            update(ledger)
            .where(ledger.leased_by == owner, is_in(ledger, DeliveryState.SENDING))
            .values(leased_until=now() + LEASE)
            .execution_options(synchronize_session=False)
        )


def release(ledger: Ledger, owner: str) -> None:
    """Give back what `owner` holds and has not tried: it left, or is known to be dead."""
    with transaction() as session:
        session.execute(
            update(ledger)
            .where(ledger.leased_by == owner, is_in(ledger, DeliveryState.SENDING))
            .values(state=DeliveryState.PENDING, leased_by="", leased_until=None, attempts=ledger.attempts - 1)
            .execution_options(synchronize_session=False)
        )


def claims_of(session: Session, ledger: Ledger, owner: str) -> list[Claim]:
    """What `owner` still holds, as the ledger knows it."""
    rows = session.execute(
        select(*_claimed_columns(ledger)).where(ledger.leased_by == owner, is_in(ledger, DeliveryState.SENDING))
    )
    return [_claim(row, now()) for row in rows]


def expire_leases(ledger: Ledger, alive: Sequence[str]) -> int:
    """Put back what an owner on another machine took and never settled; how many rows.  Their attempt counts.

    Owners known to be `alive` on this machine keep theirs, whatever the clock says: they settle as soon as the database
    lets them.
    """
    lost = (
        is_in(ledger, DeliveryState.SENDING),
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
