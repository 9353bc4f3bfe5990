"""Subscribers, what they get updates about, and suppressed addresses."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.channels.registry import destination
from app.clock import now
from app.db import Base
from app.text import public_id
from app.vocabulary import SubscriberState

ERASED = "erased-"


def _destination(context: Any) -> str:
    values = context.get_current_parameters()
    return destination(values["channel"], values["address"])


class Subscriber(Base):
    """An address on a channel.  `token_version` is part of every link we sign for it: raising it voids them all.

    For chat and webhook the address is set by an operator; `label` is what people see, `secret` signs webhooks (or is
    what a browser can read notices with), and
    `previous_secret` too until a time.  An endpoint that fails since `failing_since` is disabled in the end, and its
    owner is written to.  A canary is an address of the operator's own that proves that a channel works.
    """

    __tablename__ = "subscriber"
    __table_args__ = (
        UniqueConstraint("page_id", "channel", "address_hash"),
        Index("ix_subscriber_page_id_state_channel", "page_id", "state", "channel"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    channel: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(Text)
    address_hash: Mapped[str] = mapped_column(String(64))
    domain: Mapped[str] = mapped_column(String(255), default=_destination)
    label: Mapped[str] = mapped_column(String(200), default="")
    secret: Mapped[str] = mapped_column(String(128), default="")
    state: Mapped[SubscriberState] = mapped_column(default=SubscriberState.UNCONFIRMED)
    everything: Mapped[bool] = mapped_column(default=True)
    locale: Mapped[str] = mapped_column(String(16), default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="")
    token_version: Mapped[int] = mapped_column(default=1)
    bounces: Mapped[int] = mapped_column(default=0)
    previous_secret: Mapped[str] = mapped_column(String(128), default="")
    previous_secret_until: Mapped[datetime | None] = mapped_column()
    owner_email: Mapped[str] = mapped_column(String(254), default="")
    failing_since: Mapped[datetime | None] = mapped_column()
    disabled_why: Mapped[str] = mapped_column(String(200), default="")
    is_canary: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    confirmed_at: Mapped[datetime | None] = mapped_column()
    unsubscribed_at: Mapped[datetime | None] = mapped_column()

    @property
    def is_erased(self) -> bool:
        """Whether only this row is left of someone, so that the ledger's counts stay true."""
        return self.address == f"{ERASED}{self.id}"


class SubscriberComponent(Base):
    """A component that a subscriber chose; counts only when the subscriber doesn't want everything."""

    __tablename__ = "subscriber_component"

    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True)
    component_id: Mapped[int] = mapped_column(
        ForeignKey("component.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class SubscriberPost(Base):
    """A post that a subscriber follows; counts once they `confirmed` it, and only when they don't want everything."""

    __tablename__ = "subscriber_post"
    __table_args__ = (UniqueConstraint("subscriber_id", "post_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), index=True)
    confirmed: Mapped[bool] = mapped_column(default=False)


class Suppression(Base):
    """A suppressed address: nothing is sent to it, regardless of the subscriber's state."""

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("channel", "address_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    address_hash: Mapped[str] = mapped_column(String(64))
    why: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)


class RateEvent(Base):
    """One event that a limit counts: `bucket` names the limit and a hash of whom it concerns."""

    __tablename__ = "rate_event"
    __table_args__ = (Index("ix_rate_event_bucket_at", "bucket", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bucket: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(default=now, index=True)
