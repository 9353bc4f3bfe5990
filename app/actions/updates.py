"""One more statement in a post, and correcting one that stands."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import audit, effects, incident_of_post, wording
from app.actions.post_facts import read_facts, set_facts
from app.actions.posts import add_update, effective_impact, published_before
from app.actions.revisions import lock_page, touch
from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.errors import Invalid, NotFound, Stale
from app.models.post import Post, Update, UpdateRevision
from app.publish.months import month_of
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor, PostFacts, Published, UpdateDraft
from app.text import markdown_to_html
from app.vocabulary import Impact, PostKind, PostStatus


def publish_update(settings: Settings, actor: Actor, post_public_id: str, draft: UpdateDraft) -> Published:
    """Publish one update of a post.  The same idempotency key again returns what the first call made.

    Raises:
        Invalid: a field can not be taken.
        KeyUsed: the key published something else before.
        NeedsConfirmation: a guard found what looks like a leak and `draft.acknowledged` is not set.
        NotFound: there is no such post.
        Stale: the post changed since the author saw it.
        Unavailable: the database can not be written; nothing was changed.
    """
    body = wording.read_body(draft.body)
    key = wording.read_key(draft.idempotency_key)
    page_id, incident_id = _where(post_public_id)
    wording.ask_about_leaks([body], _taints(incident_id), acknowledged=draft.acknowledged)
    facts = read_facts(draft.facts or PostFacts())
    body_html = markdown_to_html(body)
    with transaction() as session:
        page = lock_page(session, page_id)
        post = session.scalars(select(Post).where(Post.public_id == post_public_id).with_for_update()).one()
        made = published_before(session, key, draft.fingerprint, post)
        if made is None:
            _check(session, post, draft)
            set_facts(session, post, facts, acknowledged=draft.acknowledged)
            _aim(post, draft)
            update = add_update(
                session, settings, actor, post,
                status=draft.status, body=body, body_html=body_html, key=key, notify=draft.notify, at=draft.display_at,
                fingerprint=draft.fingerprint,
            )  # fmt: skip
            effects.apply(session, post, update, draft.effects)
            _forget_draft(post, draft)
            post.version += 1
            touch(session, page, post)
            audit.record(session, actor, "update", "post", post.public_id, f"{draft.status} {update.public_id}")
            made = Published(post.public_id, update.public_id)
    try_refresh(settings, page_id)
    return made


def correct_update(
    settings: Settings,
    actor: Actor,
    update_public_id: str,
    body: str | None,
    version: int | None,
    *,
    display_at: datetime | None = None,
    acknowledged: bool = False,
) -> None:
    """Replace an update's text, the time it is dated, or both, visibly: what it said is kept and shown.

    None leaves either as it is.  `version` is the one the author saw, if any.

    Raises:
        Invalid, NeedsConfirmation, NotFound, Stale, Unavailable: as `publish_update`.
    """
    body = None if body is None else wording.read_body(body)
    wording.check_dated(display_at)
    row = (
        read_session()
        .execute(select(Post.page_id, Post.incident_id).join(Update).where(Update.public_id == update_public_id))
        .first()
    )
    if row is None:
        raise NotFound("There is no such update.")
    page_id = row[0]
    wording.ask_about_leaks([body or ""], _taints(row[1]), acknowledged=acknowledged)
    with transaction() as session:
        page = lock_page(session, page_id)
        update = session.scalars(select(Update).where(Update.public_id == update_public_id)).one()
        if version is not None and update.version != version:
            raise Stale("Somebody corrected this update meanwhile.", current=update.body, yours=body or update.body)
        _check_between(session, update, display_at)
        month = month_of(update.post.started_at, ZoneInfo(page.time_zone))
        if not _correct(session, actor, update, body, display_at):
            return
        is_elsewhere = month != month_of(update.post.started_at, ZoneInfo(page.time_zone))
        touch(session, page, update.post, everything=is_elsewhere)  # the month it left has to be written too
        audit.record(session, actor, "correct", "update", update.public_id)
    try_refresh(settings, page_id)


def _correct(session: Session, actor: Actor, update: Update, body: str | None, display_at: datetime | None) -> bool:
    """Keep what it said, and say the other; False when that is the same."""
    words, at = body if body is not None else update.body, display_at or update.display_at
    if (words, at) == (update.body, update.display_at):
        return False
    former = update.display_at if at != update.display_at else None
    session.add(
        UpdateRevision(
            update_id=update.id, body=update.body, body_html=update.body_html, display_at=former, replaced_at=now(),
            replaced_by=actor.name,
        )
    )  # fmt: skip
    if former is not None:
        _date(update, at)
    update.body, update.body_html = words, markdown_to_html(words)
    update.corrected_at = update.updated_at = now()
    update.version += 1
    return True


def _check_between(session: Session, update: Update, at: datetime | None) -> None:
    """Raises Invalid when a statement would be dated before the one that it follows, or after the next one."""
    if at is None or at == update.display_at:
        return
    mine, dated = Update.post_id == update.post_id, select(Update.display_at)
    before = dated.where(mine, Update.sequence < update.sequence).order_by(Update.sequence.desc()).limit(1)
    after = dated.where(mine, Update.sequence > update.sequence).order_by(Update.sequence).limit(1)
    wording.check_dated(at, session.scalar(before) or wording.EARLIEST, session.scalar(after))


def _date(update: Update, at: datetime) -> None:
    """Date an update, and with it what its post dates by it: since when, and until when."""
    for name in ("started_at", "monitoring_at", "resolved_at", "closed_at"):
        if getattr(update.post, name) == update.display_at:
            setattr(update.post, name, at)
    update.display_at = at


def _where(post_public_id: str) -> tuple[int, int | None]:
    row = read_session().execute(select(Post.page_id, Post.incident_id).where(Post.public_id == post_public_id)).first()
    if row is None:
        raise NotFound("There is no such post.")
    return row[0], row[1]


def _taints(incident_id: int | None) -> Sequence[str]:
    return incident_of_post.internal_words(read_session(), incident_id) if incident_id else ()


def _check(session: Session, post: Post, draft: UpdateDraft) -> None:
    wording.check_status(PostKind(post.kind), draft.status)
    newest = session.scalars(
        select(Update).where(Update.post_id == post.id).order_by(Update.sequence.desc()).limit(1)
    ).one()
    wording.check_dated(draft.display_at, newest.display_at)
    if draft.version is not None and post.version != draft.version:
        raise Stale("Somebody updated this post since you opened the form.", current=newest.body, yours=draft.body)
    if draft.status is PostStatus.POSTMORTEM and not PostStatus(post.status).is_terminal:
        raise Invalid.field("status", "A post-mortem follows a resolved post. Resolve it first.")


def _forget_draft(post: Post, draft: UpdateDraft) -> None:
    """What is published is no draft any more; another draft that was written meanwhile stays."""
    if draft.status is PostStatus.POSTMORTEM and post.postmortem_draft == draft.body:
        post.postmortem_draft = post.postmortem_draft_at = None


def _aim(post: Post, draft: UpdateDraft) -> None:
    kind = PostKind(post.kind)
    computed = effects.computed_impact(kind, draft.effects, Impact(post.impact))
    if draft.impact is not None:
        post.impact_override = draft.impact
    post.impact = effective_impact(post, kind, draft.impact, computed)
    planned = post.scheduled_for if draft.status is PostStatus.SCHEDULED else None
    post.next_update_by = wording.promise(
        draft.status, Impact(post.impact), draft.next_update_by, planned if planned and planned > now() else None
    )
