"""Browser notifications: turned on and off by a button in the browser."""

import hmac
from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.actions import rate_limits
from app.actions.frame import changing
from app.actions.subscribers.shared import choose, end, find_subscriber, follow
from app.actions.subscribers.subscriptions import HOUR_SECONDS, TRIES_PER_IP, TRIES_PER_PAGE
from app.channels.names import PUSH
from app.channels.push import subscription
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import VISITOR
from app.states import subscribers
from app.states.subscribers import address_hash


def subscribe_browser(
    settings: Settings, page_id: int, given: str, component_public_ids: Sequence[str], *, post: str = "", ip: str = ""
) -> None:
    """Subscribe the browser whose `PushSubscription` is given as JSON, at once: it asked its user itself.

    Doing it again changes what it gets updates about; with a `post`, by its public id, it also follows that one.

    Raises:
        Invalid: it isn't a subscription, or a component or the post isn't valid.
        TooMany: the caller or the page was asked too often.
    """
    endpoint, keys = subscription(given, settings)
    hashed = address_hash(settings, PUSH, endpoint)
    with changing(settings, VISITOR, page_id, needs=None, lock=False) as change:
        session = change.session
        for what, whom, limit in (("subscribe-ip", ip, TRIES_PER_IP), ("subscribe-page", str(page_id), TRIES_PER_PAGE)):
            rate_limits.count(session, rate_limits.bucket(settings, what, whom), limit, HOUR_SECONDS)
        row = find_subscriber(session, page_id, PUSH, hashed)
        row = row or subscribers.add(
            session,
            page_id=page_id,
            channel=PUSH,
            address=endpoint,
            address_hash=hashed,
            everything=not post,
        )
        if post:
            follow(session, row, post, is_confirmed=True)
        else:
            choose(session, row, component_public_ids)
        row.secret = keys
        subscribers.activate(session, row)
        change.audit("subscribe", "subscriber", row.public_id, PUSH)


def unsubscribe_browser(settings: Settings, page_id: int, given: str) -> None:
    """End the subscription of the browser that shows its keys; whether there was one isn't told.

    Raises:
        Invalid: that is no subscription.
    """
    endpoint, keys = subscription(given, settings)
    with changing(settings, VISITOR, page_id, needs=None, lock=False) as change:
        session = change.session
        row = _of(session, settings, page_id, endpoint)
        if row is not None and hmac.compare_digest(row.secret.encode(), keys.encode()):
            end(session, VISITOR, row, "browser")


def _of(session: Session, settings: Settings, page_id: int, endpoint: str) -> Subscriber | None:
    return find_subscriber(session, page_id, PUSH, address_hash(settings, PUSH, endpoint))
