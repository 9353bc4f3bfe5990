"""Drafts: autosave, propose, approve, schedule, and publish as an update in one transaction."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.actions import alarms, incidents
from app.actions.accounts.notices import notify_account
from app.actions.frame import Change, changing
from app.actions.posts import editing, publishing, texts, validation
from app.clock import now
from app.db import release
from app.db import session as read_session
from app.deliver.alarms import FoundAlarm
from app.errors import CandorError, Conflict, Invalid, KeyUsed, NotAllowed, NotFound, Stale, Unavailable
from app.models.component import Component
from app.models.draft import Approval, Draft, DraftEditor, DraftEffect, DraftText
from app.models.page import Page
from app.models.post import Post, Update
from app.queries.drafts import content_hash, content_of, in_order, own_language
from app.settings import Settings
from app.shapes import Actor, DraftContent, PostDraft, PostFacts, Published, SavedDraft, UpdateDraft, Waiting
from app.states import drafts as states
from app.vocabulary import AccountNoticeKind, ComponentStatus, DraftState, Role

logger = logging.getLogger(__name__)
TITLE_LIMIT = 500
BODY_LIMIT = 100_000
"""More than can be published: what someone pastes is kept until they have shortened it."""

NOT_PUBLISHED = "draft-not-published"
"""The kind of alarm for a scheduled draft that could not be published."""


def save_draft(
    settings: Settings,
    actor: Actor,
    page_id: int,
    content: DraftContent,
    *,
    public_id: str | None = None,
    version: int | None = None,
) -> SavedDraft:
    """Save a draft, a new one without `public_id`; half-written content is fine.  Nothing public changes.

    `version` is the one the author saw; None saves over whatever is there.  Saving the same again writes nothing.

    Raises:
        Conflict: it is scheduled, published or discarded.
        Invalid: a text is too long to keep, or a component isn't this page's.
        NotAllowed: the actor may only view this page.
        NotFound: this page doesn't have that draft or post.
        Stale: someone else has saved it since.
    """
    with changing(settings, actor, page_id, needs=Role.RESPONDER, lock=False) as change:
        session = change.session
        held = _held(session, page_id, public_id) if public_id is not None else None
        content = replace(content, effects=in_order(content.effects))
        if held is None:
            draft = _new(session, page_id, content, actor)
        else:
            draft = held
            states.require_open(draft)
            before = content_of(session, draft)
            if version is not None and version != draft.version:
                raise Stale(
                    "This draft was saved elsewhere since you opened it.",
                    current=_body(before, change.page),
                    yours=_body(content, change.page),
                )
        _rewrite(session, draft, content, actor)
        return SavedDraft(draft.public_id, draft.version, draft.state)


def propose_draft(settings: Settings, actor: Actor, page_id: int, public_id: str) -> SavedDraft:
    """Ask for a draft to be approved.  Its content has to be complete.

    Raises:
        Conflict: it isn't being edited.
        Invalid, NotAllowed, NotFound, Stale: as `publish_draft`.
    """
    with changing(settings, actor, page_id, needs=Role.RESPONDER, lock=False) as change:
        draft = _held(change.session, page_id, public_id)
        _checked(change.session, draft, change.page)
        states.propose(draft)
        return _saved(change, draft, "propose")


def approve_draft(settings: Settings, actor: Actor, page_id: int, public_id: str, seen_hash: str) -> SavedDraft:
    """Approve exactly the content whose hash was shown.  No one who edited it since the last approval may.

    Raises:
        Conflict: no one proposed it.
        NotAllowed: the actor has edited it, or isn't a person with an account.
        NotFound: this page doesn't have that draft.
        Stale: the content isn't the one that was shown.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        draft = _held(session, page_id, public_id)
        content = content_of(session, draft)
        current = content_hash(content)
        if actor.account_id is None:
            raise NotAllowed("Only a person with an account can approve a draft.")
        if seen_hash != current:
            raise Stale("This draft changed since you opened it.", current=_body(content, change.page), yours="")
        editors = session.scalars(select(DraftEditor.account_id).where(DraftEditor.draft_id == draft.id)).all()
        if actor.account_id in editors:
            raise NotAllowed("You edited this draft, so another person has to approve it.")
        states.approve(draft, current)
        authors: Sequence[int | None] = editors or (None,)
        session.add_all(
            Approval(draft_id=draft.id, content_hash=current, author_id=author, approver_id=actor.account_id)
            for author in authors
        )
        session.execute(delete(DraftEditor).where(DraftEditor.draft_id == draft.id))
        return _saved(change, draft, "approve")


def schedule_draft(
    settings: Settings, actor: Actor, page_id: int, public_id: str, at: datetime, *, acknowledged: bool = False
) -> SavedDraft:
    """Have a draft published at an instant in the future, by a worker, exactly as it is now.

    A draft that is scheduled already moves to the new time.

    Raises:
        Invalid, NotAllowed, NotFound, Stale: as `publish_draft`, or the time is in the past.
        Conflict: it was published or discarded.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        draft = _held(session, page_id, public_id)
        states.require_open(draft)
        if at <= now():
            raise Invalid.field("publish_at", "Choose a time in the future.")
        if at > validation.LATEST:
            raise Invalid.field("publish_at", f"Choose a time before {validation.LATEST:%Y}.")
        if draft.post_id is not None and draft.base_version is None:
            draft.base_version = session.scalar(select(Post.version).where(Post.id == draft.post_id))
        draft.acknowledged = draft.acknowledged or acknowledged
        session.flush()
        content = _checked(session, draft, change.page)
        states.schedule(draft, at, content_hash(content))
        draft.idempotency_key, draft.fingerprint = None, ""
        return _saved(change, draft, "schedule", at.isoformat())


def unschedule_draft(settings: Settings, actor: Actor, page_id: int, public_id: str) -> SavedDraft:
    """Take a scheduled draft back: it is edited again, and nothing is published.

    Raises:
        Conflict: it isn't scheduled.
        NotAllowed, NotFound: as `publish_draft`.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        draft = _held(change.session, page_id, public_id)
        states.unschedule(draft)
        return _saved(change, draft, "unschedule")


def discard_draft(settings: Settings, actor: Actor, page_id: int, public_id: str) -> SavedDraft:
    """Throw a draft away.

    Raises:
        Conflict: it was published or discarded.
        NotAllowed, NotFound: as `publish_draft`.
    """
    with changing(settings, actor, page_id, needs=Role.RESPONDER, lock=False) as change:
        draft = _held(change.session, page_id, public_id)
        states.discard(draft)
        return _saved(change, draft, "discard")


def publish_draft(
    settings: Settings, actor: Actor, page_id: int, public_id: str, *, acknowledged: bool = False
) -> Published | Waiting:
    """Publish a draft now, as an update or a new post.  Publishing it again returns the same update.

    On a page that waits for the hold it is published when the hold ends.

    Raises:
        Conflict: it was discarded, or its content isn't the one that was approved.
        Invalid: a field can't be published.
        NeedsConfirmation: a guard found what looks like a leak, and no one acknowledged it.
        NotAllowed: the actor may not publish on this page.
        NotFound: this page doesn't have that draft.
        Stale: the post changed since the draft's author saw it.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        draft = _held(change.session, page_id, public_id)
        draft.acknowledged = draft.acknowledged or acknowledged
        change.render_again()
        if _must_wait(change, settings, draft):
            return _wait(change, settings, draft, key=f"draft-{public_id}", fingerprint="")
        return _publish(change, settings, draft)


def publish_form(
    settings: Settings,
    actor: Actor,
    page_id: int,
    content: DraftContent,
    *,
    key: str,
    fingerprint: str,
    draft_id: str = "",
    draft_version: int | None = None,
) -> Published | Waiting:
    """Write what a form or command holds into its draft and publish that, in one transaction.  On a page that waits for
    the hold, that is when the hold ends.

    The same idempotency key again returns what the first call made.  So does another form of the same draft that asks
    for the same.  A draft that someone else has edited since `draft_version`, or that was discarded, stays as it is:
    the form is then published as a draft of its own.

    Raises:
        Invalid: a field can't be published.
        KeyUsed: the key, or the draft, published something else before.
        NeedsConfirmation: a guard found what looks like a leak, and no one acknowledged it.
        NotAllowed: the actor may not publish on this page.
        NotFound: this page doesn't have that post.
        Conflict: the post was withdrawn.
        Stale: the post changed since the author saw it.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session = change.session
        validation.read_key(key)
        post = editing.hold_post(session, page_id, content.post_id) if content.post_id else None
        made = publishing.published_before(session, key, fingerprint, post, page_id)
        if made is not None:
            change.render_again()
            return made
        content = replace(content, effects=in_order(content.effects))
        waiting = session.scalar(select(Draft).where(Draft.idempotency_key == key).with_for_update())
        if waiting is not None and waiting.state.is_open:
            if waiting.page_id != page_id or waiting.fingerprint != fingerprint:
                raise KeyUsed("This idempotency key was already used for different content. Use a new key.")
            draft_id, draft_version = waiting.public_id, waiting.version
        draft = _of_form(session, page_id, draft_id, draft_version, content, actor)
        if draft is None:
            draft = _new(session, page_id, content, actor)
        elif draft.state is DraftState.PUBLISHED:
            return _again(change, draft, fingerprint)
        elif draft.state is DraftState.SCHEDULED:
            if draft.idempotency_key is not None and draft.publish_at is not None and draft.fingerprint == fingerprint:
                return Waiting(draft.public_id, draft.publish_at, repeated=True)
            states.unschedule(draft)
        written = {language: text for language, text in content_of(session, draft).texts.items() if any(text)}
        content = replace(content, texts={**written, **content.texts})  # a form shows those in its own language alone
        _rewrite(session, draft, content, actor)
        if _must_wait(change, settings, draft):
            return _wait(change, settings, draft, key=key, fingerprint=fingerprint)
        return _publish(change, settings, draft, key=key, fingerprint=fingerprint, is_form=True)


def _must_wait(change: Change, settings: Settings, draft: Draft) -> bool:
    """Whether publishing waits until the hold ends, in public too."""
    return change.page.waits_for_hold and settings.hold_seconds > 0 and draft.state is not DraftState.PUBLISHED


def _wait(change: Change, settings: Settings, draft: Draft, *, key: str, fingerprint: str) -> Waiting:
    """Publish a draft when the hold ends.  What publishing would refuse is refused now."""
    if draft.state is DraftState.SCHEDULED and draft.publish_at is not None and draft.idempotency_key == key:
        return Waiting(draft.public_id, draft.publish_at, repeated=True)
    if draft.post_id is not None and draft.base_version is None:
        draft.base_version = change.session.scalar(select(Post.version).where(Post.id == draft.post_id))
    change.session.flush()
    with change.session.begin_nested() as attempt:
        _publish(change, settings, draft, key=key, fingerprint=fingerprint)
        attempt.rollback()
    change.is_touched = False
    at = now() + timedelta(seconds=settings.hold_seconds)
    states.schedule(draft, at, content_hash(content_of(change.session, draft)))
    draft.idempotency_key, draft.fingerprint = key, fingerprint
    change.audit("schedule", "draft", draft.public_id, at.isoformat())
    return Waiting(draft.public_id, at)


def _of_form(
    session: Session, page_id: int, draft_id: str, version: int | None, content: DraftContent, actor: Actor
) -> Draft | None:
    """The draft that a form was saved as, locked; None where it has to be published as one of its own."""
    if not draft_id:
        return None
    query = select(Draft).where(Draft.public_id == draft_id, Draft.page_id == page_id)
    draft = session.scalar(query.with_for_update())
    if draft is None or draft.state is DraftState.DISCARDED:
        return None
    if draft.state is DraftState.PUBLISHED:
        of_post = select(Post.public_id).join(Update).where(Update.id == draft.update_id)
        is_same_form = (draft.post_id is not None) == bool(content.post_id)
        is_same_form = is_same_form and content.post_id in {"", session.scalar(of_post)}
        return draft if is_same_form else None
    is_theirs = draft.edited_by != actor.name and draft.version != version
    return None if is_theirs or draft.post_id != _post_id(session, page_id, content.post_id) else draft


def _again(change: Change, draft: Draft, fingerprint: str) -> Published:
    """What a draft became, for another form of it.  Raises KeyUsed: the form asks for something else."""
    post_id, update_id, asked = change.session.execute(
        select(Post.public_id, Update.public_id, Update.fingerprint)
        .join(Update, Update.post_id == Post.id)
        .where(Update.id == draft.update_id)
    ).one()
    if asked != fingerprint:
        raise KeyUsed("This draft was already published with different content, so nothing was published.")
    change.render_again()
    return Published(post_id, update_id, repeated=True)


def publish_due(settings: Settings) -> None:
    """Publish each scheduled draft whose time has come, once, however many workers look.

    A draft that can't be published goes back to editing with the reason, and an alarm says so.

    Raises:
        Unavailable: the database went away; what is left is published the next time.
    """
    due = (
        read_session()
        .execute(
            select(Draft.page_id, Draft.public_id, Draft.edited_by)
            .where(Draft.state == DraftState.SCHEDULED, Draft.publish_at <= now())
            .order_by(Draft.publish_at, Draft.id)
        )
        .all()
    )
    release()
    for page_id, public_id, edited_by in due:
        actor = Actor(edited_by or "scheduled", Role.LEAD)
        try:
            with changing(settings, actor, page_id, needs=Role.LEAD) as change:
                draft = _held(change.session, page_id, public_id)
                if draft.state is not DraftState.SCHEDULED or draft.publish_at is None or draft.publish_at > now():
                    continue  # another worker was faster, or someone took it back
                has_waited = change.page.waits_for_hold  # so no one is told after a second hold
                hold = settings.with_changes(hold_seconds=0) if has_waited else settings
                _publish(change, hold, draft, key=draft.idempotency_key or "", fingerprint=draft.fingerprint)
        except Unavailable:
            raise
        except CandorError as error:
            _give_back(settings, actor, page_id, public_id, error.sentence)


def _give_back(settings: Settings, actor: Actor, page_id: int, public_id: str, why: str) -> None:
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        draft = _held(change.session, page_id, public_id)
        if draft.state is not DraftState.SCHEDULED:
            return
        states.unschedule(draft, why)
        for account_id in _authors(change.session, draft):
            notify_account(
                change.session,
                account_id,
                AccountNoticeKind.DRAFT_NOT_PUBLISHED,
                subject="Your scheduled update was not published",
                body=f"{why}\n\nOpen the draft, and publish or discard it.",
                path=f"/console/{change.page.slug}/drafts/{public_id}",
            )
        change.audit("give back", "draft", public_id, why)
    logger.warning("the scheduled draft %s is not published: %s", public_id, why)
    sentence = f"A scheduled update was not published. {why} Open the draft, and publish or discard it."
    alarms.raise_found([FoundAlarm(NOT_PUBLISHED, public_id, sentence[:300])])


def _authors(session: Session, draft: Draft) -> list[int]:
    """The accounts that wrote a draft: who edited it since it was last approved, and who had before."""
    editors = select(DraftEditor.account_id).where(DraftEditor.draft_id == draft.id)
    approved = select(Approval.author_id).where(Approval.draft_id == draft.id, Approval.author_id.is_not(None))
    return sorted({*session.scalars(editors), *(one for one in session.scalars(approved) if one is not None)})


def _publish(
    change: Change,
    settings: Settings,
    draft: Draft,
    *,
    key: str = "",
    fingerprint: str = "",
    is_form: bool = False,
) -> Published:
    """Turn a draft into an update, in the caller's transaction."""
    session = change.session
    if draft.state is DraftState.PUBLISHED:
        made = session.execute(
            select(Post.public_id, Update.public_id)
            .join(Update, Update.post_id == Post.id)
            .where(Update.id == draft.update_id)
        ).one()
        return Published(made[0], made[1], repeated=True)
    content = content_of(session, draft)
    bound = draft.approved_hash
    if bound and bound != content_hash(content):
        raise Conflict("This draft changed since it was approved or scheduled. Check it and publish it again.")
    read = replace(
        _read(session, draft, content, change.page),
        idempotency_key=key or f"draft-{draft.public_id}",
        fingerprint=fingerprint,
    )
    if isinstance(read, PostDraft):
        made_now = publishing.add_post(change, settings, read)
    else:
        post = editing.hold_post(session, change.page.id, content.post_id)
        made_now = publishing.add_update(change, settings, post, read)
    update_id = session.scalars(select(Update.id).where(Update.public_id == made_now.update_id)).one()
    states.publish(draft, update_id, content_hash(content))
    if not is_form:  # a form's line is that of the post
        change.audit("publish", "draft", draft.public_id, made_now.update_id)
    return made_now


def _checked(session: Session, draft: Draft, page: Page) -> DraftContent:
    """The draft's content, if it could be published now.  Raises what publishing would."""
    content = content_of(session, draft)
    _read(session, draft, content, page)
    if draft.post_id is not None and draft.base_version is not None:
        current = session.scalar(select(Post.version).where(Post.id == draft.post_id))
        if current != draft.base_version:
            raise Stale(
                "The incident was updated since this draft was written.", current="", yours=_body(content, page)
            )
    return content


def _read(session: Session, draft: Draft, content: DraftContent, page: Page) -> PostDraft | UpdateDraft:
    """The draft as what publishing takes.  Raises Invalid and NeedsConfirmation."""
    own = own_language(content, page.locale)
    title, body = content.texts.get(own, ("", ""))
    others = {language: text for language, text in content.texts.items() if language != own and any(text)}
    promised = content.next_update_by
    if content.promise_minutes is not None:
        promised = now() + timedelta(minutes=content.promise_minutes)
    key = f"draft-{draft.public_id}"
    if draft.post_id is not None:
        incident_id = session.scalar(select(Post.incident_id).where(Post.id == draft.post_id))
        return publishing.read_update(
            UpdateDraft(
                status=content.status,
                body=body,
                idempotency_key=key,
                version=content.base_version,
                impact=content.impact,
                effects=content.effects,
                next_update_by=promised,
                notify=content.notify,
                acknowledged=content.acknowledged,
                facts=PostFacts(titles={language: text[0] for language, text in others.items() if text[0]}),
                texts={language: text[1] for language, text in others.items()},
            ),
            incident_id,
        )
    return publishing.read_post(
        PostDraft(
            kind=content.kind,
            title=title,
            status=content.status,
            body=body,
            idempotency_key=key,
            impact=content.impact,
            effects=content.effects,
            next_update_by=promised,
            notify=content.notify,
            scheduled_for=content.scheduled_for,
            scheduled_until=content.scheduled_until,
            auto_start=content.auto_start,
            auto_end=content.auto_end,
            severity=content.severity,
            incident=content.incident,
            record_links=content.record_links,
            acknowledged=content.acknowledged,
            texts=others,
        )
    )


def _new(session: Session, page_id: int, content: DraftContent, actor: Actor) -> Draft:
    """A new draft, to be written."""
    draft = Draft(page_id=page_id, kind=content.kind, status=content.status, created_by=actor.name, version=0)
    session.add(draft)
    session.flush()
    return draft


def _rewrite(session: Session, draft: Draft, content: DraftContent, actor: Actor) -> None:
    """Put the content into an open draft.  What was approved has to be approved again, if it says something else."""
    if draft.version and content_of(session, draft) == content:
        return
    states.edit(draft)
    draft.version += 1
    _write(session, draft.page_id, draft, content)
    draft.edited_by, draft.updated_at = actor.name, now()
    _note_editor(session, draft, actor)


def _write(session: Session, page_id: int, draft: Draft, content: DraftContent) -> None:
    """Put the content into the rows; SQLAlchemy writes those columns alone that differ."""
    texts.check_known(content.texts)
    for title, body in content.texts.values():
        if len(title) > TITLE_LIMIT:
            raise Invalid.field("title", f"Shorten the title to {TITLE_LIMIT} characters.")
        if len(body) > BODY_LIMIT:
            raise Invalid.field("body", f"Shorten the text to {BODY_LIMIT:,} characters.")
    draft.post_id = _post_id(session, page_id, content.post_id)
    draft.kind, draft.status = content.kind, content.status
    draft.base_version, draft.impact_override = content.base_version, content.impact
    draft.promise_minutes, draft.next_update_by = content.promise_minutes, content.next_update_by
    draft.notify, draft.acknowledged = content.notify, content.acknowledged
    draft.scheduled_for, draft.scheduled_until = content.scheduled_for, content.scheduled_until
    draft.auto_start, draft.auto_end = content.auto_start, content.auto_end
    draft.severity = content.severity
    draft.incident_id = incidents.row_id(session, content.incident) if content.incident else None
    draft.record_links_json = json.dumps([asdict(link) for link in content.record_links])
    kept = {one.language: one for one in draft.texts}
    draft.texts = [
        _text(kept.get(language) or DraftText(language=language), title, body)
        for language, (title, body) in content.texts.items()
    ]
    ids = _component_ids(session, page_id, [effect.component_id for effect in content.effects])
    moved = {one.component_id: one for one in draft.effects}
    draft.effects = [
        _effect(moved.get(ids[one.component_id]) or DraftEffect(component_id=ids[one.component_id]), one.status)
        for one in content.effects
    ]
    session.flush()


def _text(row: DraftText, title: str, body: str) -> DraftText:
    row.title, row.body = title, body
    return row


def _effect(row: DraftEffect, status: ComponentStatus | None) -> DraftEffect:
    row.status = status
    return row


def _post_id(session: Session, page_id: int, public_id: str) -> int | None:
    if not public_id:
        return None
    found = session.scalar(select(Post.id).where(Post.public_id == public_id, Post.page_id == page_id))
    if found is None:
        raise NotFound("Post not found.")
    return found


def _component_ids(session: Session, page_id: int, public_ids: Sequence[str]) -> dict[str, int]:
    """Row ids by public id.  Raises Invalid: one isn't this page's, or is named twice."""
    if len(set(public_ids)) != len(public_ids):
        raise Invalid.field("components", "A component is listed twice. List each component once.")
    rows = session.execute(
        select(Component.public_id, Component.id).where(
            Component.page_id == page_id, Component.public_id.in_(public_ids), Component.archived_at.is_(None)
        )
    )
    found = {row.public_id: row.id for row in rows}
    if len(found) != len(public_ids):
        raise Invalid.field("components", "One of the components doesn't exist on this page. Choose another.")
    return found


def _held(session: Session, page_id: int, public_id: str) -> Draft:
    """A draft of this page, locked.  Raises NotFound."""
    draft = session.scalar(
        select(Draft).where(Draft.public_id == public_id, Draft.page_id == page_id).with_for_update()
    )
    if draft is None:
        raise NotFound("Draft not found.")
    return draft


def _note_editor(session: Session, draft: Draft, actor: Actor) -> None:
    if actor.account_id is not None and session.get(DraftEditor, (draft.id, actor.account_id)) is None:
        session.add(DraftEditor(draft_id=draft.id, account_id=actor.account_id))


def _saved(change: Change, draft: Draft, verb: str, detail: str = "") -> SavedDraft:
    change.audit(verb, "draft", draft.public_id, detail)
    return SavedDraft(draft.public_id, draft.version, draft.state)


def _body(content: DraftContent, page: Page) -> str:
    return content.texts.get(own_language(content, page.locale), ("", ""))[1]
