"""What the subscriber verbs share: look up, check links, choose, unsubscribe.  The caller holds the transaction."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from app.actions import audit
from app.channels.registry import channel as channel_named
from app.channels.registry import names as channel_names
from app.errors import Invalid, NotFound
from app.models.component import Component
from app.models.post import Post
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost
from app.publish import tokens
from app.settings import Settings
from app.shapes import Actor
from app.states import subscribers
from app.states.subscribers import address_hash
from app.vocabulary import SubscriberState

MOST_COMPONENTS = 1000


def hashes_of(settings: Settings, words: str) -> list[str]:
    """What an address typed as `words` may be found by: its hash on each channel on which it is one."""
    hashes = []
    for name in channel_names():
        try:
            hashes.append(address_hash(settings, name, channel_named(name).normalise(words, settings)))
        except Invalid:
            continue
    return hashes


def find_subscriber(session: Session, page_id: int, channel: str, hashed: str) -> Subscriber | None:
    """The page's subscriber with this address, held until the transaction ends."""
    return session.scalar(
        select(Subscriber)
        .where(Subscriber.page_id == page_id, Subscriber.channel == channel, Subscriber.address_hash == hashed)
        .with_for_update()
    )


def lock_subscriber(session: Session, page_id: int, public_id: str) -> Subscriber:
    """The page's subscriber with this id, held until the transaction ends.

    Raises:
        NotFound: there is none.
    """
    row = session.scalar(
        select(Subscriber).where(Subscriber.page_id == page_id, Subscriber.public_id == public_id).with_for_update()
    )
    if row is None:
        raise NotFound("Subscriber not found.")
    return row


def check_link(settings: Settings, row: Subscriber | None, purpose: str, public_id: str, token: str) -> Subscriber:
    """`row`, if the token of this purpose is its own; the same work whether or not there is a row.

    Raises:
        NotFound: it isn't.
    """
    version = row.token_version if row is not None else 0
    if not tokens.check(settings.secret_key, purpose, public_id, version, token) or row is None:
        raise NotFound("This link isn't valid. Use the complete link from your newest message.")
    return row


def lock_by_link(session: Session, settings: Settings, purpose: str, public_id: str, token: str) -> Subscriber:
    """The subscriber that a personal link speaks for, held until the transaction ends.

    Raises:
        NotFound: the link isn't valid.
    """
    row = session.scalar(select(Subscriber).where(Subscriber.public_id == public_id).with_for_update())
    return check_link(settings, row, purpose, public_id, token)


def choose(
    session: Session, row: Subscriber, component_public_ids: Sequence[str], posts: Collection[str] | None = None
) -> None:
    """Set what a subscriber gets updates about: the named visible components, or everything when none is named.

    `posts` are those that they go on following, beside components or alone; None leaves that as it is, but who hears
    of everything follows nothing more.

    Raises:
        Invalid: one isn't the page's.
    """
    wanted = set(component_public_ids)
    visible = select(Component.public_id, Component.id).where(
        Component.page_id == row.page_id, Component.visible, Component.archived_at.is_(None)
    )
    found = {found.public_id: found.id for found in session.execute(visible)}
    if len(wanted) > MOST_COMPONENTS or not wanted <= set(found):
        raise Invalid.field("components", "One of the components is no longer on this page. Choose again.")
    session.execute(delete(SubscriberComponent).where(SubscriberComponent.subscriber_id == row.id))
    row.everything = not wanted and not posts
    if row.everything or posts is not None:
        named = select(Post.id).where(Post.public_id.in_(posts or ()))
        gone = (SubscriberPost.subscriber_id == row.id, SubscriberPost.post_id.not_in(named))
        session.execute(delete(SubscriberPost).where(*gone))
    if posts and not wanted and not session.scalar(select(exists().where(SubscriberPost.subscriber_id == row.id))):
        raise Invalid.field("posts", "You no longer follow any of these incidents. Choose again.")
    session.add_all(SubscriberComponent(subscriber_id=row.id, component_id=found[name]) for name in sorted(wanted))
    session.flush()


def follow(session: Session, row: Subscriber, post_public_id: str, *, is_confirmed: bool = False) -> bool:
    """Add one of the page's posts to a subscription; someone who had unsubscribed starts again with it.

    It counts once it is confirmed.  False when they already get updates about it: then nothing is changed.

    Raises:
        Invalid: the post isn't the page's.
    """
    post_id = session.scalar(select(Post.id).where(Post.page_id == row.page_id, Post.public_id == post_public_id))
    if post_id is None:
        raise Invalid.field("post", "That incident isn't on this page.")
    known = session.scalar(
        select(SubscriberPost).where(SubscriberPost.subscriber_id == row.id, SubscriberPost.post_id == post_id)
    )
    is_heard = row.everything or (known is not None and known.confirmed)
    if is_heard and row.state in {SubscriberState.ACTIVE, SubscriberState.QUARANTINED}:
        return row.state == SubscriberState.QUARANTINED
    if row.state == SubscriberState.UNSUBSCRIBED:  # what was asked for before is over
        for chosen in (SubscriberComponent, SubscriberPost):
            session.execute(delete(chosen).where(chosen.subscriber_id == row.id))
        row.everything, known = False, None
    if known is None:
        known = SubscriberPost(subscriber_id=row.id, post_id=post_id)
        session.add(known)
    known.confirmed = is_confirmed
    session.flush()
    return True


def hears_of_page(session: Session, row: Subscriber) -> bool:
    """Whether a subscriber gets updates about the page or some of its components, not only about single posts."""
    chosen = exists().where(SubscriberComponent.subscriber_id == row.id)
    return row.everything or bool(session.scalar(select(chosen)))


def unfollow(session: Session, actor: Actor, row: Subscriber, post_public_id: str) -> None:
    """Remove a post from a subscription; a subscriber with nothing left is unsubscribed.

    Raises:
        NotFound: they don't follow it.
    """
    post = select(Post.id).where(Post.page_id == row.page_id, Post.public_id == post_public_id)
    gone = (SubscriberPost.subscriber_id == row.id, SubscriberPost.post_id.in_(post))
    if not session.execute(delete(SubscriberPost).where(*gone).returning(SubscriberPost.id)).all():
        raise NotFound("Subscriber not found on this incident.")
    audit.record(session, actor, "unfollow", "subscriber", row.public_id, post_public_id)
    if hears_of_page(session, row):
        return
    left = session.scalars(select(SubscriberPost.confirmed).where(SubscriberPost.subscriber_id == row.id)).all()
    if not left:
        end(session, actor, row, "last post")
    elif not any(left):
        subscribers.unconfirm(row)


def end(session: Session, actor: Actor, row: Subscriber, how: str) -> None:
    """End a subscription; ending it again changes nothing and writes no line."""
    if not subscribers.end(row):
        return
    session.execute(delete(SubscriberPost).where(SubscriberPost.subscriber_id == row.id))
    audit.record(session, actor, "unsubscribe", "subscriber", row.public_id, how)
