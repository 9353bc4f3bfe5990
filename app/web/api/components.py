"""Components: list, create, update, archive."""

from flask.typing import ResponseReturnValue

from app.actions.components import components as actions
from app.actions.components.components import ComponentFacts
from app.errors import NotFound
from app.inputs.components import ComponentChangeInput
from app.inputs.envelopes import ComponentBody, ComponentChangeBody
from app.inputs.lists import Part
from app.models.component import Component
from app.publish.statuspage_json import Document
from app.publish.views import PageView
from app.vocabulary import Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged
from app.web.api.documents import component_documents
from app.web.api.paging import chosen_of

route = tagged("Components")
LISTED = "/pages/<page_id>/components"
ONE = f"{LISTED}/<component_id>"


@route(LISTED, "GET", scope=Scope.READ, asks=Part, answers=list[outputs.ComponentOutput])
def list_components(page: PageView) -> ResponseReturnValue:
    """List the page's components, by position."""
    return list(chosen_of(component_documents(page)))


@route(
    LISTED,
    "POST",
    scope=Scope.COMPONENTS,
    takes=ComponentBody,
    answers=outputs.ComponentOutput,
    status=201,
    refuses=(409,),
)
def create_component(page: PageView) -> ResponseReturnValue:
    """Create a component."""
    given = bodies.read(ComponentBody).component
    made = actions.create_component(
        settings(),
        bearer().actor,
        page.id,
        name=given.name,
        description=given.description or "",
        group_public_id=given.group_id or None,
        status=given.status,
        facts=_facts(given),
        texts=given.texts,
    )
    return _one(page, made), 201


@route(ONE, "GET", scope=Scope.READ, answers=outputs.ComponentOutput)
def read_component(page: PageView, component_id: str) -> ResponseReturnValue:
    """Get one component."""
    return _one(page, component_id)


@route(
    ONE,
    "PUT",
    "PATCH",
    scope=Scope.COMPONENTS,
    takes=ComponentChangeBody,
    answers=outputs.ComponentOutput,
    refuses=(409,),
)
def edit_component(page: PageView, component_id: str) -> ResponseReturnValue:
    """Update a component. A new status doesn't notify subscribers."""
    _one(page, component_id)
    given = bodies.read(ComponentChangeBody).component
    actions.edit_component(
        settings(),
        bearer().actor,
        page.id,
        component_id,
        name=given.name,
        description=given.description,
        group_public_id=given.group_id or None,
        keeps_group="group_id" not in given.given,
        facts=_facts(given),
        texts=given.texts,
        status=given.status,
    )
    return _one(page, component_id)


@route(ONE, "DELETE", scope=Scope.COMPONENTS, status=204)
def delete_component(page: PageView, component_id: str) -> ResponseReturnValue:
    """Archive a component. Its history is kept."""
    _one(page, component_id)
    actions.archive_component(settings(), bearer().actor, page.id, component_id)
    return "", 204


def _one(page: PageView, public_id: str) -> Document:
    found = component_documents(page, Component.public_id == public_id)
    if not found:
        raise NotFound("Component not found.")
    return found[0]


def _facts(given: ComponentChangeInput) -> ComponentFacts:
    return ComponentFacts(
        showcase=given.showcase,
        only_show_if_degraded=given.only_show_if_degraded,
        start_date=given.start_date,
    )
