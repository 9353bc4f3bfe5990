"""Pages."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base
from app.text import public_id
from app.vocabulary import Audience


class Page(Base):
    """A status page.  `revision` rises with every public change; `rebuild_revision` is the newest revision since which
    everything, not only what changed, has to be rendered again (a new name, theme or time zone)."""

    __tablename__ = "page"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    host: Mapped[str] = mapped_column(String(255), default="")
    name: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(String(500))
    time_zone: Mapped[str] = mapped_column(String(64), default="Etc/UTC")
    locale: Mapped[str] = mapped_column(String(16), default="en")
    theme: Mapped[str] = mapped_column(String(64), default="default")
    audience: Mapped[str] = mapped_column(String(16), default=Audience.PUBLIC)
    revision: Mapped[int] = mapped_column(default=1)
    rebuild_revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
