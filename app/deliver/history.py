"""A subscriber's complete history: every update and notice for them, and its outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, String, cast, func, literal, select, union_all
from sqlalchemy.orm import Session

from app.models.delivery import Delivery, DeliveryAttempt, Dispatch, Notice
from app.models.post import Post, Update
from app.vocabulary import DeliveryState, DispatchKind, NoticeKind, PostStatus

SHOWN_ATTEMPTS = 200


@dataclass(frozen=True, slots=True)
class Try:
    """One answer of the other side.  `status` is HTTP's, None when there was no answer."""

    at: datetime
    took_ms: int
    status: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One message.  Of a notice `update_id`, `title` and `status` are empty.  `at` is when it was made."""

    kind: NoticeKind | DispatchKind
    at: datetime
    update_id: str
    title: str
    status: PostStatus | None
    state: DeliveryState
    reason: str
    attempts: int
    first_attempt_at: datetime | None
    settled_at: datetime | None
    due_at: datetime
    tries: tuple[Try, ...] = ()


def history(session: Session, subscriber_id: int, *, limit: int, offset: int = 0) -> Sequence[HistoryEntry]:
    """A subscriber's messages, newest first.  Two queries."""
    both = union_all(_deliveries(subscriber_id), _notices(subscriber_id)).subquery()
    rows = session.execute(
        select(both).order_by(both.c.at.desc(), both.c.source, both.c.row.desc()).limit(limit).offset(offset)
    ).all()
    tries = _tries(session, [row.row for row in rows if row.source == "delivery" and row.attempts])
    return [
        HistoryEntry(
            kind=DispatchKind(row.kind) if row.source == "delivery" else NoticeKind(row.kind),
            at=row.at,
            update_id=row.update_id,
            title=row.title,
            status=PostStatus(row.status) if row.status else None,
            state=DeliveryState(row.state),
            reason=row.reason,
            attempts=row.attempts,
            first_attempt_at=row.first_attempt_at,
            settled_at=row.settled_at,
            due_at=row.due_at,
            tries=tries.get(row.row, ()) if row.source == "delivery" else (),
        )
        for row in rows
    ]


def _deliveries(subscriber_id: int) -> Select[*tuple[object, ...]]:
    return (
        select(
            literal("delivery").label("source"),
            Delivery.id.label("row"),
            cast(Dispatch.kind, String).label("kind"),
            Dispatch.created_at.label("at"),
            func.coalesce(Update.public_id, "").label("update_id"),
            Post.title.label("title"),
            func.coalesce(cast(Update.status, String), "").label("status"),
            Delivery.state,
            Delivery.reason,
            Delivery.attempts,
            Delivery.first_attempt_at,
            Delivery.settled_at,
            Delivery.due_at,
        )
        .join(Dispatch, Dispatch.id == Delivery.dispatch_id)
        .outerjoin(Update, Update.id == Dispatch.update_id)
        .join(Post, Post.id == Dispatch.post_id)
        .where(Delivery.subscriber_id == subscriber_id)
    )


def _notices(subscriber_id: int) -> Select[*tuple[object, ...]]:
    return select(
        literal("notice"),
        Notice.id,
        cast(Notice.kind, String),
        Notice.created_at,
        literal(""),
        literal(""),
        literal(""),
        Notice.state,
        Notice.reason,
        Notice.attempts,
        Notice.first_attempt_at,
        Notice.settled_at,
        Notice.due_at,
    ).where(Notice.subscriber_id == subscriber_id)


def _tries(session: Session, delivery_ids: Sequence[int]) -> Mapping[int, tuple[Try, ...]]:
    found: dict[int, tuple[Try, ...]] = {}
    rows = session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.delivery_id.in_(delivery_ids))
        .order_by(DeliveryAttempt.id.desc())
        .limit(SHOWN_ATTEMPTS)
    )
    for row in rows:
        found[row.delivery_id] = (*found.get(row.delivery_id, ()), Try(row.at, row.took_ms, row.status, row.reason))
    return found


def count(session: Session, subscriber_id: int) -> Mapping[DeliveryState, int]:
    """How many updates ended how for a subscriber.  One query."""
    rows = session.execute(
        select(Delivery.state, func.count()).where(Delivery.subscriber_id == subscriber_id).group_by(Delivery.state)
    )
    return {DeliveryState(state): number for state, number in rows}
