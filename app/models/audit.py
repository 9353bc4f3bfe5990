"""The audit log: append-only, with each entry chained to the previous one by its hash."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base


class AuditEntry(Base):
    """One line.  The database refuses to change or delete it; `hash` covers this line and the one before.

    `page_id` is the page that it is about; it refers to no row, because pages are removed and lines aren't.  `before`
    and `after` are the facts that were changed, as JSON objects.  `hash_version` says what the hash covers: 1 is a line
    from before there were these three.
    """

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
    actor: Mapped[str] = mapped_column(String(200))
    account_id: Mapped[int | None] = mapped_column()
    verb: Mapped[str] = mapped_column(String(64))
    noun: Mapped[str] = mapped_column(String(64))
    noun_id: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(Text, default="")
    page_id: Mapped[int | None] = mapped_column()
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    hash_version: Mapped[int] = mapped_column(default=2)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
