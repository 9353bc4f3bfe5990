"""Alarms: what must never happen but was found."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base


class Alarm(Base):
    """One thing that was found wrong with what was sent.  `subject` is what it is about: an update's or page's public
    id.  It ends with `over_at` when the check that raised it finds nothing any more.
    """

    __tablename__ = "alarm"
    __table_args__ = (UniqueConstraint("kind", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    sentence: Mapped[str] = mapped_column(String(300))
    raised_at: Mapped[datetime] = mapped_column(default=now)
    over_at: Mapped[datetime | None] = mapped_column()
