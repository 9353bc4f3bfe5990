"""Components, their groups, and the only source of uptime history."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base
from app.text import public_id
from app.vocabulary import ComponentStatus


class ComponentGroup(Base):
    """A heading over components."""

    __tablename__ = "component_group"

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), index=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Component(Base):
    """What a page reports on.  `visible` False hides it from the public and from the verdict."""

    __tablename__ = "component"

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("component_group.id"), index=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[ComponentStatus] = mapped_column(default=ComponentStatus.OPERATIONAL)
    position: Mapped[int] = mapped_column(default=0)
    visible: Mapped[bool] = mapped_column(default=True)
    showcase: Mapped[bool] = mapped_column(default=True)
    only_show_if_degraded: Mapped[bool] = mapped_column(default=False)
    start_date: Mapped[date | None] = mapped_column()
    archived_at: Mapped[datetime | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class ComponentGroupText(Base):
    """A group's words in a language other than the page's own."""

    __tablename__ = "component_group_text"
    __table_args__ = (UniqueConstraint("group_id", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("component_group.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")


class ComponentText(Base):
    """A component's words in a language other than the page's own."""

    __tablename__ = "component_text"
    __table_args__ = (UniqueConstraint("component_id", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("component.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")


class ComponentChange(Base):
    """One change of a component's status.  `by_kind` is update, post, person, source or import; `by_ref` says which."""

    __tablename__ = "component_change"
    __table_args__ = (Index("ix_component_change_component_id_at", "component_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("component.id"))
    from_status: Mapped[ComponentStatus] = mapped_column()
    to_status: Mapped[ComponentStatus] = mapped_column()
    at: Mapped[datetime] = mapped_column(default=now)
    by_kind: Mapped[str] = mapped_column(String(16))
    by_ref: Mapped[str] = mapped_column(String(64), default="")
