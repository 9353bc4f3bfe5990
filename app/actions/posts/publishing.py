"""Publishing a post or an update: text, components, promise, dispatch and internal record, in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import incidents
from app.actions.frame import Change, changing
from app.actions.posts import effects, incident, texts, validation
from app.actions.posts.editing import hold_post, read_facts, set_facts
from app.clock import now
from app.db import session as read_session
from app.deliver.plan import urgency
from app.deliver.wake_up import wake_workers
from app.errors import Invalid, KeyUsed, Stale
from app.models.page import Page
from app.models.post import Post, Update, UpdateEffect
from app.settings import Settings
from app.shapes import Actor, PostDraft, PostFacts, Published, UpdateDraft
from app.states import deliveries
from app.states import posts as states
from app.text import markdown_to_html
from app.vocabulary import ComponentStatus, DispatchKind, Impact, PostKind, PostStatus, Role


def open_post(settings: Settings, actor: Actor, page_id: int, draft: PostDraft) -> Published:
    """Open a post with its first update.  The same idempotency key again returns what the first call made.

    Raises:
        Invalid: a field can't be taken.
        KeyUsed: the key published something else before.
        NeedsConfirmation: a guard found what looks like a leak and `draft.acknowledged` isn't set.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        return add_post(change, settings, read_post(draft))


def read_post(draft: PostDraft) -> PostDraft:
    """The draft of a new post with its texts cleaned.

    Raises:
        Invalid, NeedsConfirmation: as `open_post`.
    """
    draft = replace(
        draft,
        title=validation.read_title(draft.title),
        body=validation.read_body(draft.body),
        idempotency_key=validation.read_key(draft.idempotency_key),
        texts=texts.read_titled(draft.texts),
    )
    _check_shape(draft)
    internal = [word for link in draft.record_links for word in (link.key, link.url)]
    internal += taints(incidents.row_id(read_session(), draft.incident)) if draft.incident else ()
    words = [draft.title, draft.body, *(said for text in draft.texts.values() for said in text)]
    validation.ask_about_leaks(words, internal, acknowledged=draft.acknowledged)
    return draft


def add_post(change: Change, settings: Settings, draft: PostDraft) -> Published:
    """Open a post in the caller's transaction, which holds the page; `draft` comes from `read_post`.

    Raises:
        Invalid, KeyUsed: as `open_post`.
    """
    session = change.session
    made = published_before(session, draft.idempotency_key, draft.fingerprint, page_id=change.page.id)
    if made is not None:
        change.render_again()
        return made
    texts.check_languages(change.page, draft.texts)
    post = _new_post(session, change.actor, change.page, draft)
    update = _add_update(
        session,
        settings,
        change.actor,
        post,
        draft=draft,
        at=draft.happened_at or draft.display_at,
    )
    texts.add(session, post, update, draft.texts)
    post.started_at = update.display_at
    if post.backfilled:
        effects.set_components(session, post, [effect.component_id for effect in draft.effects])
    else:
        effects.apply(session, post, update, draft.effects)
    change.touch(post)
    change.audit("open", "post", post.public_id, draft.title, after=_said(post))
    return Published(post.public_id, update.public_id)


def publish_update(
    settings: Settings, actor: Actor, page_id: int, post_public_id: str, draft: UpdateDraft
) -> Published:
    """Publish one update of a post.  The same idempotency key again returns what the first call made.

    Raises:
        Invalid: a field can't be taken.
        KeyUsed: the key published something else before.
        NeedsConfirmation: a guard found what looks like a leak and `draft.acknowledged` isn't set.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that post.
        Conflict: the post was withdrawn.
        Stale: the post changed since the author saw it.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        post = hold_post(change.session, page_id, post_public_id)
        return add_update(change, settings, post, read_update(draft, post.incident_id))


def read_update(draft: UpdateDraft, incident_id: int | None) -> UpdateDraft:
    """The draft of an update with its texts cleaned; `incident_id` is the internal record its post speaks for.

    Raises:
        Invalid, NeedsConfirmation: as `publish_update`.
    """
    draft = replace(
        draft,
        body=validation.read_body(draft.body),
        idempotency_key=validation.read_key(draft.idempotency_key),
        facts=read_facts(draft.facts or PostFacts()),
        texts=texts.read_bodies(draft.texts),
    )
    validation.ask_about_leaks(
        [draft.body, *draft.texts.values()], taints(incident_id), acknowledged=draft.acknowledged
    )
    return draft


def add_update(change: Change, settings: Settings, post: Post, draft: UpdateDraft) -> Published:
    """Publish an update in the caller's transaction, which holds the page and the post; `draft` is from `read_update`.

    Raises:
        Invalid, KeyUsed, Stale: as `publish_update`.
    """
    session, actor = change.session, change.actor
    made = published_before(session, draft.idempotency_key, draft.fingerprint, post)
    if made is not None:
        change.render_again()
        return made
    before = _said(post)
    texts.check_languages(change.page, draft.texts)
    _check(session, post, draft)
    set_facts(session, actor, post, draft.facts or PostFacts(), acknowledged=draft.acknowledged, with_update=True)
    computed = effects.computed_impact(PostKind(post.kind), draft.effects, Impact(post.impact))
    states.aim(post, draft.status, draft.impact, computed, draft.next_update_by, now())
    update = _add_update(session, settings, actor, post, draft=draft, at=draft.display_at)
    texts.add_bodies(session, update, draft.texts)
    effects.apply(session, post, update, draft.effects)
    if draft.status is PostStatus.POSTMORTEM and post.postmortem_draft == draft.body:
        # what is published is no draft any more; another draft that was written meanwhile stays
        post.postmortem_draft = post.postmortem_draft_at = None
    post.version += 1
    change.touch(post)
    detail = f"{draft.status} {update.public_id}"
    change.audit("update", "post", post.public_id, detail, before=before, after=_said(post))
    return Published(post.public_id, update.public_id)


def published_before(
    session: Session, key: str, fingerprint: str, post: Post | None = None, page_id: int | None = None
) -> Published | None:
    """What an earlier call with this idempotency key made: the first statement of a post, or one more of `post`.

    Where either call has no fingerprint, what it asked for isn't compared.

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
        raise KeyUsed(
            "This idempotency key was already used for different content, so nothing was published. Use a new key."
        )
    return Published(row[0], row[1], repeated=True)


def standing(session: Session, post: Post) -> list[Update]:
    """The updates of a post that weren't withdrawn, oldest first."""
    statement = select(Update).where(Update.post_id == post.id, Update.withdrawn_at.is_(None))
    return list(session.scalars(statement.order_by(Update.sequence)))


def reached(session: Session, updates: Sequence[Update]) -> list[ComponentStatus]:
    """The statuses that these updates put components into."""
    ids = [update.id for update in updates]
    return list(session.scalars(select(UpdateEffect.to_status).where(UpdateEffect.update_id.in_(ids))))


def taints(incident_id: int | None) -> Sequence[str]:
    """The internal words that a post which speaks for this incident must not hold."""
    return incident.internal_words(read_session(), incident_id) if incident_id else ()


def _check_shape(draft: PostDraft) -> None:
    validation.check_status(draft.kind, draft.status)
    if draft.status is PostStatus.POSTMORTEM:
        raise Invalid.field("status", "A post can't start with a post-mortem. Publish and resolve it first.")
    if draft.kind is PostKind.MAINTENANCE:
        validation.check_window(draft.status, draft.scheduled_for, draft.scheduled_until)
    validation.check_dated(draft.display_at)
    if draft.happened_at is not None:
        _check_backfill(draft, draft.happened_at)


def _check_backfill(draft: PostDraft, happened_at: datetime) -> None:
    if happened_at > now():
        raise Invalid.field("backfill_date", "Enter a time in the past for a backfilled incident.")
    if happened_at < validation.EARLIEST:
        raise Invalid.field("backfill_date", f"Enter a time after the start of {validation.EARLIEST:%Y}.")
    if draft.kind is not PostKind.INCIDENT or draft.status is not PostStatus.RESOLVED:
        raise Invalid.field("status", "Only a resolved incident can be backfilled.")
    if draft.notify or any(effect.status is not None for effect in draft.effects):
        raise Invalid("A backfilled incident can't send notifications or change component status. Remove both.")


def _new_post(session: Session, actor: Actor, page: Page, draft: PostDraft) -> Post:
    is_maintenance = draft.kind is PostKind.MAINTENANCE
    post = Post(
        page_id=page.id,
        kind=draft.kind,
        title=draft.title,
        status=draft.status,
        created_at=draft.happened_at or now(),
        backfilled=draft.happened_at is not None,
        metadata_json=draft.metadata_json,
        scheduled_for=draft.scheduled_for if is_maintenance else None,
        scheduled_until=draft.scheduled_until if is_maintenance else None,
        auto_start=draft.auto_start and is_maintenance,
        auto_end=draft.auto_end and is_maintenance,
    )
    computed = effects.computed_impact(draft.kind, draft.effects)
    states.aim(post, draft.status, draft.impact, computed, draft.next_update_by, now())
    if draft.incident:
        if draft.severity is not None:
            raise Invalid.field("severity", "This incident is declared already. Change its severity on the board.")
        incidents.join_incident(session, actor, post, draft.incident, draft.record_links)
    elif draft.severity is not None:
        opened = incidents.open_incident(
            session, actor, title=draft.title, severity=draft.severity, links=draft.record_links
        )
        post.incident_id = opened.id
    elif draft.record_links:
        raise Invalid.field("severity", "A record link needs an internal incident. Choose a severity.")
    session.add(post)
    session.flush()
    return post


def _add_update(
    session: Session,
    settings: Settings,
    actor: Actor,
    post: Post,
    *,
    draft: PostDraft | UpdateDraft,
    at: datetime | None,
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
        post_id=post.id,
        sequence=(last or 0) + 1,
        status=draft.status,
        body=draft.body,
        body_html=markdown_to_html(draft.body),
        display_at=at,
        created_at=written_at,
        updated_at=written_at,
        notify=draft.notify,
        next_update_by=post.next_update_by,
        impact_override=draft.impact,
        author=actor.name,
        idempotency_key=draft.idempotency_key,
        fingerprint=draft.fingerprint or None,
    )
    session.add(update)
    session.flush()
    states.move(post, draft.status, at)
    if draft.notify:
        deliveries.open_dispatch(
            session,
            page_id=post.page_id,
            post_id=post.id,
            update_id=update.id,
            kind=DispatchKind.UPDATE,
            urgency=urgency(post.impact),
            hold_until=made_at + timedelta(seconds=settings.hold_seconds),
        )
        wake_workers(session)
    incident.follow_post(session, actor, post, draft.status)
    return update


def _said(post: Post) -> dict[str, object]:
    """What a statement changes of its post, for the audit line; never its text, which may be redacted."""
    return {"status": post.status, "impact": post.impact, "next_update_by": post.next_update_by}


def _check(session: Session, post: Post, draft: UpdateDraft) -> None:
    validation.check_status(PostKind(post.kind), draft.status)
    newest = session.scalars(
        select(Update)
        .where(Update.post_id == post.id, Update.withdrawn_at.is_(None))
        .order_by(Update.sequence.desc())
        .limit(1)
    ).one()
    validation.check_dated(draft.display_at, newest.display_at)
    if draft.version is not None and post.version != draft.version:
        raise Stale("Someone updated this post after you opened the form.", current=newest.body, yours=draft.body)
    if draft.status is PostStatus.POSTMORTEM and not PostStatus(post.status).is_terminal:
        raise Invalid.field("status", "You can publish a post-mortem after the incident is resolved. Resolve it first.")
