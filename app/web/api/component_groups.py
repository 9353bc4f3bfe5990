"""Component groups: list, create, update, delete."""

from flask.typing import ResponseReturnValue

from app.actions.components import groups
from app.errors import Invalid, NotFound
from app.inputs.envelopes import GroupBody, GroupChangeBody
from app.inputs.lists import Part
from app.models.component import ComponentGroup
from app.publish.statuspage_json import Document
from app.publish.views import PageView
from app.vocabulary import Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged
from app.web.api.documents import group_documents
from app.web.api.paging import chosen_of

route = tagged("Components")
LISTED = "/pages/<page_id>/component-groups"
ONE = f"{LISTED}/<group_id>"


@route(LISTED, "GET", scope=Scope.READ, asks=Part, answers=list[outputs.ComponentGroupOutput])
def list_groups(page: PageView) -> ResponseReturnValue:
    """List the page's component groups, each with the ids of its components."""
    return list(chosen_of(group_documents(page)))


@route(
    LISTED,
    "POST",
    scope=Scope.COMPONENTS,
    takes=GroupBody,
    answers=outputs.ComponentGroupOutput,
    status=201,
    refuses=(409,),
)
def create_group(page: PageView) -> ResponseReturnValue:
    """Create a group of existing components."""
    given = bodies.read(GroupBody)
    group = given.component_group
    if not group.components:
        raise Invalid.field("components", "Enter the id of at least one component of this page.")
    made = groups.create_group(
        settings(),
        bearer().actor,
        page.id,
        name=group.name,
        description=(group.description if given.description is None else given.description) or "",
        members=list(group.components),
        texts=group.texts,
    )
    return _one(page, made), 201


@route(ONE, "GET", scope=Scope.READ, answers=outputs.ComponentGroupOutput)
def read_group(page: PageView, group_id: str) -> ResponseReturnValue:
    """Get one component group."""
    return _one(page, group_id)


@route(
    ONE,
    "PUT",
    "PATCH",
    scope=Scope.COMPONENTS,
    takes=GroupChangeBody,
    answers=outputs.ComponentGroupOutput,
    refuses=(409,),
)
def edit_group(page: PageView, group_id: str) -> ResponseReturnValue:
    """Update a component group. Fields that you leave out stay as they are."""
    _one(page, group_id)
    given = bodies.read(GroupChangeBody)
    group = given.component_group
    groups.edit_group(
        settings(),
        bearer().actor,
        page.id,
        group_id,
        name=group.name,
        description=group.description if given.description is None else given.description,
        members=None if group.components is None else list(group.components),
        texts=group.texts,
    )
    return _one(page, group_id)


@route(ONE, "DELETE", scope=Scope.COMPONENTS, answers=outputs.ComponentGroupOutput)
def delete_group(page: PageView, group_id: str) -> ResponseReturnValue:
    """Delete a component group. Its components stay."""
    before = _one(page, group_id)
    groups.delete_group(settings(), bearer().actor, page.id, group_id, keep_components=True)
    return before


def _one(page: PageView, public_id: str) -> Document:
    found = group_documents(page, ComponentGroup.public_id == public_id)
    if not found:
        raise NotFound("Group not found.")
    return found[0]
