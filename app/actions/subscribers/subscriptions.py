"""What subscribers do themselves: subscribe, confirm, choose, unsubscribe."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.actions import audit, rate_limits
from app.actions.frame import changing
from app.actions.subscribers.shared import check_link, choose, end, find_subscriber, follow, hears_of_page, lock_by_link
from app.channels.base import AddedBy
from app.channels.registry import offered
from app.db import session as read_session
from app.db import transaction
from app.errors import Conflict
from app.models.component import Component
from app.models.post import Post
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost
from app.settings import Settings
from app.shapes import VISITOR
from app.states import deliveries, subscribers
from app.states.subscribers import address_hash
from app.vocabulary import NoticeKind, SubscriberState

HOUR_SECONDS = 3600
TRIES_PER_ADDRESS = 3
TRIES_PER_IP = 20
TRIES_PER_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a subscriber sees of itself.  `chosen` are components' public ids, empty with `everything`; `followed` are
    posts' public ids and titles, those first that wait to be confirmed.
    """

    public_id: str
    page_id: int
    channel: str
    address: str
    state: SubscriberState
    everything: bool
    chosen: frozenset[str]
    followed: tuple[tuple[str, str], ...]
    version: int


def subscribe(
    settings: Settings, page_id: int, channel: str, address: str, component_public_ids: Sequence[str], *,
    post: str = "", ip: str = "",
) -> None:  # fmt: skip
    """Subscribe to a page, to all of it when no component is named, or to one `post` only, by its public id.

    A notice asks the address to confirm; someone who is already subscribed gets a notice that says so.  The answer is
    the same for every address.

    Raises:
        Invalid: the channel, the address, a component or the post isn't valid.
        TooMany: the address, the caller or the page was asked too often.
    """
    about = offered(channel, AddedBy.READERS)
    name = about.name
    normal = about.normalise(address, settings)
    hashed = address_hash(settings, name, normal)
    with changing(settings, VISITOR, page_id, needs=None, lock=False) as change:
        session = change.session
        for what, whom, limit in (
            ("subscribe-ip", ip, TRIES_PER_IP),
            ("subscribe-page", str(page_id), TRIES_PER_PAGE),
            ("subscribe-address", f"{page_id}:{hashed}", TRIES_PER_ADDRESS),
        ):
            rate_limits.count(session, rate_limits.bucket(settings, what, whom), limit, HOUR_SECONDS)
        row = find_subscriber(session, page_id, name, hashed)
        if row is None:
            row = subscribers.add(
                session,
                page_id=page_id,
                channel=name,
                address=normal,
                address_hash=hashed,
                everything=not post,
            )
        is_new = follow(session, row, post) if post else row.state != SubscriberState.ACTIVE
        if is_new and not post:
            choose(session, row, component_public_ids)
        subscribers.ask(row)
        kind = NoticeKind.CONFIRM if is_new else NoticeKind.MANAGE
        if kind is NoticeKind.MANAGE and not post and not hears_of_page(session, row):
            kind = NoticeKind.FOLLOWS  # typing an address alone must not widen its subscription
        deliveries.queue_notice(session, row, kind)
        change.audit("subscribe", "subscriber", row.public_id, name)


def read(settings: Settings, purpose: str, public_id: str, token: str) -> Subscription:
    """The subscription that a personal link opens.

    Raises:
        NotFound: the link isn't valid.
    """
    session = read_session()
    row = session.scalar(select(Subscriber).where(Subscriber.public_id == public_id))
    row = check_link(settings, row, purpose, public_id, token)
    chosen = session.scalars(
        select(Component.public_id)
        .join(SubscriberComponent, SubscriberComponent.component_id == Component.id)
        .where(SubscriberComponent.subscriber_id == row.id)
    )
    followed = session.execute(
        select(Post.public_id, Post.title)
        .join(SubscriberPost, SubscriberPost.post_id == Post.id)
        .where(SubscriberPost.subscriber_id == row.id)
        .order_by(SubscriberPost.confirmed, SubscriberPost.id.desc())
    )
    return Subscription(
        row.public_id, row.page_id, row.channel, row.address, SubscriberState(row.state),
        row.everything, frozenset(chosen), tuple((name, title) for name, title in followed), row.token_version,
    )  # fmt: skip


def confirm(settings: Settings, public_id: str, token: str) -> None:
    """The address is theirs and they want it; confirming again changes nothing.

    Raises:
        NotFound: the link isn't valid.
        Conflict: they unsubscribed since; they may ask again.
    """
    with transaction() as session:
        row = lock_by_link(session, settings, "confirm", public_id, token)
        if row.state == SubscriberState.UNSUBSCRIBED:
            raise Conflict("This subscription has ended. To get updates again, subscribe on the status page.")
        _confirm_posts(session, row)
        was_active = row.state == SubscriberState.ACTIVE
        subscribers.activate(session, row)
        if not was_active:
            audit.record(session, VISITOR, "confirm", "subscriber", public_id)


def set_preferences(
    settings: Settings, public_id: str, token: str, component_public_ids: Sequence[str], posts: Sequence[str] = ()
) -> None:
    """Change what a subscriber gets updates about: components, and those of the posts they follow that they go on
    following; everything when neither is named.

    Raises:
        NotFound: the link isn't valid.
        Conflict: they unsubscribed.
        Invalid: a component isn't this page's.
    """
    with transaction() as session:
        row = lock_by_link(session, settings, "manage", public_id, token)
        if row.state == SubscriberState.UNSUBSCRIBED:
            raise Conflict("This subscription has ended. To get updates again, subscribe on the status page.")
        choose(session, row, component_public_ids, posts)
        _confirm_posts(session, row)
        audit.record(session, VISITOR, "set preferences", "subscriber", public_id)


def unsubscribe(settings: Settings, public_id: str, token: str) -> None:
    """End a subscription; ending it again changes nothing.

    Raises:
        NotFound: the link isn't valid.
    """
    with transaction() as session:
        end(session, VISITOR, lock_by_link(session, settings, "unsubscribe", public_id, token), "link")


def _confirm_posts(session: Session, row: Subscriber) -> None:
    """Who holds a personal link is the one who follows."""
    session.execute(update(SubscriberPost).where(SubscriberPost.subscriber_id == row.id).values(confirmed=True))
