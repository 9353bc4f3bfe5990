"""Announcements on a page, apart from incidents."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base
from app.text import public_id


class Announcement(Base):
    """A notice on the page from `starts_at` to `ends_at` (None: until someone ends it).  It notifies no one.

    `body_html` is rendered once, at save, by the sanitizer.
    """

    __tablename__ = "announcement"

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), index=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    title: Mapped[str] = mapped_column(String(500))
    body: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(default=now)
    ends_at: Mapped[datetime | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=1)


class AnnouncementText(Base):
    """An announcement's words in a language other than the page's own."""

    __tablename__ = "announcement_text"
    __table_args__ = (UniqueConstraint("announcement_id", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(500))
    body: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
