"""Announcements: what a page says that is tied to no incident.  They notify nobody."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.posts import validation
from app.actions.revisions import lock_page, touch
from app.clock import now
from app.db import release, transaction
from app.db import session as read_session
from app.errors import Invalid, NotFound, Stale
from app.models.announcement import Announcement
from app.models.page import Page
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor, AnnouncementDraft
from app.text import markdown_to_html

FARTHEST = timedelta(days=5 * 366)


def create_announcement(settings: Settings, actor: Actor, page_id: int, draft: AnnouncementDraft) -> str:
    """Announce something on a page; its public id.  An empty start means now, an empty end until somebody ends it.

    Raises:
        Invalid: a field can not be taken.
        NeedsConfirmation: a guard found what looks like a leak and `draft.acknowledged` is not set.
        NotFound: there is no such page.
        Unavailable: the database can not be written; nothing was changed.
    """
    title, body, body_html = _words(draft)
    with transaction() as session:
        page = lock_page(session, page_id)
        announcement = Announcement(page_id=page_id)
        _write(announcement, draft, title, body, body_html)
        session.add(announcement)
        session.flush()
        touch(session, page)
        public_id = announcement.public_id
        audit.record(session, actor, "create", "announcement", public_id, title)
    try_refresh(settings, page_id)
    return public_id


def edit_announcement(settings: Settings, actor: Actor, public_id: str, draft: AnnouncementDraft, version: int) -> None:
    """Change an announcement, also one that is over.  `version` is the one that the author saw.

    Raises:
        Invalid, NeedsConfirmation, NotFound, Unavailable: as `create_announcement`.
        Stale: it changed since the author saw it.
    """
    title, body, body_html = _words(draft)
    with transaction() as session:
        page, announcement = _held(session, public_id)
        if announcement.version != version:
            raise Stale(
                "Someone changed this announcement after you opened the form.",
                current=f"{announcement.title}\n\n{announcement.body}",
                yours=f"{title}\n\n{body}",
            )
        _write(announcement, draft, title, body, body_html)
        announcement.updated_at = now()
        announcement.version += 1
        touch(session, page)
        audit.record(session, actor, "edit", "announcement", public_id, title)
        page_id = page.id
    try_refresh(settings, page_id)


def end_announcement(settings: Settings, actor: Actor, public_id: str) -> None:
    """Take an announcement off the page now; one still to come is never shown.  One that is over stays as it is.

    Raises:
        NotFound: there is no such announcement.
        Unavailable: the database can not be written; nothing was changed.
    """
    with transaction() as session:
        page, announcement = _held(session, public_id)
        at = now()
        if announcement.ends_at is not None and announcement.ends_at <= at:
            return
        announcement.starts_at = min(announcement.starts_at, at)
        announcement.ends_at = announcement.updated_at = at
        announcement.version += 1
        touch(session, page)
        audit.record(session, actor, "end", "announcement", public_id, announcement.title)
        page_id = page.id
    try_refresh(settings, page_id)


def show_due(settings: Settings) -> None:
    """Render the pages on which an announcement began or ended by itself since they changed last.

    The page's own time of change decides, so that several machines at it do it once, and none needs the others' files.
    """
    due = read_session().scalars(select(Page.id).where(_is_due()).order_by(Page.id)).all()
    release()
    for page_id in due:
        with transaction() as session:
            page = lock_page(session, page_id)
            if session.scalar(select(Page.id).where(Page.id == page_id, _is_due())) is not None:
                touch(session, page)
        try_refresh(settings, page_id)


def _is_due() -> ColumnElement[bool]:
    at = now()
    passed = (and_(moment > Page.updated_at, moment <= at) for moment in (Announcement.starts_at, Announcement.ends_at))
    return select(Announcement.id).where(Announcement.page_id == Page.id, or_(*passed)).exists()


def _words(draft: AnnouncementDraft) -> tuple[str, str, str]:
    """Title, text, and the text as HTML."""
    title, body = validation.read_title(draft.title), validation.read_body(draft.body)
    validation.ask_about_leaks([title, body], (), acknowledged=draft.acknowledged)
    return title, body, markdown_to_html(body)


def _write(announcement: Announcement, draft: AnnouncementDraft, title: str, body: str, body_html: str) -> None:
    starts_at = draft.starts_at or now()
    if (starts_at, draft.ends_at) != (announcement.starts_at, announcement.ends_at):  # what stands may be over
        _check_times(starts_at, draft.ends_at, announcement.ends_at)
    announcement.title, announcement.body, announcement.body_html = title, body, body_html
    announcement.starts_at, announcement.ends_at = starts_at, draft.ends_at


def _check_times(starts_at: datetime, ends_at: datetime | None, stood: datetime | None) -> None:
    at = now()
    if abs(starts_at - at) > FARTHEST:
        raise Invalid.field("starts_at", "Choose a start within five years of today.")
    if ends_at is None:
        return
    if ends_at <= starts_at:
        raise Invalid.field("ends_at", "The end must be after the start. Choose a later end.")
    if ends_at <= at and ends_at != stood:
        raise Invalid.field("ends_at", "This end is in the past. Choose a later end.")
    if ends_at - at > FARTHEST:
        raise Invalid.field("ends_at", "Choose an end within five years of today.")


def _held(session: Session, public_id: str) -> tuple[Page, Announcement]:
    page_id = session.scalar(select(Announcement.page_id).where(Announcement.public_id == public_id))
    if page_id is None:
        raise NotFound("Announcement not found.")
    page = lock_page(session, page_id)
    return page, session.scalars(select(Announcement).where(Announcement.public_id == public_id)).one()
