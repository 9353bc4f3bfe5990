"""Announcements: current, past and future."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.clock import now
from app.errors import NotFound
from app.models.announcement import Announcement
from app.text import markdown_to_text, shorten

PAST_PER_PAGE = 25
EXCERPT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class AnnouncementRow:
    """One announcement."""

    public_id: str
    title: str
    body: str
    starts_at: datetime
    ends_at: datetime | None
    version: int

    @property
    def excerpt(self) -> str:
        return shorten(markdown_to_text(self.body), EXCERPT_LIMIT)

    @property
    def is_over(self) -> bool:
        return self.ends_at is not None and self.ends_at <= now()

    @property
    def is_to_come(self) -> bool:
        return not self.is_over and self.starts_at > now()

    @property
    def was_called_off(self) -> bool:
        """Whether it was ended before it began."""
        return self.starts_at == self.ends_at


def showing_and_to_come(session: Session, page_id: int) -> tuple[list[AnnouncementRow], list[AnnouncementRow]]:
    """What is on the page now, newest first, and what is to come, the next one first.  One query."""
    rows = _rows(session, page_id, still=True, limit=None, offset=0)
    return [row for row in rows if not row.is_to_come], [row for row in reversed(rows) if row.is_to_come]


def past(session: Session, page_id: int, *, limit: int, offset: int) -> list[AnnouncementRow]:
    """What is over, newest first.  One query."""
    return _rows(session, page_id, still=False, limit=limit, offset=offset)


def find(session: Session, page_id: int, public_id: str) -> AnnouncementRow:
    """One announcement.

    Raises:
        NotFound: this page doesn't have that announcement.
    """
    found = session.scalar(
        select(Announcement).where(Announcement.page_id == page_id, Announcement.public_id == public_id)
    )
    if found is None:
        raise NotFound("Announcement not found.")
    return _row(found)


def _rows(session: Session, page_id: int, *, still: bool, limit: int | None, offset: int) -> list[AnnouncementRow]:
    ahead = or_(Announcement.ends_at.is_(None), Announcement.ends_at > now())
    found = session.scalars(
        select(Announcement)
        .where(Announcement.page_id == page_id, ahead if still else Announcement.ends_at <= now())
        .order_by(Announcement.starts_at.desc(), Announcement.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [_row(row) for row in found]


def _row(found: Announcement) -> AnnouncementRow:
    return AnnouncementRow(found.public_id, found.title, found.body, found.starts_at, found.ends_at, found.version)
