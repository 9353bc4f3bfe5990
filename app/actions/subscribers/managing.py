"""What an operator or their program does with subscribers: add, reactivate and unsubscribe them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import rate_limits
from app.actions.frame import changing
from app.actions.subscribers.shared import choose, end, find_subscriber, follow, hears_of_page, unfollow
from app.actions.subscribers.subscriptions import HOUR_SECONDS, TRIES_PER_ADDRESS
from app.channels.base import AddedBy
from app.channels.names import EMAIL
from app.channels.registry import channel as channel_named
from app.channels.registry import offered
from app.errors import Conflict, Invalid, NotFound
from app.models.subscriber import Subscriber, SubscriberPost
from app.settings import Settings
from app.shapes import Actor
from app.states import deliveries, subscribers
from app.states.subscribers import address_hash
from app.text import clean_field
from app.vocabulary import NoticeKind, Role, SubscriberState

LABEL_LIMIT = 100


def add_subscriber(
    settings: Settings,
    actor: Actor,
    page_id: int,
    channel: str,
    address: str,
    components: Sequence[str] = (),
    *,
    post: str = "",
    is_confirmed: bool,
) -> str:
    """Add a mail address or a phone, to all of the page, to these components or to one `post`; its public id.

    Unless the operator vouches that it `is_confirmed`, it gets a request to confirm.

    Raises:
        Invalid: a field is invalid, or the address must not be contacted.
        Conflict: it is subscribed already.
        NotFound: the page doesn't exist.
    """
    about = offered(channel, AddedBy.READERS)
    name = about.name
    normal = about.normalise(address, settings)
    hashed = address_hash(settings, name, normal)
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session = change.session
        row = find_subscriber(session, page_id, name, hashed)
        if row is not None and _hears_already(session, row, post):
            raise Conflict("This address is already subscribed.")
        has_left = row is not None and row.state == SubscriberState.UNSUBSCRIBED
        is_suppressed = session.scalar(select(subscribers.is_suppressed(name, hashed)))
        if is_confirmed and (has_left or is_suppressed):
            raise Invalid("This address unsubscribed or its mail bounced. It must confirm again before you can add it.")
        row = row or subscribers.add(
            session,
            page_id=page_id,
            channel=name,
            address=normal,
            address_hash=hashed,
            everything=not post,
        )
        if not post:
            choose(session, row, components)
        elif not follow(session, row, post, is_confirmed=is_confirmed):
            raise Conflict("This address already gets these updates.")
        if is_confirmed:
            subscribers.activate(session, row)
        elif post or row.state != SubscriberState.ACTIVE:
            subscribers.ask(row)
            _ask(session, settings, row)
        change.audit("add", "subscriber", row.public_id, name)
        return row.public_id


def add_endpoint(
    settings: Settings,
    actor: Actor,
    page_id: int,
    channel: str,
    address: str,
    label: str,
    component_public_ids: Sequence[str],
    owner_email: str = "",
) -> str:
    """Add a subscriber on a channel of operators, active at once; its signing secret if there is one, shown only once.

    `owner_email` is written to when an endpoint had to be disabled.

    Raises:
        Invalid: a field is invalid.
        Conflict: it is subscribed already.
    """
    about = offered(channel, AddedBy.OPERATORS)
    name = about.name
    normal = about.normalise(address, settings)
    label = clean_field(label, name="label", label="The label", limit=LABEL_LIMIT)
    owner = channel_named(EMAIL).normalise(owner_email, settings) if owner_email else ""
    hashed = address_hash(settings, name, normal)
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:  # of two that add it, one finds it there
        session = change.session
        row = find_subscriber(session, page_id, name, hashed)
        if row is not None and row.state == SubscriberState.ACTIVE:
            raise Conflict("This address is already subscribed.")
        row = row or subscribers.add(session, page_id=page_id, channel=name, address=normal, address_hash=hashed)
        row.secret = about.new_secret()
        row.label, row.owner_email = label, owner
        subscribers.activate(session, row)
        choose(session, row, component_public_ids)
        change.audit("add", "subscriber", row.public_id, f"{name}, {label}")
        return row.secret


def resend_confirmation(settings: Settings, actor: Actor, page_id: int, public_ids: Sequence[str]) -> int:
    """Ask those again who haven't confirmed their address, or that they follow a post; how many were asked.

    Raises:
        NotFound: one isn't this page's.
        TooMany: one of them was asked often enough in the last hour.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        named = _named(session, page_id, public_ids)
        waiting = select(SubscriberPost.subscriber_id).where(
            SubscriberPost.subscriber_id.in_([row.id for row in named]), SubscriberPost.confirmed.is_(False)
        )
        pending = set(session.scalars(waiting))
        rows = [row for row in named if row.state == SubscriberState.UNCONFIRMED or row.id in pending]
        for row in rows:
            _ask(session, settings, row)
            change.audit("resend confirmation", "subscriber", row.public_id)
        return len(rows)


def reactivate(settings: Settings, actor: Actor, page_id: int, public_ids: Sequence[str]) -> int:
    """Write again to those who are quarantined because mail came back; how many there were.  What suppressed their
    addresses is lifted, and who never confirmed has to do that first.  Raises NotFound.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        rows = [row for row in _named(session, page_id, public_ids) if subscribers.reactivate(session, row)]
        for row in rows:
            change.audit("reactivate", "subscriber", row.public_id)
        return len(rows)


def unsubscribe(settings: Settings, actor: Actor, page_id: int, public_ids: Sequence[str]) -> int:
    """End these subscriptions; how many they were.  Raises NotFound."""
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        rows = _named(session, page_id, public_ids)
        for row in rows:
            end(session, actor, row, "operator")
        return len(rows)


def unfollow_post(settings: Settings, actor: Actor, page_id: int, public_id: str, post: str) -> None:
    """Remove a post from a subscription; a subscriber with nothing left is unsubscribed.

    Raises:
        NotFound: the subscriber doesn't exist or doesn't follow it.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        (row,) = _named(session, page_id, [public_id])
        unfollow(session, actor, row, post)


def choose_components(
    settings: Settings, actor: Actor, page_id: int, public_id: str, components: Sequence[str]
) -> None:
    """Set what a subscriber gets updates about; everything when no component is named.

    Raises:
        NotFound: the subscriber doesn't exist.
        Invalid: a component isn't this page's.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        (row,) = _named(session, page_id, [public_id])
        choose(session, row, components)
        change.audit("set preferences", "subscriber", public_id)


def _named(session: Session, page_id: int, public_ids: Sequence[str]) -> Sequence[Subscriber]:
    wanted = set(public_ids)
    rows = session.scalars(
        select(Subscriber)
        .where(Subscriber.page_id == page_id, Subscriber.public_id.in_(wanted))
        .order_by(Subscriber.id)
        .with_for_update()
    ).all()
    if len(rows) != len(wanted):
        raise NotFound("Subscriber not found.")
    return rows


def _hears_already(session: Session, row: Subscriber, post: str) -> bool:
    """Whether there is nothing to add: people who follow only single posts don't get the page's updates yet."""
    if post:
        return row.everything and row.state in {SubscriberState.ACTIVE, SubscriberState.QUARANTINED}
    return row.state == SubscriberState.ACTIVE and hears_of_page(session, row)


def _ask(session: Session, settings: Settings, row: Subscriber) -> None:
    """Ask to confirm, as often as the public form would and no more."""
    bucket = rate_limits.bucket(settings, "subscribe-address", f"{row.page_id}:{row.address_hash}")
    rate_limits.count(session, bucket, TRIES_PER_ADDRESS, HOUR_SECONDS)
    deliveries.queue_notice(session, row, NoticeKind.CONFIRM)
