"""Subscribers and accounts as the console lists them: a fixed number of queries for each screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.models.account import Account
from app.models.subscriber import Subscriber
from app.vocabulary import ChannelName, Role, SubscriberState

SUBSCRIBERS_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class SubscriberRow:
    public_id: str
    channel: ChannelName
    address: str
    label: str
    state: SubscriberState
    everything: bool
    is_canary: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody typed to find subscribers, and the hashes that it has as an address.

    With `is_exact` only a whole address or id finds anybody: for those who need not see everybody's address.
    """

    words: str = ""
    hashes: Sequence[str] = ()
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class AccountRow:
    public_id: str
    name: str
    email: str
    role: Role
    active: bool
    last_sign_in_at: datetime | None


def subscriber_counts(session: Session, page_id: int) -> dict[ChannelName, Mapping[SubscriberState, int]]:
    """How many there are, per channel and state.  One query."""
    counts: dict[ChannelName, dict[SubscriberState, int]] = {}
    for channel, state, count in session.execute(
        select(Subscriber.channel, Subscriber.state, func.count())
        .where(Subscriber.page_id == page_id)
        .group_by(Subscriber.channel, Subscriber.state)
    ):
        counts.setdefault(ChannelName(channel), {})[SubscriberState(state)] = count
    return {channel: counts[channel] for channel in ChannelName if channel in counts}


def find_subscribers(
    session: Session, page_id: int, search: Search, number: int, *, limit: int = SUBSCRIBERS_PER_PAGE
) -> list[SubscriberRow]:
    """Those found, newest first, one more than a page; without words everybody who is still subscribed.  One query."""
    query = select(Subscriber).where(Subscriber.page_id == page_id)
    if not search.words:
        query = query.where(Subscriber.state != SubscriberState.UNSUBSCRIBED)
    else:
        query = query.where(_matches(search))
    rows = session.scalars(query.order_by(Subscriber.id.desc()).limit(limit + 1).offset((number - 1) * limit))
    return [
        SubscriberRow(
            public_id=row.public_id,
            channel=ChannelName(row.channel),
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


def all_accounts(session: Session) -> list[AccountRow]:
    """Every account, active ones first, by name.  One query."""
    rows = session.scalars(select(Account).order_by(Account.active.desc(), func.lower(Account.name), Account.id))
    return [
        AccountRow(row.public_id, row.name, row.email, Role(row.role), row.active, row.last_sign_in_at) for row in rows
    ]
