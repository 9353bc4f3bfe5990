"""Templates for posts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.actions.frame import Change, changing
from app.actions.translating import read_words, replace_words
from app.clock import now
from app.errors import Conflict, Invalid, NotFound
from app.inputs.fields import POST_TEXTS
from app.models.component import Component
from app.models.incident_template import IncidentTemplate, TemplateText
from app.settings import Settings
from app.shapes import Actor
from app.text import BODY_LIMIT, TITLE_LIMIT, clean_field
from app.vocabulary import PostStatus, Role

NAME_LIMIT = 100
MOST_TEMPLATES = 500
STATUSES = tuple(status for status in PostStatus if status not in {PostStatus.POSTMORTEM, PostStatus.CANCELLED})
"""What a prepared statement may say."""


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """What was typed for a template.

    `texts` are `title` and `body` in languages other than the page's own; None leaves them as they are.
    """

    name: str
    title: str
    body: str
    status: str
    notify: bool = True
    component_ids: tuple[str, ...] = ()
    texts: Mapping[str, Mapping[str, str]] | None = None


def create_template(settings: Settings, actor: Actor, page_id: int, draft: TemplateDraft) -> str:
    """Keep words for posts to come; the template's public id.

    Raises:
        Invalid: a field is invalid, or a component isn't this page's.
        Conflict: the page has enough of them.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        draft, session = _read(draft), change.session
        _check_components(session, page_id, draft)
        held = session.scalar(select(func.count(IncidentTemplate.id)).where(IncidentTemplate.page_id == page_id)) or 0
        if held >= MOST_TEMPLATES:
            raise Conflict(f"This page has {MOST_TEMPLATES} templates, which is the limit. Delete one first.")
        row = IncidentTemplate(page_id=page_id, **_values(draft))
        session.add(row)
        session.flush()
        _set_texts(change, row, draft)
        change.audit("create", "template", row.public_id, draft.name, after=_facts(row))
        return row.public_id


def edit_template(settings: Settings, actor: Actor, page_id: int, public_id: str, draft: TemplateDraft) -> None:
    """Change a template; posts that were begun with it stay as they are.

    Raises:
        Invalid, NotAllowed: as `create_template`.
        NotFound: this page doesn't have that template.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        draft, session = _read(draft), change.session
        row = _held(session, page_id, public_id)
        before = _facts(row)
        _check_components(session, page_id, draft)
        for name, value in _values(draft).items():
            setattr(row, name, value)
        _set_texts(change, row, draft)
        row.updated_at = now()
        change.audit("edit", "template", public_id, draft.name, before=before, after=_facts(row))


def delete_template(settings: Settings, actor: Actor, page_id: int, public_id: str) -> None:
    """Take a template away; posts that were begun with it stay as they are.

    Raises:
        NotAllowed: as `create_template`.
        NotFound: this page doesn't have that template.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        row = _held(change.session, page_id, public_id)
        change.session.delete(row)
        change.audit("delete", "template", public_id, row.name, before=_facts(row))


def _set_texts(change: Change, row: IncidentTemplate, draft: TemplateDraft) -> None:
    if draft.texts is not None:
        words = read_words(POST_TEXTS, change.page, draft.texts)
        replace_words(change.session, TemplateText.template_id, row.id, words)


def _read(draft: TemplateDraft) -> TemplateDraft:
    """The draft, cleaned.  Raises Invalid."""
    if draft.status not in STATUSES:
        raise Invalid.field("update_status", "Choose a valid status.")
    return replace(
        draft,
        name=clean_field(draft.name, name="name", label="The name", limit=NAME_LIMIT),
        title=clean_field(draft.title, name="title", label="The title", limit=TITLE_LIMIT),
        body=clean_field(draft.body, name="body", label="The text", limit=BODY_LIMIT, multiline=True),
        component_ids=tuple(dict.fromkeys(draft.component_ids)),
    )


def _check_components(session: Session, page_id: int, draft: TemplateDraft) -> None:
    live = (Component.page_id == page_id, Component.archived_at.is_(None))
    found = session.scalar(select(func.count(Component.id)).where(*live, Component.public_id.in_(draft.component_ids)))
    if found != len(draft.component_ids):
        raise Invalid.field("component_ids", "One of the components isn't on this page.")


def _values(draft: TemplateDraft) -> dict[str, object]:
    return {
        "name": draft.name, "title": draft.title, "body": draft.body, "status": draft.status, "notify": draft.notify,
        "component_ids": ",".join(draft.component_ids),
    }  # fmt: skip


def _facts(row: IncidentTemplate) -> dict[str, object]:
    """What the audit line says of a template; its text isn't kept there."""
    return {name: getattr(row, name) for name in ("name", "title", "status", "notify", "component_ids")}


def _held(session: Session, page_id: int, public_id: str) -> IncidentTemplate:
    row = session.scalar(
        select(IncidentTemplate)
        .where(IncidentTemplate.page_id == page_id, IncidentTemplate.public_id == public_id)
        .with_for_update()
    )
    if row is None:
        raise NotFound("Template not found.")
    return row
