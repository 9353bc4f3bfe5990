"""Pages."""

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base
from app.text import public_id
from app.vocabulary import ALL_LANGUAGES, Visibility


class Page(Base):
    """A status page.  `revision` rises with every public change; `rebuild_revision` is the newest revision since which
    everything, not only what changed, has to be rendered again (a new name, theme or time zone).

    `url` is its address, which may have a path; `hosts` (joined by commas) are further host names that it answers to.
    `feed_authority` is the host name that the page was made with: the ids of feed and calendar entries are made of it,
    so it never changes.
    `purge_revision` is the newest revision before which no copy may stay on disk, because something was taken back.
    `waits_for_hold` says that what is published waits with its notifications, and is not public before the hold ends.
    `locale` is the language it is written in, `languages` (codes, joined by commas) those it can be switched to;
    `accent` is its color as "#rrggbb", empty for the default; `mail_from` is who its mail is from, empty for
    MAIL_FROM.
    """

    __tablename__ = "page"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    feed_authority: Mapped[str] = mapped_column(String(255), default="")
    name: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(String(500))
    hosts: Mapped[str] = mapped_column(Text, default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="Etc/UTC")
    locale: Mapped[str] = mapped_column(String(16), default="en")
    languages: Mapped[str] = mapped_column(String(200), default=ALL_LANGUAGES)
    theme: Mapped[str] = mapped_column(String(64), default="default")
    mail_from: Mapped[str] = mapped_column(String(254), default="")
    accent: Mapped[str] = mapped_column(String(7), default="")
    visibility: Mapped[Visibility] = mapped_column(default=Visibility.PUBLIC)
    waits_for_hold: Mapped[bool] = mapped_column(default=False)
    revision: Mapped[int] = mapped_column(default=1)
    rebuild_revision: Mapped[int] = mapped_column(default=1)
    purge_revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def base_path(self) -> str:
        """The path of its address, without a slash at the end: empty where the page is at the root of its host."""
        return urlsplit(self.url).path.rstrip("/")

    @property
    def all_hosts(self) -> tuple[str, ...]:
        """Every host name that it answers to, the one of its address first."""
        own = (urlsplit(self.url).hostname or "").lower()
        return tuple(dict.fromkeys((own, *filter(None, self.hosts.split(",")))))


class PageLogo(Base):
    """A page's logo: a small picture whose kind was told from its first bytes, never from its name."""

    __tablename__ = "page_logo"

    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    content_type: Mapped[str] = mapped_column(String(32))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime] = mapped_column(default=now)
