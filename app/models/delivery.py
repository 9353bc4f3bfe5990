"""The ledger: dispatches, their deliveries, and single notices to subscribers.

Notices to people with an account are in `app.models.account_contact`, behind the wall.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base
from app.text import public_id
from app.vocabulary import DeliveryState, DispatchKind, DispatchState, NoticeKind


def only_in(name: str, columns: Sequence[str], state: DeliveryState) -> Index:
    """An index over the rows in one state alone, so that rows that are done cost nothing."""
    condition = text(f"state = '{state}'")
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


WAITING_ORDER = ("channel", "lane", "due_at", "id")


class LedgerRow(Base):
    """One message to one recipient: claimed by lease, sent, settled; the table is truth and queue in one.

    Lower `lane`s go first.  `domain` is where it goes: a mail domain or an endpoint's host.
    """

    __abstract__ = True
    batch_column: ClassVar[str]
    """What rows that are sent with the same words have in common."""
    recipient_column: ClassVar[str]
    """Who a row goes to."""

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    state: Mapped[DeliveryState] = mapped_column(default=DeliveryState.PENDING)
    lane: Mapped[int] = mapped_column(default=0)
    domain: Mapped[str] = mapped_column(String(255), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=now)
    leased_until: Mapped[datetime | None] = mapped_column()
    leased_by: Mapped[str] = mapped_column(String(64), default="")
    first_attempt_at: Mapped[datetime | None] = mapped_column()
    settled_at: Mapped[datetime | None] = mapped_column()
    provider_id: Mapped[str] = mapped_column(String(128), default="")
    reason: Mapped[str] = mapped_column(String(300), default="")


class Dispatch(Base):
    """One fan-out.  Nothing is sent before `hold_until`; until then it can be cancelled.

    `kind` says what it sends: an update, or a correction, withdrawal, reminder … with its `sequence` among those of the
    same kind.  A withdrawal without an `update_id` takes back the whole post.

    `urgency` is the first attempts' lane: 0 is the most urgent.  Deliveries are written for subscribers up to the one
    with the id `planned_through`, and for all once `planned_at` is set.
    """

    __tablename__ = "dispatch"
    __table_args__ = (
        Index("ix_dispatch_state_hold_until", "state", "hold_until"),
        UniqueConstraint("update_id", "kind", "sequence"),
        Index(
            "uq_dispatch_post_id_kind_sequence",
            "post_id",
            "kind",
            "sequence",
            unique=True,
            sqlite_where=text("update_id IS NULL"),
            postgresql_where=text("update_id IS NULL"),
        ),
        CheckConstraint("update_id IS NOT NULL OR kind NOT IN ('update', 'correction')", name="update_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    update_id: Mapped[int | None] = mapped_column(ForeignKey("update.id"))
    kind: Mapped[DispatchKind] = mapped_column(default=DispatchKind.UPDATE)
    sequence: Mapped[int] = mapped_column(default=1)
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id"), index=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), index=True)
    state: Mapped[DispatchState] = mapped_column(default=DispatchState.HELD)
    urgency: Mapped[int] = mapped_column(default=2)
    hold_until: Mapped[datetime] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)
    planned_through: Mapped[int] = mapped_column(default=0)
    planned_at: Mapped[datetime | None] = mapped_column()
    finished_at: Mapped[datetime | None] = mapped_column()


class Delivery(LedgerRow):
    """One subscriber's copy of a dispatch.

    `language` is the one that the subscriber is written to in, as it was when the row was written.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("dispatch_id", "subscriber_id"),
        only_in("ix_delivery_waiting", WAITING_ORDER, DeliveryState.PENDING),
        only_in("ix_delivery_leased_by", ("leased_by",), DeliveryState.SENDING),
        Index("ix_delivery_dispatch_id_channel_state", "dispatch_id", "channel", "state"),
    )
    batch_column = "dispatch_id"
    recipient_column = "subscriber_id"

    dispatch_id: Mapped[int] = mapped_column(ForeignKey("dispatch.id"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    lane: Mapped[int] = mapped_column(default=2)
    language: Mapped[str] = mapped_column(String(16), default="")


class Notice(LedgerRow):
    """One message to one subscriber that belongs to no dispatch, such as "confirm your address"."""

    __tablename__ = "notice"
    __table_args__ = (
        only_in("ix_notice_waiting", WAITING_ORDER, DeliveryState.PENDING),
        only_in("ix_notice_leased_by", ("leased_by",), DeliveryState.SENDING),
    )
    batch_column = "page_id"
    recipient_column = "subscriber_id"

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), index=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    kind: Mapped[NoticeKind] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)


class DeliveryAttempt(Base):
    """One try of a delivery, where the other side's answers are worth keeping: endpoints and providers.

    `status` is the HTTP status that was answered, None when there was no answer.
    """

    __tablename__ = "delivery_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    took_ms: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None] = mapped_column()
    reason: Mapped[str] = mapped_column(String(300), default="")


class SendLimit(Base):
    """How fast, and over how many connections, all workers together may send: on a channel, or to a domain on it.

    `domain` is empty for the whole channel and "*" for every domain without a row of its own.  `tokens` may be spent
    now; they are refilled by `per_second` since `refilled_at`.  Nothing is sent while `paused_why` says something.
    """

    __tablename__ = "send_limit"
    __table_args__ = (UniqueConstraint("channel", "domain"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    domain: Mapped[str] = mapped_column(String(255), default="")
    per_second: Mapped[float | None] = mapped_column()
    connections: Mapped[int | None] = mapped_column()
    tokens: Mapped[float] = mapped_column(default=0.0)
    refilled_at: Mapped[datetime] = mapped_column(default=now)
    paused_why: Mapped[str] = mapped_column(String(200), default="")


class MailEvent(Base):
    """What came back after a mail was handed over: a bounce or a complaint, as a mail server or provider told it.

    `source_id` is the report's own id: the same one told twice is one event.  `delivery_id` is known where the return
    path or the message says it.
    """

    __tablename__ = "mail_event"
    __table_args__ = (UniqueConstraint("source", "source_id"), Index("ix_mail_event_kind_at", "kind", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))
    source_id: Mapped[str] = mapped_column(String(200))
    address_hash: Mapped[str] = mapped_column(String(64), default="")
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("delivery.id"), index=True)
    permanent: Mapped[bool] = mapped_column(default=False)
    detail: Mapped[str] = mapped_column(String(300), default="")
    at: Mapped[datetime] = mapped_column(default=now)
