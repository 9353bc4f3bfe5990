"""Opening a post: text, components, promise, dispatch and the internal record, in one transaction."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import audit, effects, incident_of_post, incidents, wording
from app.actions.revisions import lock_page, touch
from app.clock import now
from app.db import transaction
from app.deliver.plan import urgency
from app.deliver.wake_up import wake_workers
from app.errors import Invalid, KeyUsed
from app.models.page import Page
from app.models.post import Post, Update
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor, PostDraft, Published
from app.states import deliveries
from app.text import markdown_to_html
from app.vocabulary import DispatchKind, Impact, PostKind, PostStatus


def open_post(settings: Settings, actor: Actor, page_id: int, draft: PostDraft) -> Published:
    """Open a post with its first update.  The same idempotency key again returns what the first call made.

    Raises:
        Invalid: a field can not be taken.
        KeyUsed: the key published something else before.
        NeedsConfirmation: a guard found what looks like a leak and `draft.acknowledged` is not set.
        NotFound: there is no such page.
        Unavailable: the database can not be written; nothing was changed.
    """
    draft_title = wording.read_title(draft.title)
    body = wording.read_body(draft.body)
    key = wording.read_key(draft.idempotency_key)
    _check_shape(draft)
    taints = [word for link in draft.record_links for word in (link.key, link.url)]
    wording.ask_about_leaks([draft_title, body], taints, acknowledged=draft.acknowledged)
    body_html = markdown_to_html(body)
    with transaction() as session:
        page = lock_page(session, page_id)
        made = published_before(session, key, draft.fingerprint, page_id=page.id)
        if made is None:
            post = _new_post(session, actor, page, draft, draft_title)
            update = add_update(
                session, settings, actor, post,
                status=draft.status, body=body, body_html=body_html, key=key, notify=draft.notify,
                at=draft.happened_at or draft.display_at, fingerprint=draft.fingerprint,
            )  # fmt: skip
            post.started_at = update.display_at
            if post.backfilled:
                effects.set_components(session, post, [effect.component_id for effect in draft.effects])
            else:
                effects.apply(session, post, update, draft.effects)
            touch(session, page, post)
            audit.record(session, actor, "open", "post", post.public_id, draft_title)
            made = Published(post.public_id, update.public_id)
    try_refresh(settings, page_id)
    return made


def _check_shape(draft: PostDraft) -> None:
    wording.check_status(draft.kind, draft.status)
    if draft.status is PostStatus.POSTMORTEM:
        raise Invalid.field("status", "A post can not begin with a post-mortem. Resolve it first.")
    if draft.kind is PostKind.MAINTENANCE:
        wording.check_window(draft.status, draft.scheduled_for, draft.scheduled_until)
    wording.check_dated(draft.display_at)
    if draft.happened_at is not None:
        _check_backfill(draft, draft.happened_at)


def _check_backfill(draft: PostDraft, happened_at: datetime) -> None:
    if happened_at > now():
        raise Invalid.field("backfill_date", "What is written down later can not lie in the future.")
    if happened_at < wording.EARLIEST:
        raise Invalid.field("backfill_date", f"Nothing older than {wording.EARLIEST:%Y} can be written down.")
    if draft.kind is not PostKind.INCIDENT or draft.status is not PostStatus.RESOLVED:
        raise Invalid.field("status", "Only an incident that is resolved can be written down later.")
    if draft.notify or any(effect.status is not None for effect in draft.effects):
        raise Invalid("What is written down later notifies nobody and moves no component. Leave both out.")


def _new_post(session: Session, actor: Actor, page: Page, draft: PostDraft, title: str) -> Post:
    impact = draft.impact or effects.computed_impact(draft.kind, draft.effects)
    planned = draft.scheduled_for if draft.status is PostStatus.SCHEDULED else None
    promised = wording.promise(
        draft.status, impact, draft.next_update_by, planned if planned and planned > now() else None
    )
    is_maintenance = draft.kind is PostKind.MAINTENANCE
    post = Post(
        page_id=page.id,
        kind=draft.kind,
        title=title,
        status=draft.status,
        impact=impact,
        impact_override=draft.impact,
        created_at=draft.happened_at or now(),
        backfilled=draft.happened_at is not None,
        metadata_json=draft.metadata_json,
        scheduled_for=draft.scheduled_for if is_maintenance else None,
        scheduled_until=draft.scheduled_until if is_maintenance else None,
        starts_itself=draft.starts_itself and is_maintenance,
        ends_itself=draft.ends_itself and is_maintenance,
        next_update_by=promised,
    )
    if draft.severity is not None:
        incident = incidents.open_incident(
            session, actor, title=title, severity=draft.severity, links=draft.record_links
        )
        post.incident_id = incident.id
    elif draft.record_links:
        raise Invalid.field("severity", "A record link belongs to an internal incident. Choose its severity.")
    session.add(post)
    session.flush()
    return post


def published_before(
    session: Session, key: str, fingerprint: str, post: Post | None = None, page_id: int | None = None
) -> Published | None:
    """What an earlier call with this idempotency key made: the first statement of a post, or one more of `post`.

    Where either call has no fingerprint, what it asked for is not compared.

    Raises:
        KeyUsed: the key was used for something else.
    """
    row = session.execute(
        select(Post.public_id, Update.public_id, Post.id, Post.page_id, Update.sequence, Update.fingerprint)
        .join(Update, Update.post_id == Post.id)
        .where(Update.idempotency_key == key)
    ).first()
    if row is None:
        return None
    is_same = row.sequence > 1 and row.id == post.id if post is not None else row.sequence == 1
    is_same = is_same and (not fingerprint or row.fingerprint in {None, fingerprint})
    if not is_same or page_id not in {None, row.page_id}:
        raise KeyUsed("This idempotency key published something else before. Nothing was published now.")
    return Published(row[0], row[1], repeated=True)


def add_update(
    session: Session,
    settings: Settings,
    actor: Actor,
    post: Post,
    *,
    status: PostStatus,
    body: str,
    body_html: str,
    key: str,
    notify: bool,
    at: datetime | None = None,
    fingerprint: str = "",
) -> Update:
    """Add the statement itself, move the post to its status, and create its dispatch, held for HOLD_SECONDS.

    `at` dates it, where it was said or happened before now.
    """
    made_at = now()
    at = at or made_at
    written_at = at if post.backfilled else made_at
    last = session.scalar(
        select(Update.sequence).where(Update.post_id == post.id).order_by(Update.sequence.desc()).limit(1)
    )
    update = Update(
        post_id=post.id, sequence=(last or 0) + 1, status=status, body=body, body_html=body_html,
        display_at=at, created_at=written_at, updated_at=written_at, notify=notify,
        next_update_by=post.next_update_by, author=actor.name, idempotency_key=key,
        fingerprint=fingerprint or None,
    )  # fmt: skip
    session.add(update)
    session.flush()
    _move(post, status, at)
    if notify:
        deliveries.open_dispatch(
            session,
            page_id=post.page_id,
            post_id=post.id,
            update_id=update.id,
            kind=DispatchKind.UPDATE,
            urgency=urgency(Impact(post.impact)),
            hold_until=made_at + timedelta(seconds=settings.hold_seconds),
        )
        wake_workers(session)
    incident_of_post.follow_post(session, actor, post, status)
    return update


def _move(post: Post, status: PostStatus, at: datetime) -> None:
    post.status = status
    if status is PostStatus.MONITORING and post.monitoring_at is None:
        post.monitoring_at = at
    if not status.is_terminal:
        post.resolved_at = post.closed_at = None
        return
    post.closed_at = post.closed_at or at
    if status in {PostStatus.RESOLVED, PostStatus.COMPLETED}:
        post.resolved_at = post.resolved_at or at


def effective_impact(post: Post, kind: PostKind, chosen: Impact | None, computed: Impact) -> Impact:
    """The impact shown: the author's choice, now or earlier, else what follows from the components."""
    override = chosen or (Impact(post.impact_override) if post.impact_override else None)
    return override or (Impact.MAINTENANCE if kind is PostKind.MAINTENANCE else computed)
