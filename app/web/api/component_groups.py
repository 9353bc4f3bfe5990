"""Component groups: listed, made, changed, taken away."""

from typing import Any

from flask.typing import ResponseReturnValue

from app.actions import component_groups as actions
from app.errors import Invalid, NotFound
from app.models.component import ComponentGroup
from app.publish.views import PageView
from app.vocabulary import Scope
from app.web.api import reading
from app.web.api.blueprint import bearer, route, settings
from app.web.api.documents import Document, group_documents
from app.web.api.paging import chosen_of

LISTED = "/pages/<page_id>/component-groups"
ONE = f"{LISTED}/<group_id>"


@route(LISTED, "GET", scope=Scope.READ)
def list_groups(page: PageView) -> ResponseReturnValue:
    """The page's groups, each with the ids of its components."""
    return list(chosen_of(group_documents(page)))


@route(LISTED, "POST", scope=Scope.COMPONENTS)
def create_group(page: PageView) -> ResponseReturnValue:
    """Make a group of components that are there already."""
    given = reading.wrapped("component_group")
    members = reading.words(given, "components")
    if not members:
        raise Invalid.field("components", "Name at least one component, and only components of this page.")
    made = actions.create_group(
        settings(), bearer().actor, page.id,
        name=reading.text(given, "name") or "", description=_description(given) or "", members=members,
    )  # fmt: skip
    return _one(page, made), 201


@route(ONE, "GET", scope=Scope.READ)
def read_group(page: PageView, group_id: str) -> ResponseReturnValue:
    """One group."""
    return _one(page, group_id)


@route(ONE, "PUT", "PATCH", scope=Scope.COMPONENTS)
def edit_group(page: PageView, group_id: str) -> ResponseReturnValue:
    """Change what is given of a group."""
    _one(page, group_id)
    given = reading.wrapped("component_group")
    actions.edit_group(
        settings(), bearer().actor, group_id,
        name=reading.text(given, "name"), description=_description(given), members=reading.words(given, "components"),
    )  # fmt: skip
    return _one(page, group_id)


@route(ONE, "DELETE", scope=Scope.COMPONENTS)
def delete_group(page: PageView, group_id: str) -> ResponseReturnValue:
    """Take a group away; its components stay."""
    before = _one(page, group_id)
    actions.delete_group(settings(), bearer().actor, group_id, keep_components=True)
    return before


def _description(given: dict[str, Any]) -> str | None:
    """Statuspage has it beside the group, and not in it; both are taken."""
    beside = reading.text(reading.body(), "description")
    return reading.text(given, "description") if beside is None else beside


def _one(page: PageView, public_id: str) -> Document:
    found = group_documents(page, ComponentGroup.public_id == public_id)
    if not found:
        raise NotFound("There is no such group.")
    return found[0]
