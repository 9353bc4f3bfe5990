"""Endpoints: their secret replaced, enabled again, and a delivery sent once more."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import audit
from app.channels.names import WEBHOOK
from app.channels.registry import channel
from app.clock import now
from app.db import transaction
from app.deliver.wake_up import wake_workers
from app.errors import Conflict, NotFound
from app.models.delivery import Delivery
from app.models.subscriber import Subscriber
from app.shapes import Actor
from app.states import deliveries, subscribers

BOTH_SIGN = timedelta(hours=24)


def rotate_secret(actor: Actor, subscriber_public_id: str) -> str:
    """A new signing secret, shown only this once.  For 24 hours the old one signs as well (Standard Webhooks).

    Raises:
        NotFound: there is no such webhook.
    """
    with transaction() as session:
        row = _endpoint(session, subscriber_public_id)
        row.previous_secret, row.previous_secret_until = row.secret, now() + BOTH_SIGN
        row.secret = channel(row.channel).new_secret()
        audit.record(session, actor, "rotate secret", "subscriber", row.public_id, row.label)
        return row.secret


def enable(actor: Actor, subscriber_public_id: str) -> None:
    """Let a webhook that was disabled hear of updates again.

    Raises:
        NotFound: there is no such webhook.
        Conflict: it is not disabled.
    """
    with transaction() as session:
        row = _endpoint(session, subscriber_public_id)
        if not subscribers.reactivate(session, row):
            raise Conflict("That webhook is not disabled.")
        audit.record(session, actor, "enable", "subscriber", row.public_id, row.label)


def replay(actor: Actor, delivery_id: int) -> None:
    """Send a webhook's delivery once more, with the same `webhook-id`, so that its receiver can tell.

    Raises:
        NotFound: there is no such delivery to a webhook.
        Conflict: it is waiting or being sent already, or was skipped.
    """
    with transaction() as session:
        found = session.scalar(
            select(Delivery).where(Delivery.id == delivery_id, Delivery.channel == WEBHOOK).with_for_update()
        )
        if found is None:
            raise NotFound("There is no such delivery to a webhook.")
        if found.state not in deliveries.REPLAYED:
            raise Conflict(f"That delivery is {found.state}: it can not be sent once more now.")
        deliveries.replay(session, found)
        audit.record(session, actor, "replay", "delivery", str(delivery_id))
        wake_workers(session)


def _endpoint(session: Session, public_id: str) -> Subscriber:
    row = session.scalar(
        select(Subscriber).where(Subscriber.public_id == public_id, Subscriber.channel == WEBHOOK).with_for_update()
    )
    if row is None:
        raise NotFound("There is no such webhook.")
    return row
