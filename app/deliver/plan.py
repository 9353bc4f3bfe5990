"""When a hold ends, a dispatch becomes deliveries: one row per subscriber, in one statement."""

from datetime import datetime

from sqlalchemy import case, insert, literal, select, update
from sqlalchemy.orm import Session

from app.clock import now
from app.db import UtcDateTime, transaction
from app.deliver.audience import audience_count, audience_of_post, skip_reason, wants_post
from app.models.delivery import Delivery, Dispatch
from app.models.subscriber import Subscriber
from app.vocabulary import DeliveryState, DispatchState, SubscriberState

__all__ = ["audience_count", "audience_of_post", "due_dispatches", "plan"]


def due_dispatches(session: Session) -> list[int]:
    """The dispatches whose hold has ended, oldest first."""
    return list(
        session.scalars(
            select(Dispatch.id)
            .where(Dispatch.state == DispatchState.HELD, Dispatch.hold_until <= now())
            .order_by(Dispatch.hold_until, Dispatch.id)
        )
    )


def plan(dispatch_id: int) -> bool:
    """Write the deliveries of a dispatch; whether this call did it.

    Several workers may call it at once: the dispatch's state is taken first, so one of them writes.
    """
    at = now()
    with transaction() as session:
        dispatch = session.scalar(select(Dispatch).where(Dispatch.id == dispatch_id).with_for_update())
        if dispatch is None or dispatch.state != DispatchState.HELD or dispatch.hold_until > at:
            return False
        _insert_deliveries(session, dispatch, at)
        dispatch.state = DispatchState.SENDING
        dispatch.planned_at = at
        session.flush()
        finish_if_done(session, dispatch_id)
    return True


def _insert_deliveries(session: Session, dispatch: Dispatch, at: datetime) -> None:
    audience = (
        select(
            Subscriber.id.label("subscriber_id"),
            Subscriber.channel.label("channel"),
            skip_reason(wants_post(dispatch.post_id)).label("reason"),
        )
        .where(Subscriber.page_id == dispatch.page_id, Subscriber.state != SubscriberState.UNSUBSCRIBED)
        .subquery()
    )
    is_skipped = audience.c.reason != ""
    instant = literal(at, UtcDateTime())
    rows = select(
        literal(dispatch.id),
        audience.c.subscriber_id,
        audience.c.channel,
        case((is_skipped, literal(str(DeliveryState.SKIPPED))), else_=literal(str(DeliveryState.PENDING))),
        audience.c.reason,
        literal(0),
        instant,
        case((is_skipped, instant), else_=None),
        literal(""),
        literal(""),
    ).order_by(audience.c.subscriber_id)
    columns = [
        "dispatch_id", "subscriber_id", "channel", "state", "reason", "attempts", "due_at", "settled_at",
        "leased_by", "provider_id",
    ]  # fmt: skip
    session.execute(insert(Delivery).from_select(columns, rows, include_defaults=False))


def finish_if_done(session: Session, dispatch_id: int) -> None:
    """Mark a dispatch done once none of its deliveries waits or is being sent."""
    open_rows = (
        select(Delivery.id)
        .where(
            Delivery.dispatch_id == dispatch_id,
            Delivery.state.in_([DeliveryState.PENDING, DeliveryState.SENDING]),
        )
        .exists()
    )
    session.execute(
        update(Dispatch)
        .where(Dispatch.id == dispatch_id, Dispatch.state == DispatchState.SENDING, ~open_rows)
        .values(state=DispatchState.DONE, finished_at=now())
        .execution_options(synchronize_session=False)
    )
