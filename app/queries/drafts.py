"""Drafts: the open ones of a page, and the content of one."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from app.errors import NotFound
from app.models.component import Component
from app.models.draft import Draft, DraftEffect
from app.models.incident import Incident
from app.models.page import Page
from app.models.post import Post, Update
from app.shapes import ComponentEffect, DraftContent, RecordLinkDraft
from app.vocabulary import DraftState, PostKind, PostStatus

OPEN = tuple(state for state in DraftState if state.is_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftView:
    """One draft as lists, the API and forms show it.

    `post_id`, `post_title` and `update_id` are empty where there is none.  `content_hash` is what an approval is bound
    to.  `title` and `body` are those in `language`: the page's own where the draft has a text in it.
    `is_waiting` says that it was published, and that its page waits for the hold to end.
    """

    public_id: str
    state: DraftState
    kind: PostKind
    status: PostStatus
    title: str
    body: str
    language: str
    post_id: str
    post_title: str
    update_id: str
    publish_at: datetime | None
    is_waiting: bool
    problem: str
    edited_by: str
    created_at: datetime
    updated_at: datetime
    version: int
    content: DraftContent
    content_hash: str


def draft(session: Session, page_id: int, public_id: str) -> DraftView:
    """One draft of a page.  A fixed number of queries.

    Raises:
        NotFound: this page doesn't have that draft.
    """
    found = _views(session, session.scalars(_drafts(page_id).where(Draft.public_id == public_id)).all())
    if not found:
        raise NotFound("Draft not found.")
    return found[0]


def open_drafts(session: Session, page_id: int, post_public_id: str | None = None) -> list[DraftView]:
    """The drafts of a page, or those of one post, that can still be published; the newest first."""
    query = _drafts(page_id).where(Draft.state.in_(OPEN)).order_by(Draft.updated_at.desc(), Draft.id.desc())
    if post_public_id is not None:
        query = query.join(Post, Post.id == Draft.post_id).where(Post.public_id == post_public_id)
    return _views(session, session.scalars(query).all())


def content_of(session: Session, row: Draft) -> DraftContent:
    """What a draft holds."""
    return _views(session, [row])[0].content


def own_language(content: DraftContent, locale: str) -> str:
    """The language of the text that goes into the page's main fields; `locale` is the page's."""
    return locale if locale in content.texts else next(iter(content.texts), locale)


def content_hash(content: DraftContent) -> str:
    """The SHA-256, in hexadecimal, of everything that would be published.

    What is left at its default isn't in it: so what was approved before drafts had a field stays approved.
    """
    defaults = {one.name: one.default for one in fields(content)}
    facts = asdict(replace(content, acknowledged=False))
    said = {name: value for name, value in facts.items() if value != defaults[name]}
    canonical = json.dumps(said, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def in_order(effects: Iterable[ComponentEffect]) -> tuple[ComponentEffect, ...]:
    """Effects in one fixed order, so that the same content compares and hashes the same."""
    return tuple(sorted(effects, key=lambda effect: effect.component_id))


def _drafts(page_id: int) -> Select[Draft]:
    return select(Draft).where(Draft.page_id == page_id).options(selectinload(Draft.texts), selectinload(Draft.effects))


def _views(session: Session, rows: Sequence[Draft]) -> list[DraftView]:
    posts = {
        row.id: (row.public_id, row.title)
        for row in session.execute(
            select(Post.id, Post.public_id, Post.title).where(Post.id.in_([one.post_id for one in rows if one.post_id]))
        )
    }
    updates: dict[int | None, str] = {
        row.id: row.public_id
        for row in session.execute(
            select(Update.id, Update.public_id).where(Update.id.in_([one.update_id for one in rows if one.update_id]))
        )
    }
    components: dict[int, str] = {
        row.id: row.public_id
        for row in session.execute(
            select(Component.id, Component.public_id)
            .join(DraftEffect, DraftEffect.component_id == Component.id)
            .where(DraftEffect.draft_id.in_([one.id for one in rows]))
            .distinct()
        )
    }
    incidents: dict[int | None, str] = {
        row.id: row.public_id
        for row in session.execute(
            select(Incident.id, Incident.public_id).where(
                Incident.id.in_([one.incident_id for one in rows if one.incident_id])
            )
        )
    }
    locale = session.get_one(Page, rows[0].page_id).locale if rows else ""
    return [_view(row, locale, posts, updates, incidents, components) for row in rows]


def _view(
    row: Draft,
    locale: str,
    posts: dict[int, tuple[str, str]],
    updates: dict[int | None, str],
    incidents: dict[int | None, str],
    components: dict[int, str],
) -> DraftView:
    post_id, post_title = posts.get(row.post_id or 0, ("", ""))
    content = DraftContent(
        kind=row.kind,
        status=row.status,
        texts={one.language: (one.title, one.body) for one in row.texts},
        post_id=post_id,
        base_version=row.base_version,
        impact=row.impact_override,
        effects=in_order(ComponentEffect(components[one.component_id], one.status) for one in row.effects),
        promise_minutes=row.promise_minutes,
        next_update_by=row.next_update_by,
        notify=row.notify,
        scheduled_for=row.scheduled_for,
        scheduled_until=row.scheduled_until,
        auto_start=row.auto_start,
        auto_end=row.auto_end,
        severity=row.severity,
        incident=incidents.get(row.incident_id, ""),
        record_links=tuple(RecordLinkDraft(**link) for link in json.loads(row.record_links_json)),
        acknowledged=row.acknowledged,
    )
    language = own_language(content, locale)
    title, body = content.texts.get(language, ("", ""))
    return DraftView(
        public_id=row.public_id,
        state=row.state,
        kind=row.kind,
        status=row.status,
        title=title,
        body=body,
        language=language,
        post_id=post_id,
        post_title=post_title,
        update_id=updates.get(row.update_id, ""),
        publish_at=row.publish_at,
        is_waiting=row.state is DraftState.SCHEDULED and row.idempotency_key is not None,
        problem=row.problem,
        edited_by=row.edited_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
        content=content,
        content_hash=content_hash(content),
    )
