"""One subscriber as the console shows it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models.component import Component
from app.models.post import Post
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost, Suppression
from app.vocabulary import ChannelName, SubscriberState


@dataclass(frozen=True, slots=True)
class SubscriberFacts:
    """`chosen` are components' names, `followed` posts' titles, both empty for everything.

    `suppressed` says why nothing is written to the address.
    """

    id: int
    public_id: str
    channel: ChannelName
    address: str
    label: str
    state: SubscriberState
    chosen: tuple[str, ...]
    followed: tuple[str, ...]
    everything: bool
    locale: str
    created_at: datetime
    confirmed_at: datetime | None
    unsubscribed_at: datetime | None
    is_canary: bool
    is_erased: bool
    suppressed: str
    disabled_why: str


def subscriber_facts(session: Session, page_id: int, public_id: str) -> SubscriberFacts:
    """One subscriber.  Four queries.

    Raises:
        NotFound: the page has no such subscriber.
    """
    row = session.scalar(select(Subscriber).where(Subscriber.page_id == page_id, Subscriber.public_id == public_id))
    if row is None:
        raise NotFound("There is no such subscriber.")
    chosen = session.scalars(
        select(Component.name)
        .join(SubscriberComponent, SubscriberComponent.component_id == Component.id)
        .where(SubscriberComponent.subscriber_id == row.id)
        .order_by(Component.position, Component.id)
    )
    followed = session.scalars(
        select(Post.title)
        .join(SubscriberPost, SubscriberPost.post_id == Post.id)
        .where(SubscriberPost.subscriber_id == row.id)
        .order_by(SubscriberPost.id)
    )
    suppressed = session.scalar(
        select(Suppression.why).where(Suppression.channel == row.channel, Suppression.address_hash == row.address_hash)
    )
    return SubscriberFacts(
        id=row.id, public_id=row.public_id, channel=ChannelName(row.channel), address=row.address, label=row.label,
        state=SubscriberState(row.state), chosen=() if row.everything else tuple(chosen),
        followed=() if row.everything else tuple(followed), everything=row.everything, locale=row.locale,
        created_at=row.created_at, confirmed_at=row.confirmed_at, unsubscribed_at=row.unsubscribed_at,
        is_canary=row.is_canary, is_erased=row.is_erased, suppressed=suppressed or "", disabled_why=row.disabled_why,
    )  # fmt: skip
