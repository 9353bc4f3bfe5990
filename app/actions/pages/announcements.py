"""Announcements on a page, apart from incidents.  They don't notify subscribers."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from app.actions.frame import changing
from app.actions.posts import validation
from app.actions.revisions import lock_page, touch
from app.actions.translating import read_words, replace_words
from app.clock import now
from app.db import release, transaction
from app.db import session as read_session
from app.errors import Invalid, NotFound, Stale
from app.inputs.fields import POST_TEXTS, Words
from app.models.announcement import Announcement, AnnouncementText
from app.models.page import Page
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor, AnnouncementDraft
from app.text import markdown_to_html
from app.vocabulary import Role

FARTHEST = timedelta(days=5 * 366)


def create_announcement(settings: Settings, actor: Actor, page_id: int, draft: AnnouncementDraft) -> str:
    """Announce something on a page; its public id.  An empty start means now, an empty end until someone ends it.

    Raises:
        Invalid: a field is invalid.
        NeedsConfirmation: a guard found what looks like a leak and `draft.acknowledged` isn't set.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        title, body, body_html = _words(draft)
        texts = _texts(change.page, draft)
        announcement = Announcement(page_id=page_id)
        _write(announcement, draft, title, body, body_html)
        change.session.add(announcement)
        change.session.flush()
        replace_words(change.session, AnnouncementText.announcement_id, announcement.id, texts)
        change.touch()
        change.audit("create", "announcement", announcement.public_id, title, after=_times(announcement))
        return announcement.public_id


def edit_announcement(
    settings: Settings, actor: Actor, page_id: int, public_id: str, draft: AnnouncementDraft, version: int
) -> None:
    """Change an announcement, also one that is over.  `version` is the one that the author saw.

    A new title or text without `texts` takes away those in other languages: they would still say what it said before.

    Raises:
        Invalid, NeedsConfirmation, NotAllowed, NotFound, Unavailable: as `create_announcement`.
        Stale: it changed since the author saw it.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        title, body, body_html = _words(draft)
        announcement = _held(change.session, page_id, public_id)
        before = {"title": announcement.title, **_times(announcement)}
        if announcement.version != version:
            raise Stale(
                "Someone changed this announcement after you opened the form.",
                current=f"{announcement.title}\n\n{announcement.body}",
                yours=f"{title}\n\n{body}",
            )
        is_reworded = (announcement.title, announcement.body) != (title, body)
        if draft.texts is not None or is_reworded:
            texts = _texts(change.page, draft)
            replace_words(change.session, AnnouncementText.announcement_id, announcement.id, texts)
        _write(announcement, draft, title, body, body_html)
        announcement.updated_at = now()
        announcement.version += 1
        change.touch()
        after = {"title": title, **_times(announcement)}
        change.audit("edit", "announcement", public_id, title, before=before, after=after)


def end_announcement(settings: Settings, actor: Actor, page_id: int, public_id: str) -> None:
    """Take an announcement off the page now; one still to come is never shown.  One that is over stays as it is.

    Raises:
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that announcement.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        announcement = _held(change.session, page_id, public_id)
        at, before = now(), _times(announcement)
        if announcement.ends_at is not None and announcement.ends_at <= at:
            return
        announcement.starts_at = min(announcement.starts_at, at)
        announcement.ends_at = announcement.updated_at = at
        announcement.version += 1
        change.touch()
        title, after = announcement.title, _times(announcement)
        change.audit("end", "announcement", public_id, title, before=before, after=after)


def show_due(settings: Settings) -> None:
    """Render the pages on which an announcement started or ended since they changed last.

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


def _texts(page: Page, draft: AnnouncementDraft) -> Words:
    """Titles and texts in other languages, and the texts as HTML.  Raises Invalid, NeedsConfirmation."""
    words = read_words(POST_TEXTS, page, draft.texts or {})
    validation.ask_about_leaks(
        [said for one in words.values() for said in one.values()], (), acknowledged=draft.acknowledged
    )
    return {language: {**one, "body_html": markdown_to_html(one["body"])} for language, one in words.items()}


def _write(announcement: Announcement, draft: AnnouncementDraft, title: str, body: str, body_html: str) -> None:
    starts_at = draft.starts_at or now()
    if (starts_at, draft.ends_at) != (announcement.starts_at, announcement.ends_at):  # the current one may have ended
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


def _times(announcement: Announcement) -> dict[str, object]:
    return {"starts_at": announcement.starts_at, "ends_at": announcement.ends_at, "version": announcement.version}


def _held(session: Session, page_id: int, public_id: str) -> Announcement:
    found = session.scalar(
        select(Announcement).where(Announcement.public_id == public_id, Announcement.page_id == page_id)
    )
    if found is None:
        raise NotFound("Announcement not found.")
    return found
