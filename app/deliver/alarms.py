"""Detects what must never happen: an update sent twice to one subscriber, or more rows than recipients.

One subscriber can have no second row for an update: the table refuses it.  What can still go wrong is looked for here:
a message that an endpoint or a provider took twice, one that was taken up again because a machine was lost while it
sent, rows for people who aren't the page's subscribers, rows that a broken index no longer keeps apart, and two
subscribers with one address, as there can be after SECRET_KEY was changed.

What can't be seen: the one message of each connection that was under way when a process died, which is sent again
without a trace when no one answered for it; and what mail servers do with a message after they took it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session

from app.clock import now
from app.models.alarm import Alarm
from app.models.delivery import Delivery, DeliveryAttempt, Dispatch
from app.models.page import Page
from app.models.post import Post, Update
from app.models.subscriber import Subscriber
from app.states.deliveries import RETRY_LANE
from app.vocabulary import DeliveryState, DispatchState, SubscriberState

WATCHED = timedelta(hours=1)
"""So long after its end a fan-out is still looked at."""

TITLE_LIMIT = 80
TAKEN_TWICE, TAKEN_AGAIN, TOO_MANY, SAME_ADDRESS = "taken-twice", "taken-again", "too-many", "same-address"
RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class FoundAlarm:
    """Something that should not be.  `subject` is the public id of the update, or of the page, that it is about."""

    kind: str
    subject: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm that no one has dismissed.  `update_id` is empty when it is about no update."""

    number: int
    kind: str
    update_id: str
    sentence: str


@dataclass(frozen=True, slots=True)
class _Watched:
    id: int
    page_id: int
    update_id: str
    title: str


def look(session: Session) -> list[FoundAlarm]:
    """Look at the fan-outs that are under way or ended within the last hour.  Four queries for each."""
    rows = session.execute(
        select(Dispatch.id, Dispatch.page_id, func.coalesce(Update.public_id, Dispatch.public_id), Post.title)
        .outerjoin(Update, Update.id == Dispatch.update_id)
        .join(Post, Post.id == Dispatch.post_id)
        .where(
            Dispatch.planned_at.is_not(None),
            or_(Dispatch.state == DispatchState.SENDING, Dispatch.finished_at > now() - WATCHED),
        )
    ).all()
    return [found for row in rows for found in _about(session, _Watched(row[0], row[1], row[2], row[3][:TITLE_LIMIT]))]


def _about(session: Session, dispatch: _Watched) -> Iterator[FoundAlarm]:
    twice = _taken_twice(session, dispatch.id)
    if twice:
        said = f"“{dispatch.title}”: {_people(twice)} got this update twice. The provider accepted it two times."
        yield FoundAlarm(TAKEN_TWICE, dispatch.update_id, said)
    again = _taken_again(session, dispatch.id)
    if again:
        said = f"“{dispatch.title}”: {_people(again)} may have got this update twice. A machine failed while sending."
        yield FoundAlarm(TAKEN_AGAIN, dispatch.update_id, said)
    rows, people, known = _rows(session, dispatch)
    if rows > people or people > known:
        said = f"“{dispatch.title}”: {rows:,} rows for {min(people, known):,} subscribers. Run candor doctor."
        yield FoundAlarm(TOO_MANY, dispatch.update_id, said)


def _taken_twice(session: Session, dispatch_id: int) -> int:
    """How many endpoints or providers said yes more than once to one delivery."""
    twice = (
        select(DeliveryAttempt.delivery_id)
        .join(Delivery, Delivery.id == DeliveryAttempt.delivery_id)
        .where(Delivery.dispatch_id == dispatch_id, DeliveryAttempt.status.between(200, 299))
        .group_by(DeliveryAttempt.delivery_id)
        .having(func.count() > 1)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(twice)) or 0


def _taken_again(session: Session, dispatch_id: int) -> int:
    """How many were sent though an earlier try of theirs never ended: no answer put them among the retries."""
    return (
        session.scalar(
            select(func.count()).where(
                Delivery.dispatch_id == dispatch_id,
                Delivery.state == DeliveryState.SENT,
                Delivery.attempts > 1,
                Delivery.lane < RETRY_LANE,
            )
        )
        or 0
    )


def _rows(session: Session, dispatch: _Watched) -> tuple[int, int, int]:
    """The rows of a fan-out, how many subscribers they are for, and how many of those the page knows.

    Joined by the id alone: PostgreSQL, before it has counted the subscribers, would take all of the page for each row.
    """
    is_known = case((Subscriber.page_id == dispatch.page_id, Subscriber.id))
    rows, people, known = session.execute(
        select(func.count(), func.count(func.distinct(Delivery.subscriber_id)), func.count(is_known))
        .select_from(Delivery)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.dispatch_id == dispatch.id)
    ).one()
    return rows, people, known


def look_at_addresses(session: Session) -> list[FoundAlarm]:
    """Pages on which an address is subscribed more than once.  One query over all subscribers."""
    same = (
        select(Subscriber.page_id)
        .where(Subscriber.state == SubscriberState.ACTIVE)
        .group_by(Subscriber.page_id, Subscriber.channel, Subscriber.address)
        .having(func.count() > 1)
        .subquery()
    )
    rows = session.execute(
        select(Page.public_id, Page.name, func.count())
        .join(same, same.c.page_id == Page.id)
        .group_by(Page.public_id, Page.name)
    )
    return [
        FoundAlarm(
            SAME_ADDRESS, page_id, f"{name[:TITLE_LIMIT]}: {count:,} addresses are subscribed twice. Remove one each."
        )
        for page_id, name, count in rows
    ]


def raised(session: Session, page_id: int | None = None) -> list[Raised]:
    """Active alarms, oldest first; with `page_id` without those that are about another page.  One query."""
    rows = session.execute(_alarms(page_id).where(Alarm.over_at.is_(None)).order_by(Alarm.id))
    return [Raised(alarm.id, alarm.kind, update_id or "", alarm.sentence) for alarm, update_id in rows]


def is_about(session: Session, number: int, page_id: int) -> bool:
    """Whether there is an alarm of this number, over or not, that is about no other page.  One query."""
    return session.execute(_alarms(page_id).where(Alarm.id == number)).first() is not None


def _alarms(page_id: int | None) -> Select[Alarm, str]:
    query = select(Alarm, Update.public_id).outerjoin(Update, Update.public_id == Alarm.subject)
    if page_id is None:
        return query
    about = func.coalesce(Post.page_id, Page.id, page_id)
    query = query.outerjoin(Post, Post.id == Update.post_id).outerjoin(Page, Page.public_id == Alarm.subject)
    return query.where(about == page_id)


def _people(count: int) -> str:
    return "1 subscriber" if count == 1 else f"{count:,} subscribers"
