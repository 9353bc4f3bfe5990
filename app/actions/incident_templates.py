"""Words prepared for posts."""

from dataclasses import dataclass

from sqlalchemy import func, select

from app.actions import audit
from app.actions.revisions import lock_page
from app.db import transaction
from app.errors import Conflict, Invalid
from app.models.component import Component
from app.models.incident_template import IncidentTemplate
from app.shapes import Actor
from app.text import BODY_LIMIT, TITLE_LIMIT, clean_field
from app.vocabulary import PostStatus

NAME_LIMIT = 100
MOST_TEMPLATES = 500


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """What was typed for a template."""

    name: str
    title: str
    body: str
    status: str
    notify: bool = True
    component_ids: tuple[str, ...] = ()


def create_template(actor: Actor, page_id: int, draft: TemplateDraft) -> str:
    """Keep words for posts to come; the template's public id.

    Raises:
        Invalid: a field can not be taken, or a component is not this page's.
        Conflict: the page has enough of them.
        NotFound: there is no such page.
    """
    name = clean_field(draft.name, name="name", label="The name", limit=NAME_LIMIT)
    title = clean_field(draft.title, name="title", label="The title", limit=TITLE_LIMIT)
    body = clean_field(draft.body, name="body", label="The text", limit=BODY_LIMIT, multiline=True)
    if draft.status not in set(PostStatus) - {PostStatus.POSTMORTEM, PostStatus.CANCELLED}:
        raise Invalid.field("update_status", "There is no such status.")
    with transaction() as session:
        lock_page(session, page_id)
        live = (Component.page_id == page_id, Component.archived_at.is_(None))
        found = session.scalar(
            select(func.count(Component.id)).where(*live, Component.public_id.in_(draft.component_ids))
        )
        if found != len(set(draft.component_ids)):
            raise Invalid.field("component_ids", "One of the components is not on this page.")
        held = session.scalar(select(func.count(IncidentTemplate.id)).where(IncidentTemplate.page_id == page_id)) or 0
        if held >= MOST_TEMPLATES:
            raise Conflict(f"There are {MOST_TEMPLATES} templates already.")
        row = IncidentTemplate(
            page_id=page_id, name=name, title=title, body=body, status=draft.status, notify=draft.notify,
            component_ids=",".join(dict.fromkeys(draft.component_ids)),
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(session, actor, "create", "template", row.public_id, name)
        return row.public_id
