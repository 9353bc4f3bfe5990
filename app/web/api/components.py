"""Components: listed, made, changed, put away."""

from typing import Any

from flask.typing import ResponseReturnValue

from app.actions import components as actions
from app.actions.components import ComponentFacts
from app.errors import NotFound
from app.models.component import Component
from app.publish.views import PageView
from app.vocabulary import ComponentStatus, Scope
from app.web.api import reading
from app.web.api.blueprint import bearer, route, settings
from app.web.api.documents import Document, component_documents
from app.web.api.paging import chosen_of

LISTED = "/pages/<page_id>/components"
ONE = f"{LISTED}/<component_id>"


@route(LISTED, "GET", scope=Scope.READ)
def list_components(page: PageView) -> ResponseReturnValue:
    """The page's components, by position."""
    return list(chosen_of(component_documents(page)))


@route(LISTED, "POST", scope=Scope.COMPONENTS)
def create_component(page: PageView) -> ResponseReturnValue:
    """Make a component."""
    given = reading.wrapped("component")
    made = actions.create_component(
        settings(), bearer().actor, page.id,
        name=reading.text(given, "name") or "", description=reading.text(given, "description") or "",
        group_public_id=reading.text(given, "group_id") or None,
        status=reading.component_status(reading.text(given, "status") or ComponentStatus.OPERATIONAL),
        facts=_facts(given),
    )  # fmt: skip
    return _one(page, made), 201


@route(ONE, "GET", scope=Scope.READ)
def read_component(page: PageView, component_id: str) -> ResponseReturnValue:
    """One component."""
    return _one(page, component_id)


@route(ONE, "PUT", "PATCH", scope=Scope.COMPONENTS)
def edit_component(page: PageView, component_id: str) -> ResponseReturnValue:
    """Change what is given of a component; a new status notifies nobody."""
    _one(page, component_id)
    given = reading.wrapped("component")
    status = reading.text(given, "status")
    actions.edit_component(
        settings(), bearer().actor, component_id,
        name=reading.text(given, "name"), description=reading.text(given, "description"),
        group_public_id=reading.text(given, "group_id") or None, keeps_group="group_id" not in given,
        facts=_facts(given), status=reading.component_status(status) if status else None,
    )  # fmt: skip
    return _one(page, component_id)


@route(ONE, "DELETE", scope=Scope.COMPONENTS)
def delete_component(page: PageView, component_id: str) -> ResponseReturnValue:
    """Put a component away; its history is kept."""
    _one(page, component_id)
    actions.archive_component(settings(), bearer().actor, component_id)
    return "", 204


def _one(page: PageView, public_id: str) -> Document:
    found = component_documents(page, Component.public_id == public_id)
    if not found:
        raise NotFound("There is no such component.")
    return found[0]


def _facts(given: dict[str, Any]) -> ComponentFacts:
    return ComponentFacts(
        reading.flag(given, "showcase"), reading.flag(given, "only_show_if_degraded"), reading.day(given, "start_date")
    )
