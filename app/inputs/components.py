"""Components and their groups, as people and programs send them."""

from typing import Annotated

from pydantic import Field

from app.inputs.base import Input
from app.inputs.fields import (
    NAME_LIMIT,
    ComponentStatusChoice,
    Day,
    Description,
    Exact,
    Flag,
    Ids,
    Name,
    Prose,
)
from app.vocabulary import ComponentStatus

GroupId = Annotated[str, Exact("The group's id", 32, "kctbh9vrtdwd", "[a-z0-9]{1,32}", is_required=False)]
GroupName = Annotated[str, Prose("The group's name", NAME_LIMIT, example="Europe")]


class ComponentChange(Input):
    """What changes about a component. What is left out stays as it is."""

    model_config = {"json_schema_extra": {"examples": [{"status": "partial_outage"}]}}

    name: Name | None = None
    """What readers see."""
    description: Description | None = None
    """A sentence about it for readers."""
    status: ComponentStatusChoice | None = None
    """What it is doing. Changing it notifies nobody."""
    group_id: GroupId | None = None
    """The group that it is in; empty or null for none."""
    showcase: Flag | None = None
    """Whether its uptime is shown."""
    only_show_if_degraded: Flag | None = None
    """Whether it is hidden while it is operational."""
    start_date: Day | None = None
    """The first day that its uptime counts from."""


class ComponentInput(ComponentChange):
    """A component to add."""

    model_config = {"json_schema_extra": {"examples": [{"name": "API", "description": "Orders and payments"}]}}

    name: Name
    """What readers see."""
    status: ComponentStatusChoice = ComponentStatus.OPERATIONAL
    """What it is doing."""


class GroupChange(Input):
    """What changes about a group. What is left out stays as it is."""

    model_config = {"json_schema_extra": {"examples": [{"name": "Europe"}]}}

    name: GroupName | None = None
    """What readers see."""
    description: Description | None = None
    """A sentence about it for readers."""
    components: Ids | None = Field(None, json_schema_extra={"minItems": 1})
    """All of its components, by their ids."""


class GroupInput(GroupChange):
    """A group to make of components that exist."""

    model_config = {"json_schema_extra": {"examples": [{"name": "Europe", "components": ["kctbh9vrtdwd"]}]}}

    name: GroupName
    """What readers see."""
    components: Annotated[Ids, Field(json_schema_extra={"minItems": 1})]
    """All of its components, by their ids."""
