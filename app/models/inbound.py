"""Inbound deliveries, stored as they were received."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base
from app.vocabulary import InboundState


class InboundDelivery(Base):
    """One authentic delivery of an outside system, stored raw, once for each source and key.

    `headers` is a JSON object of those that the source needs to read it again; `path` is what was called.  The worker
    that reads it holds it until `leased_until`.
    """

    __tablename__ = "inbound_delivery"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index("ix_inbound_delivery_state_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[datetime] = mapped_column(default=now, index=True)
    path: Mapped[str] = mapped_column(Text, default="")
    headers: Mapped[str] = mapped_column(Text, default="{}")
    body: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(default=0)
    state: Mapped[InboundState] = mapped_column(default=InboundState.STORED)
    reason: Mapped[str] = mapped_column(String(300), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str] = mapped_column(String(32), default="")
    leased_until: Mapped[datetime | None] = mapped_column()
    processed_at: Mapped[datetime | None] = mapped_column()
