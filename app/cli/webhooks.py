"""`candor webhook`: list endpoints and their log, replay a delivery, rotate a secret, enable an endpoint."""

import click
from sqlalchemy import select

from app.actions.subscribers import webhooks as actions
from app.cli.shared import Answer, about_page, answers
from app.db import session
from app.errors import NotFound
from app.models.delivery import Delivery, DeliveryAttempt
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import COMMAND_LINE

SHOWN = 50


@click.group()
def webhook() -> None:
    """Manage webhooks: endpoints that get updates as signed JSON."""


@webhook.command("list")
@answers
@about_page
def list_webhooks(_settings: Settings, page_id: int) -> Answer:
    """List a page's webhooks with their state."""
    ours = (Subscriber.page_id == page_id, Subscriber.channel == "webhook")
    rows = session().scalars(select(Subscriber).where(*ours).order_by(Subscriber.id)).all()
    found = [
        {"id": row.public_id, "label": row.label, "state": row.state, "disabled": row.disabled_why or None}
        for row in rows
    ]
    lines = [f"{row['id']}  {row['state']:<13} {row['label']}  {row['disabled'] or ''}".rstrip() for row in found]
    return Answer("\n".join(lines) or "No webhooks yet.", {"webhooks": found})


@webhook.command("log")
@click.argument("subscriber")
@answers
@about_page
def log(_settings: Settings, page_id: int, subscriber: str) -> Answer:
    """Show a webhook's delivery attempts, newest first.

    SUBSCRIBER is the webhook's id.
    """
    ours = (Subscriber.page_id == page_id, Subscriber.public_id == subscriber)
    if session().scalar(select(Subscriber.id).where(*ours)) is None:
        raise NotFound("Webhook not found.")
    rows = session().execute(
        select(DeliveryAttempt, Delivery.state)
        .join(Delivery, Delivery.id == DeliveryAttempt.delivery_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(*ours)
        .order_by(DeliveryAttempt.id.desc())
        .limit(SHOWN)
    )
    found = [
        {
            "delivery": one.delivery_id,
            "at": one.at.isoformat(),
            "took_ms": one.took_ms,
            "status": one.status,
            "reason": one.reason or None,
            "delivery_state": state,
        }
        for one, state in rows
    ]
    lines = [
        f"{row['at']}  delivery {row['delivery']}: {row['status'] or 'no response'} after {row['took_ms']} ms"
        for row in found
    ]
    return Answer("\n".join(lines) or "No attempts yet.", {"attempts": found})


@webhook.command("replay")
@click.argument("delivery", type=int)
@answers
@about_page
def replay(settings: Settings, page_id: int, delivery: int) -> Answer:
    """Send a delivery again, by its number in the log."""
    actions.replay(settings, COMMAND_LINE, page_id, delivery)
    return Answer("The delivery is queued to be sent again.", {"delivery": delivery})


@webhook.command("rotate")
@click.argument("subscriber")
@answers
@about_page
def rotate(settings: Settings, page_id: int, subscriber: str) -> Answer:
    """Rotate a webhook's signing secret. For 24 hours, both the old and the new secret sign."""
    secret = actions.rotate_secret(settings, COMMAND_LINE, page_id, subscriber)
    return Answer(f"New signing secret: {secret}. Copy it now; it isn't shown again.", {"secret": secret})


@webhook.command("enable")
@click.argument("subscriber")
@answers
@about_page
def enable(settings: Settings, page_id: int, subscriber: str) -> Answer:
    """Enable a disabled webhook."""
    actions.enable(settings, COMMAND_LINE, page_id, subscriber)
    return Answer("Webhook enabled.", {"id": subscriber})


COMMANDS = (webhook,)
