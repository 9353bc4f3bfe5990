"""The ledger: claim rows by lease, settle them, give them back.  Deliveries and notices follow the same rules."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Row,
    ScalarSelect,
    Select,
    Table,
    bindparam,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.dml import ReturningUpdate

from app.channels.registry import channel as channel_named
from app.db import session as read_session
from app.db import shared_now, transaction
from app.deliver import limits
from app.deliver.limits import Allowance
from app.deliver.schedule import longest_wait
from app.models.delivery import Delivery, Dispatch
from app.states import deliveries
from app.states.deliveries import Ledger, is_in, table_of, written
from app.vocabulary import DeliveryState

LEASE = timedelta(seconds=90)
LATE = timedelta(minutes=10)


class Claim(NamedTuple):
    """One row in our hands.  `batch_id` is its dispatch, or for a notice its page or account.  `recipient_id` is its
    subscriber, or for a notice to an account the contact.  `attempts` counts this one.

    `is_late`: it waited so long that only what was said last is worth sending.  `language` is the one that a delivery
    is written in, empty for a notice.
    """

    id: int
    batch_id: int
    recipient_id: int
    attempts: int
    lane: int
    is_late: bool
    language: str


def has_due(session: Session, ledger: Ledger, channel: str) -> bool:
    """Whether something waits on this channel; a look without a lock."""
    facts = _times(shared_now(session), channel)
    return session.connection().scalar(_due_statement(ledger, channel), facts) is not None


def claim(ledger: Ledger, channel: str, owner: str, limit: int) -> list[Claim]:
    """Take up to `limit` due rows of a channel for `owner`, as limits allow: urgent lanes first, retries last."""
    with transaction() as session:
        at = shared_now(session)
        allowed = limits.allowance(session, channel, limit, at)
        rows = _take(session, ledger, channel, owner, at, allowed) if allowed.total else []
        if allowed.limits_rate:
            limits.spend(session, channel, Counter(row.domain for row in rows), at)
        return sorted(map(_claim, rows), key=_by_lane)


def _take(
    session: Session, ledger: Ledger, channel: str, owner: str, at: datetime, allowed: Allowance
) -> list[Row[*tuple[Any, ...]]]:
    """First what has no limit of its own, then a little for each limited destination: none of them delays the rest."""
    facts = {"late": at - LATE, "owner": owner, "until": at + LEASE, "count": allowed.total, **_times(at, channel)}
    connection = session.connection()
    if not allowed.domains and allowed.each is None:
        return list(connection.execute(_lease_statement(ledger, channel, _Which.ANY), facts))
    facts["domains"] = list(allowed.domains)
    others = _Which.OTHERS if allowed.each is None else _Which.EACH
    rows = list(connection.execute(_lease_statement(ledger, channel, others), facts | {"each": allowed.each}))
    for domain, left in allowed.domains.items():
        count = min(left, allowed.total - len(rows))
        if count > 0:
            facts |= {"domains": [domain], "count": count}
            rows += connection.execute(_lease_statement(ledger, channel, _Which.THESE), facts)
    return rows


class _Which(Enum):
    """Which destinations a claim is for: any, all but those named, some of each of these, or those named."""

    ANY = auto()
    OTHERS = auto()
    EACH = auto()
    THESE = auto()


@cache
def _due_statement(ledger: Ledger, channel: str) -> Select[int]:
    table = table_of(ledger)
    return select(table.c.id).where(*_waiting(table, channel)).limit(1)


@cache
def _lease_statement(ledger: Ledger, channel: str, which: _Which) -> ReturningUpdate[Any]:
    """Built once, because building costs more than the database takes to run it."""
    table = table_of(ledger)
    ids = (
        select(table.c.id)
        .where(*_waiting(table, channel))
        .order_by(table.c.lane, table.c.due_at, table.c.id)
        .limit(bindparam("count", type_=Integer))
        .with_for_update(skip_locked=True)
    )
    named: BindParameter[str] = bindparam("domains", expanding=True)
    if which is _Which.THESE:
        ids = ids.where(table.c.domain.in_(named))
    elif which is not _Which.ANY:
        ids = ids.where(table.c.domain.not_in(named))
    if which is _Which.EACH:
        ids = ids.where(table.c.id.in_(_first_of_each(table, channel)))
    if ledger is Delivery and channel_named(channel).wants_every_update:
        ids = ids.where(~_waits_for_an_earlier_one(table))
    return deliveries.lease_statement(ledger, ids.scalar_subquery(), *_claimed_columns(ledger))


def _first_of_each(table: Table, channel: str) -> ScalarSelect[int]:
    """The first `each` rows of every destination."""
    order = (table.c.lane, table.c.due_at, table.c.id)
    place = func.row_number().over(partition_by=table.c.domain, order_by=order).label("place")
    ranked = select(table.c.id, place).where(*_waiting(table, channel)).subquery()
    return select(ranked.c.id).where(ranked.c.place <= bindparam("each", type_=Integer)).scalar_subquery()


def _waits_for_an_earlier_one(table: Table) -> ColumnElement[bool]:
    """Whether an endpoint has still to get an earlier update of the same post: the order of a story is kept."""
    earlier, mine, theirs = aliased(Delivery), aliased(Dispatch), aliased(Dispatch)
    return (
        exists()
        .where(
            mine.id == table.c.dispatch_id,
            earlier.subscriber_id == table.c.subscriber_id,
            earlier.id < table.c.id,
            earlier.state.in_([DeliveryState.PENDING, DeliveryState.SENDING]),
            theirs.id == earlier.dispatch_id,
            theirs.post_id == mine.post_id,
        )
        .correlate(table)
    )


def _waiting(table: Table, channel: str) -> tuple[ColumnElement[bool], ...]:
    """What may be claimed at the time `at`.  The clock may have been put back since it was written: so a first attempt
    is due whatever its time, and another one when it is further away than any wait is.
    """
    kind = table.c.due_at.type
    return (
        table.c.channel == channel,
        table.c.state == written(DeliveryState.PENDING),
        or_(
            table.c.attempts == 0,
            table.c.due_at <= bindparam("at", type_=kind),
            table.c.due_at > bindparam("too_far", type_=kind),
        ),
    )


def _times(at: datetime, channel: str) -> dict[str, datetime]:
    return {"at": at, "too_far": at + longest_wait(channel_named(channel).retries)}


def _claimed_columns(ledger: Ledger) -> tuple[ColumnElement[Any], ...]:
    c = table_of(ledger).c
    batch, recipient = c[ledger.batch_column], c[ledger.recipient_column]
    is_late = cast(c.due_at < bindparam("late", type_=c.due_at.type), Integer)
    language = c.language if "language" in c else literal("")
    return (c.id, batch, recipient, c.attempts, c.lane, is_late, c.domain, language)


def _claim(row: Row[*tuple[Any, ...]]) -> Claim:
    row_id, batch_id, recipient_id, attempts, lane, is_late, _, language = row
    return Claim(row_id, batch_id, recipient_id, attempts, lane, bool(is_late), language)


def _by_lane(claim: Claim) -> tuple[int, int]:
    return claim.lane, claim.id


def renew(ledger: Ledger, owner: str) -> int:
    """Keep what `owner` holds for another lease; how many rows that are."""
    with transaction() as session:
        return deliveries.renew(session, ledger, owner, shared_now(session) + LEASE)


def release(ledger: Ledger, owner: str) -> None:
    """Give back what `owner` holds and hasn't tried: it left, or is known to be dead."""
    with transaction() as session:
        deliveries.release(session, ledger, owner)


def claims_of(session: Session, ledger: Ledger, owner: str) -> list[Claim]:
    """What `owner` still holds, as the ledger knows it."""
    held = (ledger.leased_by == owner, is_in(ledger, DeliveryState.SENDING))
    rows = session.execute(select(*_claimed_columns(ledger)).where(*held), {"late": shared_now(session) - LATE})
    return [_claim(row) for row in rows]


def expire_leases(ledger: Ledger, alive: Sequence[str]) -> int:
    """Put back what an owner on another machine took and never settled; how many rows.  Their attempt counts.

    Owners known to be `alive` on this machine keep theirs, whatever the clock says: they settle as soon as the database
    lets them.
    """
    lost = (ledger.leased_until < shared_now(read_session()), ledger.leased_by.not_in(alive))
    if read_session().scalar(select(ledger.id).where(is_in(ledger, DeliveryState.SENDING), *lost).limit(1)) is None:
        return 0
    with transaction() as session:
        return deliveries.expire(session, ledger, *lost)
