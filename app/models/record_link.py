"""Links from incidents to outside trackers.  No public module may import this one."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base


class RecordLink(Base):
    """A tracker's key and address.  `tracker` is recognised from the address, or "other"."""

    __tablename__ = "record_link"
    __table_args__ = (UniqueConstraint("incident_id", "url"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    tracker: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(String(2000))
    created_at: Mapped[datetime] = mapped_column(default=now)
