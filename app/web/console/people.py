"""Subscribers and accounts as the console lists them: a fixed number of queries for each screen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
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
    created_at: datetime


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


def find_subscribers(session: Session, page_id: int, words: str, number: int) -> list[SubscriberRow]:
    """Those still subscribed whose address or label holds `words`, newest first, one more than a page.  One query."""
    query = select(Subscriber).where(Subscriber.page_id == page_id, Subscriber.state != SubscriberState.UNSUBSCRIBED)
    if words:
        query = query.where(
            or_(
                func.lower(Subscriber.address).contains(words.lower(), autoescape=True),
                func.lower(Subscriber.label).contains(words.lower(), autoescape=True),
            )
        )
    rows = session.scalars(
        query.order_by(Subscriber.id.desc()).limit(SUBSCRIBERS_PER_PAGE + 1).offset((number - 1) * SUBSCRIBERS_PER_PAGE)
    )
    return [
        SubscriberRow(
            public_id=row.public_id,
            channel=ChannelName(row.channel),
            address=row.address,
            label=row.label,
            state=SubscriberState(row.state),
            everything=row.everything,
            created_at=row.created_at,
        )
        for row in rows
    ]


def all_accounts(session: Session) -> list[AccountRow]:
    """Every account, active ones first, by name.  One query."""
    rows = session.scalars(select(Account).order_by(Account.active.desc(), func.lower(Account.name), Account.id))
    return [
        AccountRow(row.public_id, row.name, row.email, Role(row.role), row.active, row.last_sign_in_at) for row in rows
    ]
