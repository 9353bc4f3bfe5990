"""Reads posts with all that belongs to them: eight queries, however many posts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from app.models.component import Component
from app.models.post import (
    Post,
    PostComponent,
    PostRevision,
    PostText,
    Update,
    UpdateEffect,
    UpdateRevision,
    UpdateText,
)
from app.publish.views import EffectView, FormerFacts, PostView, RevisionView, Translations, UpdateView
from app.vocabulary import ComponentStatus

Where = Sequence[ColumnElement[bool]]
Names = Mapping[str, Translations]
"""Components' names in other languages, by public id."""


def read_posts(session: Session, where: Where, names: Names | None = None) -> tuple[PostView, ...]:
    """The posts that fit, newest first, each with its updates newest first.  Hidden components are left out, and all
    that was withdrawn is left out here: nothing below can show it by mistake.

    `names` are what components are called in other languages, where that is wanted.
    """
    updates = _updates(session, where, names or {})
    titles = read_titles(session, where)
    components = _components(session, where)
    former = _former_facts(session, where)
    rows = session.execute(select(*_POST_COLUMNS).where(*where).order_by(Post.started_at.desc(), Post.id.desc()))
    found = []
    for row in rows:
        said = () if row.withdrawn_at is not None else updates.get(row.id, ())
        found.append(
            PostView(
                id=row.id,
                public_id=row.public_id,
                kind=row.kind,
                title=WITHDRAWN_TITLE if row.withdrawn_at is not None else row.title,
                status=row.status,
                impact=row.impact,
                started_at=row.started_at,
                created_at=row.created_at,
                updated_at=row.updated_at,
                monitoring_at=row.monitoring_at,
                resolved_at=row.resolved_at,
                closed_at=row.closed_at,
                scheduled_for=row.scheduled_for,
                scheduled_until=row.scheduled_until,
                next_update_by=row.next_update_by,
                updates=tuple(one for one in said if one.withdrawn_at is None),
                component_ids=tuple(filter(None, components.get(row.id, ()))),
                is_tied=row.id in components,
                is_pinned=row.pinned,
                changed_revision=row.changed_revision,
                version=row.version,
                withdrawn=tuple(one for one in said if one.withdrawn_at is not None),
                withdrawn_at=row.withdrawn_at,
                former_facts=() if row.withdrawn_at is not None else tuple(former.get(row.id, ())),
                titles={} if row.withdrawn_at is not None else titles.get(row.id, {}),
            )
        )
    return tuple(found)


WITHDRAWN_TITLE = "Withdrawn"
_POST_COLUMNS = (
    Post.id, Post.public_id, Post.kind, Post.title, Post.status, Post.impact, Post.started_at, Post.created_at,
    Post.updated_at, Post.monitoring_at, Post.resolved_at, Post.closed_at, Post.scheduled_for, Post.scheduled_until,
    Post.next_update_by, Post.pinned, Post.changed_revision, Post.version, Post.withdrawn_at,
)  # fmt: skip


def _updates(session: Session, where: Where, names: Names) -> dict[int, list[UpdateView]]:
    effects = _effects(session, where, names)
    bodies, htmls = _texts(session, where)
    revisions = _revisions(session, where)
    found: dict[int, list[UpdateView]] = {}
    rows = session.execute(
        select(
            Update.post_id, Update.id, Update.public_id, Update.sequence, Update.status, Update.body,
            Update.body_html, Update.display_at, Update.created_at, Update.updated_at, Update.corrected_at,
            Update.next_update_by, Update.notify, Update.withdrawn_at,
        )
        .join(Post, Post.id == Update.post_id)
        .where(*where)
        .order_by(Update.display_at.desc(), Update.sequence.desc())
    )  # fmt: skip
    for row in rows:
        view = stub_of(row)
        if row.withdrawn_at is None:
            view = replace(
                view,
                body=row.body,
                body_html=row.body_html,
                corrected_at=row.corrected_at,
                next_update_by=row.next_update_by,
                effects=tuple(effects.get(row.id, ())),
                revisions=tuple(revisions.get(row.id, ())),
                bodies=bodies.get(row.id, {}),
                htmls=htmls.get(row.id, {}),
            )
        found.setdefault(row.post_id, []).append(view)
    return found


def stub_of(row: Any) -> UpdateView:
    """What is known of an update that was withdrawn, alone or with its post."""
    return UpdateView(
        id=row.id,
        public_id=row.public_id,
        sequence=row.sequence,
        status=row.status,
        body="",
        body_html="",
        display_at=row.display_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        corrected_at=None,
        next_update_by=None,
        notify=row.notify,
        withdrawn_at=row.withdrawn_at,
    )


def _former_facts(session: Session, where: Where) -> dict[int, list[FormerFacts]]:
    found: dict[int, list[FormerFacts]] = {}
    rows = session.scalars(
        select(PostRevision).join(Post, Post.id == PostRevision.post_id).where(*where).order_by(PostRevision.id.desc())
    )
    for row in rows:
        view = FormerFacts(
            replaced_at=row.replaced_at,
            title=row.title,
            impact=row.impact,
            scheduled_for=row.scheduled_for,
            scheduled_until=row.scheduled_until,
            components=tuple(row.components.splitlines()) if row.components is not None else None,
            language=row.language,
        )
        found.setdefault(row.post_id, []).append(view)
    return found


def read_titles(session: Session, where: Where) -> dict[int, dict[str, str]]:
    """The posts' titles in other languages than the page's own, by row id."""
    found: dict[int, dict[str, str]] = {}
    columns = (PostText.post_id, PostText.language, PostText.title)
    for post_id, language, title in session.execute(select(*columns).join(Post).where(*where)):
        found.setdefault(post_id, {})[language] = title
    return found


def _texts(session: Session, where: Where) -> tuple[dict[int, dict[str, str]], dict[int, dict[str, str]]]:
    """The texts of updates in other languages, as they were written and as HTML."""
    bodies: dict[int, dict[str, str]] = {}
    htmls: dict[int, dict[str, str]] = {}
    columns = (UpdateText.update_id, UpdateText.language, UpdateText.body, UpdateText.body_html)
    statement = _of_updates(select(*columns).join(Update, Update.id == UpdateText.update_id), where)
    for update_id, language, body, html in session.execute(statement):
        bodies.setdefault(update_id, {})[language] = body
        htmls.setdefault(update_id, {})[language] = html
    return bodies, htmls


def _effects(session: Session, where: Where, names: Names) -> dict[int, list[EffectView]]:
    found: dict[int, list[EffectView]] = {}
    statement = _of_updates(
        select(
            UpdateEffect.update_id, Component.public_id, UpdateEffect.name, UpdateEffect.from_status,
            UpdateEffect.to_status,
        )
        .join(Component, Component.id == UpdateEffect.component_id)
        .join(Update, Update.id == UpdateEffect.update_id),
        where,
    ).where(Component.visible).order_by(UpdateEffect.id)  # fmt: skip
    for update_id, component_id, name, before, after in session.execute(statement):
        view = EffectView(
            component_id=component_id,
            name=name,
            from_status=ComponentStatus(before),
            to_status=ComponentStatus(after),
            names=names.get(component_id, {}),
        )
        found.setdefault(update_id, []).append(view)
    return found


def _revisions(session: Session, where: Where) -> dict[int, list[RevisionView]]:
    found: dict[int, list[RevisionView]] = {}
    statement = _of_updates(
        select(
            UpdateRevision.update_id, UpdateRevision.body_html, UpdateRevision.replaced_at, UpdateRevision.display_at,
            UpdateRevision.status, UpdateRevision.language,
        ).join(Update, Update.id == UpdateRevision.update_id),
        where,
    ).order_by(UpdateRevision.id.desc())  # fmt: skip
    for update_id, *former in session.execute(statement):
        found.setdefault(update_id, []).append(RevisionView(*former))
    return found


def _components(session: Session, where: Where) -> dict[int, list[str | None]]:
    """The components of each post: the public id of a visible one, None for a hidden one."""
    found: dict[int, list[str | None]] = {}
    statement = (
        select(PostComponent.post_id, Component.public_id, Component.visible)
        .join(Component, Component.id == PostComponent.component_id)
        .join(Post, Post.id == PostComponent.post_id)
        .where(*where)
        .order_by(Component.position, Component.id)
    )
    for post_id, component_id, visible in session.execute(statement):
        found.setdefault(post_id, []).append(component_id if visible else None)
    return found


def _of_updates(statement: Select[*tuple[Any, ...]], where: Where) -> Select[*tuple[Any, ...]]:
    return statement.join(Post, Post.id == Update.post_id).where(*where)
