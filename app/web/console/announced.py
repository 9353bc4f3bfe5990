"""What was announced, is and will be: read-models of the announcements' screens, and their form as typed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.clock import now
from app.errors import NotFound
from app.models.announcement import Announcement
from app.shapes import AnnouncementDraft
from app.text import BODY_LIMIT, TITLE_LIMIT, clean, clean_field, markdown_to_text, shorten
from app.web.console import times
from app.web.console.forms import Reader

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


@dataclass(frozen=True, slots=True)
class TypedAnnouncement:
    """The form, exactly as typed.  Times are as a datetime-local field holds them, in the page's zone."""

    title: str = ""
    body: str = ""
    starts_at: str = ""
    ends_at: str = ""
    version: str = ""
    acknowledged: bool = False


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
        NotFound: the page has no such announcement.
    """
    found = session.scalar(
        select(Announcement).where(Announcement.page_id == page_id, Announcement.public_id == public_id)
    )
    if found is None:
        raise NotFound("There is no such announcement.")
    return _row(found)


def typed_as_it_stands(row: AnnouncementRow, zone: ZoneInfo) -> TypedAnnouncement:
    """The form for an announcement, before anybody types."""
    ends_at = times.field_value(row.ends_at, zone) if row.ends_at else ""
    return TypedAnnouncement(
        row.title, row.body, times.field_value(row.starts_at, zone), ends_at, version=str(row.version)
    )


def read_typed(form: Mapping[str, str]) -> TypedAnnouncement:
    """Everything the form sent.  Never fails."""
    lines = {name: clean(form.get(name, "")) for name in ("title", "starts_at", "ends_at", "version")}
    body = clean(form.get("body", ""), multiline=True)
    return TypedAnnouncement(**lines, body=body, acknowledged=form.get("acknowledged") == "yes")


def with_version(typed: TypedAnnouncement, version: int) -> TypedAnnouncement:
    """The same form for the version that stands now, after the author has seen both texts."""
    return replace(typed, version=str(version))


def draft_of(typed: TypedAnnouncement, zone: ZoneInfo, stands: AnnouncementRow | None = None) -> AnnouncementDraft:
    """The draft for an action.  A time left as it `stands` keeps its seconds, which a form does not show.

    Raises:
        Invalid: with a sentence for every field that can not be taken.
    """
    reader = Reader()

    def instant(name: str, stood: datetime | None) -> datetime | None:
        value: str = getattr(typed, name)
        if stood is not None and value == times.field_value(stood, zone):
            return stood
        return reader.instant(name, value, zone)

    draft = AnnouncementDraft(
        title=reader.read(lambda: clean_field(typed.title, name="title", label="The title", limit=TITLE_LIMIT)),
        body=reader.read(
            lambda: clean_field(typed.body, name="body", label="The text", limit=BODY_LIMIT, multiline=True)
        ),
        starts_at=instant("starts_at", stands.starts_at if stands else None),
        ends_at=instant("ends_at", stands.ends_at if stands else None),
        acknowledged=typed.acknowledged,
    )
    reader.finish()
    return draft


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
