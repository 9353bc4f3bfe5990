"""The ledger: dispatches, their deliveries, and single notices."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base
from app.text import public_id
from app.vocabulary import DeliveryState, DispatchState


class Dispatch(Base):
    """One update's fan-out.  Nothing is sent before `hold_until`; until then it can be cancelled."""

    __tablename__ = "dispatch"
    __table_args__ = (Index("ix_dispatch_state_hold_until", "state", "hold_until"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    update_id: Mapped[int] = mapped_column(ForeignKey("update.id"), unique=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id"), index=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), default=DispatchState.HELD)
    hold_until: Mapped[datetime] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)
    planned_at: Mapped[datetime | None] = mapped_column()
    finished_at: Mapped[datetime | None] = mapped_column()


class Delivery(Base):
    """One subscriber's copy.  Claimed by lease, sent, settled; the table is truth and queue in one."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("dispatch_id", "subscriber_id"),
        Index("ix_delivery_claim", "channel", "state", "attempts", "due_at", "id"),
        Index("ix_delivery_leased_by", "leased_by"),
        Index("ix_delivery_dispatch_id_state", "dispatch_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dispatch_id: Mapped[int] = mapped_column(ForeignKey("dispatch.id"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=now)
    leased_until: Mapped[datetime | None] = mapped_column()
    leased_by: Mapped[str] = mapped_column(String(64), default="")
    first_attempt_at: Mapped[datetime | None] = mapped_column()
    settled_at: Mapped[datetime | None] = mapped_column()
    provider_id: Mapped[str] = mapped_column(String(128), default="")
    reason: Mapped[str] = mapped_column(String(300), default="")


class Notice(Base):
    """One message to one subscriber that belongs to no dispatch, such as "confirm your address"."""

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_claim", "channel", "state", "attempts", "due_at", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), index=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=now)
    leased_until: Mapped[datetime | None] = mapped_column()
    leased_by: Mapped[str] = mapped_column(String(64), default="")
    first_attempt_at: Mapped[datetime | None] = mapped_column()
    settled_at: Mapped[datetime | None] = mapped_column()
    provider_id: Mapped[str] = mapped_column(String(128), default="")
    reason: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
