"""Pages."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base
from app.text import public_id
from app.vocabulary import ALL_LANGUAGES, Audience


class Page(Base):
    """A status page.  `revision` rises with every public change; `rebuild_revision` is the newest revision since which
    everything, not only what changed, has to be rendered again (a new name, theme or time zone).

    `locale` is the language it is written in, `languages` (codes, joined by commas) those it can be switched to;
    `accent` is its colour as "#rrggbb", empty for the house's own; `mail_from` is who its mail is from, empty for
    MAIL_FROM.
    """

    __tablename__ = "page"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    host: Mapped[str] = mapped_column(String(255), default="")
    name: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(String(500))
    time_zone: Mapped[str] = mapped_column(String(64), default="Etc/UTC")
    locale: Mapped[str] = mapped_column(String(16), default="en")
    languages: Mapped[str] = mapped_column(String(200), default=ALL_LANGUAGES)
    theme: Mapped[str] = mapped_column(String(64), default="default")
    mail_from: Mapped[str] = mapped_column(String(254), default="")
    accent: Mapped[str] = mapped_column(String(7), default="")
    audience: Mapped[str] = mapped_column(String(16), default=Audience.PUBLIC)
    revision: Mapped[int] = mapped_column(default=1)
    rebuild_revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class PageLogo(Base):
    """A page's logo: a small picture whose kind was told from its first bytes, never from its name."""

    __tablename__ = "page_logo"

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    content_type: Mapped[str] = mapped_column(String(32))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime] = mapped_column(default=now)
