"""Internal incidents.  No public module may import this one."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import now
from app.db import Base
from app.models.record_link import RecordLink
from app.text import public_id
from app.vocabulary import IncidentRoleName, Severity


class Incident(Base):
    """What happened, as the company knows it."""

    __tablename__ = "incident"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    title: Mapped[str] = mapped_column(String(500))
    severity: Mapped[Severity] = mapped_column(default=Severity.P2)
    declared_at: Mapped[datetime] = mapped_column(default=now, index=True)
    mitigated_at: Mapped[datetime | None] = mapped_column()
    resolved_at: Mapped[datetime | None] = mapped_column(index=True)
    version: Mapped[int] = mapped_column(default=1)

    record_links: Mapped[list[RecordLink]] = relationship(order_by=RecordLink.id)
    timeline: Mapped[list["TimelineEntry"]] = relationship(order_by="TimelineEntry.id")
    roles: Mapped[list["IncidentRole"]] = relationship(order_by="IncidentRole.id")


class IncidentRole(Base):
    """Who does what in an incident, and from when to when.

    `account_id` is None for a person without an account.  `person` is the name as it was when they took the role: for
    an account its name, and for rows from before roles were accounts what was typed.
    """

    __tablename__ = "incident_role"

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    role: Mapped[IncidentRoleName] = mapped_column()
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    person: Mapped[str] = mapped_column(String(200))
    from_at: Mapped[datetime] = mapped_column(default=now)
    to_at: Mapped[datetime | None] = mapped_column()


class TimelineEntry(Base):
    """One line of the internal timeline."""

    __tablename__ = "timeline_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    actor: Mapped[str] = mapped_column(String(200), default="")
    text: Mapped[str] = mapped_column(Text)
