"""When a hold ends, a dispatch becomes deliveries: one row per subscriber, some thousands in one statement."""

import time
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, literal, or_, select, true
from sqlalchemy.orm import Session, aliased

from app.channels.registry import names as channel_names
from app.clock import now
from app.db import db, transaction
from app.deliver.audience import of_dispatch, skip_reason, wants_dispatch
from app.deliver.wake_up import wake_workers
from app.models.delivery import Delivery, Dispatch
from app.models.page import Page
from app.models.subscriber import Subscriber
from app.states import deliveries
from app.vocabulary import DeliveryState, DispatchKind, DispatchState, Impact

PIECE = 5_000
LONGEST_HOLD = timedelta(hours=2)
URGENCY = {Impact.CRITICAL: 0, Impact.MAJOR: 1}
LEAST_URGENT = 2


def due_dispatches(session: Session) -> list[int]:
    """The dispatches whose hold has ended and whose deliveries aren't all written, the most urgent first."""
    begun = (Dispatch.state == DispatchState.SENDING) & Dispatch.planned_at.is_(None)
    held = (Dispatch.state == DispatchState.HELD) & ~_is_held(now())
    return list(
        session.scalars(
            select(Dispatch.id)
            .where(or_(begun, held), ~_waits_for_its_update())
            .order_by(Dispatch.urgency, Dispatch.hold_until, Dispatch.id)
        )
    )


def _is_held(at: datetime) -> ColumnElement[bool]:
    """A hold that ends later than any can was begun before the clock was put back: it is over."""
    return Dispatch.hold_until.between(at + timedelta(microseconds=1), at + LONGEST_HOLD)


def urgency(impact: Impact) -> int:
    """The lane of first attempts about something with this impact: 0 goes first."""
    return URGENCY.get(impact, LEAST_URGENT)


def plan(dispatch_id: int) -> bool:
    """Write the deliveries of a dispatch, piece by piece, so that no one waits long for the database; whether this call
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
            .where(Dispatch.id == dispatch_id, ~_is_held(at), ~_waits_for_its_update(), *unplanned)
            .with_for_update(skip_locked=True)
        )
        if dispatch is None:
            return None
        which = (*of_dispatch(dispatch), Subscriber.id > dispatch.planned_through)
        ids = select(Subscriber.id).where(*which).order_by(Subscriber.id)
        last = session.scalars(ids.offset(PIECE - 1).limit(1)).first()
        recipients = (
            select(
                Subscriber.id.label("subscriber_id"),
                Subscriber.channel.label("channel"),
                Subscriber.domain.label("domain"),
                _language(session, dispatch.page_id).label("language"),
                skip_reason(wants_dispatch(dispatch)).label("reason"),
            )
            .where(*which, Subscriber.id <= last if last is not None else true())
            .offset(0)  # keeps it apart: merged into the rows, the reason would be looked for each time it is named
            .subquery()
        )
        deliveries.plan_piece(session, dispatch, recipients, at, through=last)
        wake_workers(session)
        return last is not None


def _language(session: Session, page_id: int) -> ColumnElement[str]:
    """The language that a subscriber is written to in: their own, or else the page's."""
    of_page = session.scalars(select(Page.locale).where(Page.id == page_id)).one()
    return case((Subscriber.locale != "", Subscriber.locale), else_=literal(of_page))


def _waits_for_its_update() -> ColumnElement[bool]:
    """Whether someone may be getting what this dispatch puts right at this moment: a few seconds later it is known
    who got it.
    """
    delivery, of_update = aliased(Delivery), aliased(Dispatch)
    is_same = or_(
        of_update.update_id == Dispatch.update_id,
        and_(Dispatch.update_id.is_(None), of_update.post_id == Dispatch.post_id),
    )
    under_way = (
        exists()
        .where(
            is_same,
            of_update.id < Dispatch.id,
            of_update.state != DispatchState.DONE,
            delivery.dispatch_id == of_update.id,
            delivery.channel.in_(channel_names()),
            delivery.state == DeliveryState.SENDING,
        )
        .correlate(Dispatch)
    )
    return and_(Dispatch.kind.in_([kind for kind in DispatchKind if kind.follows_an_update]), under_way)
