"""All subscribers of a page as a CSV file that can be imported again."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.models.component import Component
from app.models.post import Post
from app.models.subscriber import ERASED, Subscriber, SubscriberComponent, SubscriberPost
from app.vocabulary import SubscriberState

HEADINGS = (
    "channel",
    "address",
    "label",
    "state",
    "components",
    "posts",
    "locale",
    "time_zone",
    "created_at",
    "confirmed_at",
    "unsubscribed_at",
    "id",
)
LINES_AT_ONCE = 2000


def headings(with_secrets: bool) -> tuple[str, ...]:
    """The sheet's first line.  Signing secrets of webhooks are in it only on request."""
    return (*HEADINGS, "secret") if with_secrets else HEADINGS


def pieces(
    reading: Callable[[], Session], page_id: int, *, with_secrets: bool = False
) -> Iterator[list[tuple[object, ...]]]:
    """The page's subscribers, some thousand at a time, in the order they came.  Three queries for each piece.

    `reading` gives the session to read with; it may be let go of between two pieces.  Erased subscribers aren't in it.
    """
    last = 0
    while rows := _rows(reading(), page_id, last):
        picky = [row.id for row in rows if not row.everything]
        chosen, followed = _chosen(reading(), picky), _followed(reading(), picky)
        last = rows[-1].id
        yield [
            _line(row, chosen.get(row.id, ()), followed.get(row.id, ()), with_secrets)
            for row in rows
            if row.address != f"{ERASED}{row.id}"
        ]


def _rows(session: Session, page_id: int, last: int) -> Sequence[Row[*tuple[Any, ...]]]:
    return session.execute(
        select(
            Subscriber.id,
            Subscriber.channel,
            Subscriber.address,
            Subscriber.label,
            Subscriber.state,
            Subscriber.everything,
            Subscriber.locale,
            Subscriber.time_zone,
            Subscriber.created_at,
            Subscriber.confirmed_at,
            Subscriber.unsubscribed_at,
            Subscriber.public_id,
            Subscriber.secret,
        )
        .where(Subscriber.page_id == page_id, Subscriber.id > last)
        .order_by(Subscriber.id)
        .limit(LINES_AT_ONCE)
    ).all()


def _chosen(session: Session, subscriber_ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    if subscriber_ids:
        rows = session.execute(
            select(SubscriberComponent.subscriber_id, Component.public_id)
            .join(Component, Component.id == SubscriberComponent.component_id)
            .where(SubscriberComponent.subscriber_id.in_(subscriber_ids))
            .order_by(Component.position, Component.id)
        )
        for subscriber_id, public_id in rows:
            found[subscriber_id].append(public_id)
    return found


def _followed(session: Session, subscriber_ids: Sequence[int]) -> dict[int, list[str]]:
    """What they follow; who hasn't confirmed yet is known by their state."""
    found: dict[int, list[str]] = defaultdict(list)
    if subscriber_ids:
        rows = session.execute(
            select(SubscriberPost.subscriber_id, Post.public_id)
            .join(Post, Post.id == SubscriberPost.post_id)
            .join(Subscriber, Subscriber.id == SubscriberPost.subscriber_id)
            .where(
                SubscriberPost.subscriber_id.in_(subscriber_ids),
                SubscriberPost.confirmed | (Subscriber.state == SubscriberState.UNCONFIRMED),
            )
            .order_by(SubscriberPost.id)
        )
        for subscriber_id, public_id in rows:
            found[subscriber_id].append(public_id)
    return found


def _line(
    row: Row[*tuple[Any, ...]], chosen: Sequence[str], followed: Sequence[str], with_secrets: bool
) -> tuple[object, ...]:
    line = (
        row.channel,
        row.address,
        row.label,
        row.state,
        ";".join(chosen),
        ";".join(followed),
        row.locale,
        row.time_zone,
        row.created_at,
        row.confirmed_at,
        row.unsubscribed_at,
        row.public_id,
    )
    return (*line, row.secret) if with_secrets else line
