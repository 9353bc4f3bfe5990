"""The states of dispatches, deliveries and notices: the only place that changes them, and what changes with them.

A dispatch is held, then sending, then done; or cancelled.  A delivery (and a notice, which obeys the same rules) is
pending, sending while someone holds its lease, and then settled as sent, unknown, failed, skipped or bounced.

What always holds:

- a pending row has no lease and no time of settlement; a row that is sending has both parts of its lease, at least one
  attempt and the time of the first; a settled row has no lease, and a time of settlement;
- a held dispatch has no deliveries; one that is done is planned to the end, and none of its deliveries is pending,
  sending or unknown; of one that is cancelled none is pending;
- `finished_at` is set when, and only when, a dispatch is done or cancelled.

The caller holds the transaction.  Statements over thousands of rows are built once and never go through the mapper.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CursorResult,
    FromClause,
    Result,
    ScalarSelect,
    String,
    Table,
    Update,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from app.channels.registry import names as channel_names
from app.clock import now
from app.db import Base, UtcDateTime
from app.models.delivery import Delivery, Dispatch, LedgerRow, Notice
from app.models.subscriber import Subscriber
from app.vocabulary import DeliveryState, DispatchKind, DispatchState, NoticeKind

Ledger = type[LedgerRow]
RETRY_LANE = 10
REASON_LIMIT = 300
UNSENT = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)
"""What isn't settled for good: a dispatch with one of these isn't done."""

ARRIVED = (DeliveryState.SENT, DeliveryState.UNKNOWN)
"""Who got it, or may have got it."""

REPLAYED = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN)
CANCELLED = "cancelled before it was sent"
LOOKED_BACK = timedelta(days=4)
"""A row of a dispatch that was cancelled longer ago than any retry takes can't come back into the queue."""


def table_of(ledger: Ledger) -> Table:
    """The bare table: what is done to thousands of rows isn't done through the mapper."""
    return Base.metadata.tables[ledger.__tablename__]


def written(state: DeliveryState) -> BindParameter[str]:
    """A state written into the statement, because an index over one state is used for no parameter."""
    return bindparam(None, str(state), String, literal_execute=True)


def is_in(ledger: Ledger, state: DeliveryState) -> ColumnElement[bool]:
    """Whether a row is in this state, so that the index over it is used."""
    return table_of(ledger).c.state == written(state)


# Dispatches


def open_dispatch(
    session: Session,
    *,
    page_id: int,
    post_id: int,
    update_id: int | None,
    kind: DispatchKind,
    urgency: int,
    hold_until: datetime,
) -> Dispatch:
    """A new dispatch, held until `hold_until`.  It is the next of its kind: an update may be corrected twice."""
    of = Dispatch.update_id == update_id if update_id is not None else Dispatch.update_id.is_(None)
    last = session.scalar(
        select(func.max(Dispatch.sequence)).where(Dispatch.post_id == post_id, of, Dispatch.kind == kind)
    )
    dispatch = Dispatch(
        page_id=page_id,
        post_id=post_id,
        update_id=update_id,
        kind=kind,
        sequence=(last or 0) + 1,
        state=DispatchState.HELD,
        urgency=urgency,
        hold_until=hold_until,
        created_at=now(),
    )
    session.add(dispatch)
    session.flush()
    return dispatch


def plan_piece(
    session: Session, dispatch: Dispatch, recipients: FromClause, at: datetime, *, through: int | None
) -> None:
    """Write deliveries for `recipients`, and note how far that goes: to the end when `through` is None.

    `recipients` has the columns subscriber_id, channel, domain, language and reason; those with a reason are skipped.
    """
    is_skipped = recipients.c.reason != ""
    instant = literal(at, UtcDateTime())
    values: dict[str, ColumnElement[Any]] = {
        "dispatch_id": literal(dispatch.id),
        "subscriber_id": recipients.c.subscriber_id,
        "channel": recipients.c.channel,
        "domain": recipients.c.domain,
        "language": recipients.c.language,
        "lane": literal(dispatch.urgency),
        "state": case((is_skipped, literal(str(DeliveryState.SKIPPED))), else_=literal(str(DeliveryState.PENDING))),
        "reason": recipients.c.reason,
        "attempts": literal(0),
        "due_at": instant,
        "settled_at": case((is_skipped, instant), else_=None),
        "leased_by": literal(""),
        "provider_id": literal(""),
    }
    rows = select(*values.values()).order_by(recipients.c.subscriber_id)
    session.execute(insert(Delivery).from_select(list(values), rows, include_defaults=False))
    dispatch.state = DispatchState.SENDING
    if through is None:
        dispatch.planned_at = at
    else:
        dispatch.planned_through = through
    session.flush()
    finish_if_done(session, dispatch.id)


def cancel(session: Session, dispatch: Dispatch, reason: str = CANCELLED) -> int:
    """Send nothing more of a dispatch; how many deliveries are skipped by that.

    What is on its way to the other side at this moment arrives, and is settled as what became of it.
    """
    if dispatch.state in {DispatchState.DONE, DispatchState.CANCELLED}:
        return 0
    if dispatch.state == DispatchState.SENDING:
        dispatch.planned_at = dispatch.planned_at or now()
    dispatch.state, dispatch.finished_at = DispatchState.CANCELLED, now()
    session.flush()
    return skip(
        session, Delivery, (Delivery.dispatch_id == dispatch.id) & is_in(Delivery, DeliveryState.PENDING), reason
    )


def cancel_dispatches_of(session: Session, update_ids: Collection[int], reason: str) -> int:
    """Send nothing more of these updates, nor of their corrections; how many dispatches were ended by that."""
    rows = session.scalars(
        select(Dispatch)
        .where(
            Dispatch.update_id.in_(update_ids),
            Dispatch.state.in_([DispatchState.HELD, DispatchState.SENDING]),
            Dispatch.kind != DispatchKind.WITHDRAWAL,
        )
        .order_by(Dispatch.id)
        .with_for_update()
    ).all()
    for row in rows:
        cancel(session, row, reason)
    return len(rows)


def finish_if_done(session: Session, dispatch_id: int) -> None:
    """Mark a dispatch done once none of its deliveries waits or is being sent."""
    open_rows = (
        select(Delivery.id)
        .where(
            Delivery.dispatch_id == dispatch_id,
            Delivery.channel.in_(channel_names()),  # all of them: the index has it before the state
            Delivery.state.in_(UNSENT),
        )
        .exists()
    )
    session.execute(
        update(Dispatch)
        .where(
            Dispatch.id == dispatch_id,
            Dispatch.state == DispatchState.SENDING,
            Dispatch.planned_at.is_not(None),
            ~open_rows,
        )
        .values(state=DispatchState.DONE, finished_at=now())
        .execution_options(synchronize_session=False)
    )


def _reopen(session: Session, dispatch_id: int) -> None:
    session.execute(
        update(Dispatch)
        .where(Dispatch.id == dispatch_id, Dispatch.state == DispatchState.DONE)
        .values(state=DispatchState.SENDING, finished_at=None)
        .execution_options(synchronize_session=False)
    )


# Notices


def queue_notice(session: Session, to: Subscriber, kind: NoticeKind, *, channel: str = "") -> Notice:
    """One message to one subscriber, to be sent at once; on another channel than theirs where one is named."""
    at = now()
    notice = Notice(
        page_id=to.page_id,
        subscriber_id=to.id,
        channel=channel or to.channel,
        domain="" if channel else to.domain,
        kind=kind,
        state=DeliveryState.PENDING,
        due_at=at,
        created_at=at,
    )
    session.add(notice)
    return notice


# Leases


def lease_statement(ledger: Ledger, ids: ScalarSelect[int], *returned: ColumnElement[Any]) -> ReturningUpdate[Any]:
    """Takes the rows `ids` for `owner` until `until`, at `at`: three parameters of the statement."""
    table = table_of(ledger)
    at = bindparam("at", type_=table.c.due_at.type)
    return (
        update(table)
        .where(table.c.id.in_(ids))
        .values(
            state=DeliveryState.SENDING,
            leased_by=bindparam("owner"),
            leased_until=bindparam("until", type_=table.c.due_at.type),
            attempts=table.c.attempts + 1,
            first_attempt_at=func.coalesce(table.c.first_attempt_at, at),
        )
        .returning(*returned)
    )


def renew(session: Session, ledger: Ledger, owner: str, until: datetime) -> int:
    """Keep what `owner` holds until then; how many rows that are."""
    return _count(
        session.execute(
            update(ledger)
            .where(ledger.leased_by == owner, is_in(ledger, DeliveryState.SENDING))
            .values(leased_until=until)
            .execution_options(synchronize_session=False)
        )
    )


def release(session: Session, ledger: Ledger, owner: str) -> int:
    """Give back what `owner` holds and hasn't tried; how many rows that were."""
    held = (ledger.leased_by == owner, is_in(ledger, DeliveryState.SENDING))
    return _put_back(session, ledger, held, attempts=ledger.attempts - 1)


def expire(session: Session, ledger: Ledger, *lost: ColumnElement[bool]) -> int:
    """Put back what was taken and never settled; how many rows.  Their attempt counts."""
    return _put_back(session, ledger, (is_in(ledger, DeliveryState.SENDING), *lost))


def _put_back(session: Session, ledger: Ledger, which: Sequence[ColumnElement[bool]], **values: Any) -> int:
    count = _count(
        session.execute(
            update(ledger)
            .where(*which)
            .values(state=DeliveryState.PENDING, leased_by="", leased_until=None, **values)
            .execution_options(synchronize_session=False)
        )
    )
    if count and ledger is Delivery:
        _skip_what_is_cancelled(session)
    return count


# Settlement


def settle_sent(session: Session, ledger: Ledger, owner: str, row_ids: Sequence[int], at: datetime) -> None:
    """These rows, if `owner` still holds them, were plainly sent."""
    session.connection().execute(_sent_statement(ledger), {"ids": row_ids, "owner": owner, "at": at})


def give_back(session: Session, ledger: Ledger, owner: str, row_ids: Sequence[int]) -> None:
    """These rows, if `owner` still holds them, weren't tried after all."""
    session.connection().execute(_given_back_statement(ledger), {"ids": row_ids, "owner": owner})
    if ledger is Delivery:
        _skip_what_is_cancelled(session)


def settlement(
    row_id: int,
    owner: str,
    state: DeliveryState,
    *,
    lane: int,
    reason: str,
    provider_id: str,
    at: datetime,
    again: datetime | None,
) -> dict[str, object]:
    """What became of one row that `owner` holds, for `settle`; it is pending again when it is due `again`."""
    return {
        "row": row_id,
        "owner": owner,
        "to_state": DeliveryState.PENDING if again else state,
        "to_lane": RETRY_LANE if again else lane,
        "why": reason[:REASON_LIMIT],
        "provider": provider_id[:128],
        "due": again or at,
        "settled": None if again else at,
    }


def settle(session: Session, ledger: Ledger, settlements: Sequence[dict[str, object]]) -> None:
    """Write what became of each row that its owner still holds."""
    session.connection().execute(_settled_statement(ledger), settlements)
    if ledger is Delivery and any(one["to_state"] is DeliveryState.PENDING for one in settlements):
        _skip_what_is_cancelled(session)


def settle_by_provider(row: LedgerRow, state: DeliveryState, reason: str, provider_id: str) -> None:
    """The provider reports what happened to a row.  A worker that is sending it now has older news, and loses it."""
    if not (row.state == state == DeliveryState.SENT):
        row.settled_at = now()
    row.state, row.reason, row.provider_id = state, reason, provider_id[:128]
    row.leased_by, row.leased_until = "", None


def try_again(session: Session, row: Delivery, reason: str) -> None:
    """What was in doubt wasn't taken: it waits among the retries."""
    row.state, row.lane, row.due_at = DeliveryState.PENDING, RETRY_LANE, now()
    row.settled_at, row.reason = None, reason
    session.flush()
    _skip_what_is_cancelled(session)


def bounce(row: LedgerRow, reason: str) -> None:
    """What was sent came back.  Of what wasn't sent nothing can come back: then nothing changes."""
    if row.state in ARRIVED:
        row.state, row.reason = DeliveryState.BOUNCED, reason


def edited(row: Delivery, reason: str) -> bool:
    """The message that was sent has new words, or keeps its old ones, as `reason` says; False when it wasn't sent."""
    if row.state != DeliveryState.SENT:
        return False
    row.settled_at, row.reason = now(), reason
    return True


def skip(session: Session, ledger: Ledger, which: ColumnElement[bool], reason: str) -> int:
    """Skip what of `which` isn't settled for good; how many rows that were."""
    return _count(
        session.execute(
            update(ledger)
            .where(which, ledger.state.in_(UNSENT))
            .values(
                state=DeliveryState.SKIPPED,
                reason=reason[:REASON_LIMIT],
                settled_at=now(),
                leased_by="",
                leased_until=None,
            )
            .execution_options(synchronize_session=False)
        )
    )


def retry(session: Session, dispatch: Dispatch, *which: ColumnElement[bool]) -> int:
    """Put failed deliveries of a dispatch back into the queue, as if they had never been tried; how many they were."""
    if dispatch.state == DispatchState.CANCELLED:
        return 0
    count = _count(
        session.execute(
            update(Delivery)
            .where(Delivery.dispatch_id == dispatch.id, Delivery.state == DeliveryState.FAILED, *which)
            .values(lane=dispatch.urgency, **_UNTRIED, due_at=now())
            .execution_options(synchronize_session=False)
        )
    )
    if count:
        _reopen(session, dispatch.id)
        session.refresh(dispatch)
    return count


def replay(session: Session, row: Delivery) -> bool:
    """Send a settled delivery once more; it must be one of `REPLAYED`.  False when its dispatch was cancelled."""
    dispatch = session.get_one(Dispatch, row.dispatch_id, with_for_update=True)
    if dispatch.state == DispatchState.CANCELLED:
        return False
    for name, value in _UNTRIED.items():
        setattr(row, name, value)
    row.due_at = now()
    _reopen(session, row.dispatch_id)
    return True


_UNTRIED: dict[str, Any] = {
    "state": DeliveryState.PENDING,
    "attempts": 0,
    "first_attempt_at": None,
    "settled_at": None,
    "reason": "",
    "leased_by": "",
    "leased_until": None,
}


def _skip_what_is_cancelled(session: Session) -> None:
    """What comes back into the queue after its dispatch was cancelled isn't tried again."""
    rows = session.execute(
        select(Dispatch.id).where(
            Dispatch.state == DispatchState.CANCELLED,
            Dispatch.planned_at.is_not(None),
            Dispatch.finished_at > now() - LOOKED_BACK,
        )
    )
    for (dispatch_id,) in rows.all():
        waiting = (
            Delivery.dispatch_id == dispatch_id,
            Delivery.channel.in_(channel_names()),
            Delivery.state == DeliveryState.PENDING,
        )
        skip(session, Delivery, waiting[0] & waiting[1] & waiting[2], CANCELLED)


@cache
def _sent_statement(ledger: Ledger) -> Update:
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
def _given_back_statement(ledger: Ledger) -> Update:
    table = table_of(ledger)
    return (
        update(table)
        .where(table.c.id.in_(bindparam("ids", expanding=True)), table.c.leased_by == bindparam("owner"))
        .values(state=DeliveryState.PENDING, attempts=table.c.attempts - 1, leased_by="", leased_until=None)
    )


@cache
def _settled_statement(ledger: Ledger) -> Update:
    table = table_of(ledger)
    return (
        update(table)
        .where(table.c.id == bindparam("row"), table.c.leased_by == bindparam("owner"))
        .values(
            state=bindparam("to_state", type_=table.c.state.type),
            reason=bindparam("why"),
            provider_id=bindparam("provider"),
            lane=bindparam("to_lane"),
            due_at=bindparam("due", type_=table.c.due_at.type),
            settled_at=bindparam("settled", type_=table.c.settled_at.type),
            leased_by="",
            leased_until=None,
        )
    )


def _count(result: Result[Any]) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
