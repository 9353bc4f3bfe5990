"""When a hold ends, a dispatch becomes deliveries: one row per subscriber, some thousands in one statement."""

import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, insert, literal, or_, select, true, update
from sqlalchemy.orm import Session

from app.clock import now
from app.db import UtcDateTime, db, transaction
from app.deliver.audience import audience_count, audience_of_post, skip_reason, wants_post
from app.deliver.wake_up import wake_workers
from app.models.delivery import Delivery, Dispatch
from app.models.subscriber import Subscriber
from app.vocabulary import ChannelName, DeliveryState, DispatchState, Impact, SubscriberState

PIECE = 5_000
LONGEST_HOLD = timedelta(hours=2)
RETRY_LANE = 10
URGENCY = {Impact.CRITICAL: 0, Impact.MAJOR: 1}
LEAST_URGENT = 2
__all__ = ["audience_count", "audience_of_post", "due_dispatches", "plan"]


def due_dispatches(session: Session) -> list[int]:
    """The dispatches whose hold has ended and whose deliveries are not all written, the most urgent first."""
    begun = (Dispatch.state == DispatchState.SENDING) & Dispatch.planned_at.is_(None)
    held = (Dispatch.state == DispatchState.HELD) & ~_is_held(now())
    return list(
        session.scalars(
            select(Dispatch.id).where(or_(begun, held)).order_by(Dispatch.urgency, Dispatch.hold_until, Dispatch.id)
        )
    )


def _is_held(at: datetime) -> ColumnElement[bool]:
    """A hold that ends later than any can was begun before the clock was put back: it is over."""
    return Dispatch.hold_until.between(at + timedelta(microseconds=1), at + LONGEST_HOLD)


def urgency(impact: Impact) -> int:
    """The lane of first attempts about something with this impact: 0 goes first."""
    return URGENCY.get(impact, LEAST_URGENT)


def plan(dispatch_id: int) -> bool:
    """Write the deliveries of a dispatch, piece by piece, so that nobody waits long for the database; whether this call
    wrote any.

    Several workers may call it at once: each piece is taken under the dispatch's lock, and a worker that finds it
    locked leaves it to the other.  One that dies between two pieces is carried on from.
    """
    wrote, begun = False, time.monotonic()
    while (more := _plan_piece(dispatch_id)) is not None:
        wrote = True
        if not more:
            break
        if db.engine.dialect.name == "sqlite":  # it has one writer, and who waits for it only looks now and then
            time.sleep(time.monotonic() - begun)
            begun = time.monotonic()
    return wrote


def _plan_piece(dispatch_id: int) -> bool | None:
    """Write the next piece; whether there may be more, and None when there was nothing to do."""
    at = now()
    with transaction() as session:
        unplanned = (Dispatch.planned_at.is_(None), Dispatch.state.in_([DispatchState.HELD, DispatchState.SENDING]))
        dispatch = session.scalar(
            select(Dispatch)
            .where(Dispatch.id == dispatch_id, ~_is_held(at), *unplanned)
            .with_for_update(skip_locked=True)
        )
        if dispatch is None:
            return None
        ids = select(Subscriber.id).where(*_unplanned(dispatch)).order_by(Subscriber.id)
        last = session.scalars(ids.offset(PIECE - 1).limit(1)).first()
        _insert_deliveries(session, dispatch, at, last)
        wake_workers(session)
        dispatch.state = DispatchState.SENDING
        if last is None:
            dispatch.planned_at = at
        else:
            dispatch.planned_through = last
        session.flush()
        finish_if_done(session, dispatch_id)
        return last is not None


def _unplanned(dispatch: Dispatch) -> tuple[ColumnElement[bool], ...]:
    return (
        Subscriber.page_id == dispatch.page_id,
        Subscriber.state != SubscriberState.UNSUBSCRIBED,
        Subscriber.id > dispatch.planned_through,
    )


def _insert_deliveries(session: Session, dispatch: Dispatch, at: datetime, last: int | None) -> None:
    audience = (
        select(
            Subscriber.id.label("subscriber_id"),
            Subscriber.channel.label("channel"),
            Subscriber.domain.label("domain"),
            skip_reason(wants_post(dispatch.post_id)).label("reason"),
        )
        .where(*_unplanned(dispatch), Subscriber.id <= last if last is not None else true())
        .offset(0)  # keeps it apart: merged into the rows, the reason would be looked for each time it is named
        .subquery()
    )
    is_skipped = audience.c.reason != ""
    instant = literal(at, UtcDateTime())
    values: dict[str, ColumnElement[Any]] = {
        "dispatch_id": literal(dispatch.id),
        "subscriber_id": audience.c.subscriber_id,
        "channel": audience.c.channel,
        "domain": audience.c.domain,
        "lane": literal(dispatch.urgency),
        "state": case((is_skipped, literal(str(DeliveryState.SKIPPED))), else_=literal(str(DeliveryState.PENDING))),
        "reason": audience.c.reason,
        "attempts": literal(0),
        "due_at": instant,
        "settled_at": case((is_skipped, instant), else_=None),
        "leased_by": literal(""),
        "provider_id": literal(""),
    }
    rows = select(*values.values()).order_by(audience.c.subscriber_id)
    session.execute(insert(Delivery).from_select(list(values), rows, include_defaults=False))


def finish_if_done(session: Session, dispatch_id: int) -> None:
    """Mark a dispatch done once none of its deliveries waits or is being sent."""
    open_rows = (
        select(Delivery.id)
        .where(
            Delivery.dispatch_id == dispatch_id,
            Delivery.channel.in_(list(ChannelName)),  # all of them: the index has it before the state
            Delivery.state.in_([DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN]),
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
