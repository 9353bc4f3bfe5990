"""Subscribers: counts, search, and one with its choices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.channels.registry import names as channel_names
from app.errors import NotFound
from app.models.component import Component
from app.models.post import Post
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost, Suppression
from app.vocabulary import SubscriberState

SUBSCRIBERS_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class SubscriberRow:
    public_id: str
    channel: str
    address: str
    label: str
    state: SubscriberState
    everything: bool
    is_canary: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """What someone typed to find subscribers, and the hashes that it has as an address.

    With `is_exact` only a whole address or id finds anybody: for those who need not see everyone's address.
    """

    words: str = ""
    hashes: Sequence[str] = ()
    is_exact: bool = False


def subscriber_counts(session: Session, page_id: int) -> dict[str, Mapping[SubscriberState, int]]:
    """How many there are, per channel and state.  One query."""
    counts: dict[str, dict[SubscriberState, int]] = {}
    for channel, state, count in session.execute(
        select(Subscriber.channel, Subscriber.state, func.count())
        .where(Subscriber.page_id == page_id)
        .group_by(Subscriber.channel, Subscriber.state)
    ):
        counts.setdefault(channel, {})[SubscriberState(state)] = count
    return {channel: counts[channel] for channel in channel_names() if channel in counts}


def find_subscribers(
    session: Session, page_id: int, search: Search, number: int, *, limit: int = SUBSCRIBERS_PER_PAGE
) -> list[SubscriberRow]:
    """Those found, newest first, one more than a page; without words everyone who is still subscribed.  One query."""
    query = select(Subscriber).where(Subscriber.page_id == page_id)
    if not search.words:
        query = query.where(Subscriber.state != SubscriberState.UNSUBSCRIBED)
    else:
        query = query.where(_matches(search))
    rows = session.scalars(query.order_by(Subscriber.id.desc()).limit(limit + 1).offset((number - 1) * limit))
    return [
        SubscriberRow(
            public_id=row.public_id,
            channel=row.channel,
            address=row.address,
            label=row.label,
            state=SubscriberState(row.state),
            everything=row.everything,
            is_canary=row.is_canary,
            created_at=row.created_at,
        )
        for row in rows
    ]


def _matches(search: Search) -> ColumnElement[bool]:
    exact = or_(Subscriber.address_hash.in_(search.hashes), Subscriber.public_id == search.words)
    if search.is_exact:
        return exact
    words = search.words.lower()
    return or_(
        exact,
        func.lower(Subscriber.address).contains(words, autoescape=True),
        func.lower(Subscriber.label).contains(words, autoescape=True),
    )


@dataclass(frozen=True, slots=True)
class SubscriberFacts:
    """`chosen` are components' names, `followed` posts' titles, both empty for everything.

    `suppressed` says why nothing is written to the address.
    """

    id: int
    public_id: str
    channel: str
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
        NotFound: this page doesn't have that subscriber.
    """
    row = session.scalar(select(Subscriber).where(Subscriber.page_id == page_id, Subscriber.public_id == public_id))
    if row is None:
        raise NotFound("Subscriber not found.")
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
        id=row.id, public_id=row.public_id, channel=row.channel, address=row.address, label=row.label,
        state=SubscriberState(row.state), chosen=() if row.everything else tuple(chosen),
        followed=() if row.everything else tuple(followed), everything=row.everything, locale=row.locale,
        created_at=row.created_at, confirmed_at=row.confirmed_at, unsubscribed_at=row.unsubscribed_at,
        is_canary=row.is_canary, is_erased=row.is_erased, suppressed=suppressed or "", disabled_why=row.disabled_why,
    )  # fmt: skip
