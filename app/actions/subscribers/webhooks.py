"""Webhooks: rotate the secret, enable, and replay a delivery."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions.deliveries.dispatches import refuse_withdrawn
from app.actions.frame import changing
from app.channels.names import WEBHOOK
from app.channels.registry import channel
from app.clock import now
from app.deliver.wake_up import wake_workers
from app.errors import Conflict, NotFound
from app.models.delivery import Delivery, Dispatch
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import Actor
from app.states import deliveries, subscribers
from app.vocabulary import Role

BOTH_SIGN = timedelta(hours=24)


def rotate_secret(settings: Settings, actor: Actor, page_id: int, subscriber_public_id: str) -> str:
    """A new signing secret, shown only this once.  For 24 hours the old one signs as well (Standard Webhooks).

    Raises:
        NotFound: the webhook doesn't exist.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        row = _endpoint(session, page_id, subscriber_public_id)
        row.previous_secret, row.previous_secret_until = row.secret, now() + BOTH_SIGN
        row.secret = channel(row.channel).new_secret()
        change.audit("rotate secret", "subscriber", row.public_id, row.label)
        return row.secret


def enable(settings: Settings, actor: Actor, page_id: int, subscriber_public_id: str) -> None:
    """Enable a disabled webhook.

    Raises:
        NotFound: the webhook doesn't exist.
        Conflict: it isn't disabled.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        row = _endpoint(session, page_id, subscriber_public_id)
        if not subscribers.reactivate(session, row):
            raise Conflict("This webhook isn't disabled.")
        change.audit("enable", "subscriber", row.public_id, row.label)


def replay(settings: Settings, actor: Actor, page_id: int, delivery_id: int) -> None:
    """Send a webhook's delivery once more, with the same `webhook-id`, so that its receiver can tell.

    Raises:
        NotFound: no delivery to a webhook has this number.
        Conflict: it is waiting or being sent already, or was skipped, or what it says was withdrawn.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        found = session.scalar(
            select(Delivery)
            .join(Dispatch, Dispatch.id == Delivery.dispatch_id)
            .where(Dispatch.page_id == page_id, Delivery.id == delivery_id, Delivery.channel == WEBHOOK)
            .with_for_update(of=Delivery)
        )
        if found is None:
            raise NotFound("Webhook delivery not found.")
        if found.state not in deliveries.REPLAYED:
            raise Conflict(f"This delivery is {found.state}, so you can't resend it now.")
        refuse_withdrawn(session, session.get_one(Dispatch, found.dispatch_id))
        if not deliveries.replay(session, found):
            raise Conflict("Sending this update was canceled, so you can't resend it.")
        change.audit("replay", "delivery", str(delivery_id))
        wake_workers(session)


def _endpoint(session: Session, page_id: int, public_id: str) -> Subscriber:
    row = session.scalar(
        select(Subscriber)
        .where(Subscriber.page_id == page_id, Subscriber.public_id == public_id, Subscriber.channel == WEBHOOK)
        .with_for_update()
    )
    if row is None:
        raise NotFound("Webhook not found.")
    return row
