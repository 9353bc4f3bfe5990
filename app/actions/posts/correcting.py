"""Visible corrections: the former text is kept and shown."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions.frame import changing
from app.actions.posts import texts, validation
from app.actions.posts.publishing import reached, standing, taints
from app.clock import now
from app.errors import Conflict, Invalid, NotFound, Stale
from app.models.post import Post, Update, UpdateRevision
from app.publish.months import month_of
from app.settings import Settings
from app.shapes import Actor
from app.states import posts as states
from app.text import markdown_to_html
from app.vocabulary import PostStatus, Role


def correct_update(
    settings: Settings,
    actor: Actor,
    page_id: int,
    update_public_id: str,
    body: str | None,
    version: int | None,
    *,
    display_at: datetime | None = None,
    status: PostStatus | None = None,
    bodies: Mapping[str, str] | None = None,
    acknowledged: bool = False,
) -> None:
    """Replace an update's text, its status or the time it is dated, visibly: what it said is kept and shown.

    None leaves each as it is.  The post's status follows from that of its updates.  `version` is the one the author
    saw, if any.  `bodies` are the text in languages other than the page's own.  A new `body` takes away the texts in
    languages that aren't among them, because they would still say what was corrected.

    Raises:
        Invalid, NeedsConfirmation, NotAllowed, NotFound, Unavailable: as `publish_update`.
        Conflict: it was withdrawn.
        Stale: it was corrected since.  When a text in it was redacted, the error gives back no text of the author's.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session = change.session
        body = None if body is None else validation.read_body(body)
        bodies = texts.read_bodies(bodies or {})
        validation.check_dated(display_at)
        update = session.scalar(
            select(Update).join(Post).where(Update.public_id == update_public_id, Post.page_id == page_id)
        )
        if update is None:
            raise NotFound("Update not found.")
        if update.withdrawn_at is not None or update.post.withdrawn_at is not None:
            raise Conflict("This update was withdrawn, so you can't correct it.")
        validation.ask_about_leaks(
            [body or "", *bodies.values()], taints(update.post.incident_id), acknowledged=acknowledged
        )
        if version is not None and update.version != version:
            raise Stale(
                "Someone corrected this update after you opened the form.",
                current=update.body,
                yours="" if update.redacted_at is not None else body or update.body,
            )
        texts.check_languages(change.page, bodies)
        _check_between(session, update, display_at)
        zone = ZoneInfo(change.page.time_zone)
        month, before = month_of(update.post.started_at, zone), _facts(update)
        if status is not None:
            _check_status(update, status)
        if not _correct(session, actor, update, body, bodies, display_at, status):
            return
        if status is not None:
            left = standing(session, update.post)
            states.follow(update.post, left, reached(session, left))
            update.post.version += 1
        is_elsewhere = month != month_of(update.post.started_at, zone)
        change.touch(update.post, everything=is_elsewhere)  # the month it left has to be written too
        change.audit("correct", "update", update.public_id, before=before, after=_facts(update))


def _facts(update: Update) -> dict[str, object]:
    """What a correction changes, for the audit line.  The text is kept as a revision, which can be redacted."""
    return {"status": update.status, "display_at": update.display_at, "version": update.version}


def _check_status(update: Update, status: PostStatus) -> None:
    """Raises Invalid when an update can't be corrected to this status."""
    validation.check_status(update.post.kind, status)
    if status is not update.status and PostStatus.POSTMORTEM in {status, update.status}:
        raise Invalid.field("status", "You can't change an update into a post-mortem or back. Withdraw it instead.")


def _correct(
    session: Session,
    actor: Actor,
    update: Update,
    body: str | None,
    bodies: Mapping[str, str],
    display_at: datetime | None,
    status: PostStatus | None,
) -> bool:
    """Keep what it said, and say the other; False when that is the same."""
    words, at = body if body is not None else update.body, display_at or update.display_at
    corrected = status or update.status
    is_same = (words, at, corrected) == (update.body, update.display_at, update.status)
    said = texts.correct(session, actor.name, update, bodies, is_reworded=words != update.body, at=now())
    if said.has_changed or not is_same:
        update.updated_at = now()
        update.version += 1
    if is_same:
        if said.is_visible:
            update.corrected_at = now()
        return said.has_changed
    former = update.display_at if at != update.display_at else None
    session.add(
        UpdateRevision(
            update_id=update.id,
            body=update.body,
            body_html=update.body_html,
            display_at=former,
            status=update.status if corrected is not update.status else None,
            replaced_at=now(),
            replaced_by=actor.name,
        )
    )
    if former is not None:
        states.date(update.post, update.display_at, at)
        update.display_at = at
    update.status = corrected
    update.body, update.body_html = words, markdown_to_html(words)
    update.corrected_at = now()
    return True


def _check_between(session: Session, update: Update, at: datetime | None) -> None:
    """Raises Invalid when a statement would be dated before the one that it follows, or after the next one."""
    if at is None or at == update.display_at:
        return
    mine, dated = Update.post_id == update.post_id, select(Update.display_at)
    before = dated.where(mine, Update.sequence < update.sequence).order_by(Update.sequence.desc()).limit(1)
    after = dated.where(mine, Update.sequence > update.sequence).order_by(Update.sequence).limit(1)
    validation.check_dated(at, session.scalar(before) or validation.EARLIEST, session.scalar(after))
