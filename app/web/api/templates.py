"""Incident templates: list and create."""

from collections.abc import Mapping, Sequence

from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.actions.posts import templates as actions
from app.db import session
from app.inputs.envelopes import TemplateBody
from app.inputs.lists import Part
from app.models.component import Component
from app.models.incident_template import IncidentTemplate, TemplateText
from app.publish.statuspage_json import Document
from app.publish.views import PageView
from app.vocabulary import Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged
from app.web.api.documents import component_documents
from app.web.api.paging import chosen

route = tagged("Templates")
LISTED = "/pages/<page_id>/incident_templates"


@route(LISTED, "GET", scope=Scope.POSTS, asks=Part, answers=list[outputs.TemplateOutput])
def list_templates(page: PageView) -> ResponseReturnValue:
    """The page's templates, by name."""
    query = select(IncidentTemplate).where(IncidentTemplate.page_id == page.id)
    rows = chosen(query.order_by(IncidentTemplate.name, IncidentTemplate.id))
    texts = _texts([row.id for row in rows])
    return [_document(page, row, texts) for row in rows]


@route(
    LISTED, "POST", scope=Scope.POSTS, takes=TemplateBody, answers=outputs.TemplateOutput, status=201, refuses=(409,)
)
def create_template(page: PageView) -> ResponseReturnValue:
    """Prepare words."""
    given = bodies.read(TemplateBody).template
    words = actions.TemplateDraft(
        name=given.name,
        title=given.title,
        body=given.body,
        status=given.status,
        notify=given.notify,
        component_ids=given.component_ids,
        texts=given.texts,
    )
    made = actions.create_template(settings(), bearer().actor, page.id, words)
    row = session().scalars(select(IncidentTemplate).where(IncidentTemplate.public_id == made)).one()
    return _document(page, row, _texts([row.id])), 201


def _texts(row_ids: Sequence[int]) -> dict[int, Document]:
    found: dict[int, Document] = {}
    statement = select(TemplateText).where(TemplateText.template_id.in_(row_ids)).order_by(TemplateText.language)
    for row in session().scalars(statement):
        found.setdefault(row.template_id, {})[row.language] = {"title": row.title, "body": row.body}
    return found


def _document(page: PageView, row: IncidentTemplate, texts: Mapping[int, Document]) -> Document:
    named = [one for one in row.component_ids.split(",") if one]
    return {
        "id": row.public_id,
        "components": component_documents(page, Component.public_id.in_(named)) if named else [],
        "name": row.name, "title": row.title, "body": row.body, "group_id": None, "update_status": row.status,
        "should_tweet": False, "should_send_notifications": row.notify,
        **({"texts": texts.get(row.id, {})} if bodies.is_ours() else {}),
    }  # fmt: skip
