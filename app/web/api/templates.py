"""Incident templates: listed and made."""

from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.actions import incident_templates as actions
from app.db import session
from app.models.component import Component
from app.models.incident_template import IncidentTemplate
from app.publish.views import PageView
from app.vocabulary import Scope
from app.web.api import reading
from app.web.api.blueprint import bearer, route
from app.web.api.documents import Document, component_documents
from app.web.api.paging import chosen

LISTED = "/pages/<page_id>/incident_templates"


@route(LISTED, "GET", scope=Scope.POSTS)
def list_templates(page: PageView) -> ResponseReturnValue:
    """The page's templates, by name."""
    query = select(IncidentTemplate).where(IncidentTemplate.page_id == page.id)
    rows = chosen(query.order_by(IncidentTemplate.name, IncidentTemplate.id))
    return [_document(page, row) for row in rows]


@route(LISTED, "POST", scope=Scope.POSTS)
def create_template(page: PageView) -> ResponseReturnValue:
    """Prepare words."""
    given = reading.wrapped("template")
    words = actions.TemplateDraft(
        name=reading.text(given, "name") or "", title=reading.text(given, "title") or "",
        body=reading.text(given, "body") or "", status=reading.text(given, "update_status") or "investigating",
        notify=reading.flag(given, "should_send_notifications") is not False,
        component_ids=tuple(reading.words(given, "component_ids") or ()),
    )  # fmt: skip
    made = actions.create_template(bearer().actor, page.id, words)
    row = session().scalars(select(IncidentTemplate).where(IncidentTemplate.public_id == made)).one()
    return _document(page, row), 201


def _document(page: PageView, row: IncidentTemplate) -> Document:
    named = [one for one in row.component_ids.split(",") if one]
    return {
        "id": row.public_id,
        "components": component_documents(page, Component.public_id.in_(named)) if named else [],
        "name": row.name, "title": row.title, "body": row.body, "group_id": None, "update_status": row.status,
        "should_tweet": False, "should_send_notifications": row.notify,
    }  # fmt: skip
