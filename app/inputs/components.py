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
    NameTexts,
    Prose,
)
from app.vocabulary import ComponentStatus

GroupId = Annotated[str, Exact("The group's id", 32, "kctbh9vrtdwd", "[a-z0-9]{1,32}", is_required=False)]
GroupName = Annotated[str, Prose("The group's name", NAME_LIMIT, example="Europe")]


class ComponentChangeInput(Input):
    """Changes to a component. Fields that you leave out stay as they are."""

    model_config = {"json_schema_extra": {"examples": [{"status": "partial_outage"}]}}

    name: Name | None = None
    """The name that readers see."""
    description: Description | None = None
    """A description for readers."""
    texts: NameTexts | None = None
    """The name and description in other languages. Default: readers get the page's own language."""
    status: ComponentStatusChoice | None = None
    """Its status. Changing it doesn't notify subscribers."""
    group_id: GroupId | None = None
    """The id of its group; empty or null for none."""
    showcase: Flag | None = None
    """Whether its uptime is shown."""
    only_show_if_degraded: Flag | None = None
    """Whether it is hidden while it is operational."""
    start_date: Day | None = None
    """The first day that its uptime is counted from."""


class ComponentInput(ComponentChangeInput):
    """A component to add."""

    model_config = {"json_schema_extra": {"examples": [{"name": "API", "description": "Orders and payments"}]}}

    name: Name
    """The name that readers see."""
    status: ComponentStatusChoice = ComponentStatus.OPERATIONAL
    """Its status."""


class GroupChange(Input):
    """Changes to a group. Fields that you leave out stay as they are."""

    model_config = {"json_schema_extra": {"examples": [{"name": "Europe"}]}}

    name: GroupName | None = None
    """The name that readers see."""
    description: Description | None = None
    """A description for readers."""
    texts: NameTexts | None = None
    """The name and description in other languages. Default: readers get the page's own language."""
    components: Ids | None = Field(None, json_schema_extra={"minItems": 1})
    """All of its components, by their ids."""


class GroupInput(GroupChange):
    """A group of existing components to create."""

    model_config = {"json_schema_extra": {"examples": [{"name": "Europe", "components": ["kctbh9vrtdwd"]}]}}

    name: GroupName
    """The name that readers see."""
    components: Annotated[Ids, Field(json_schema_extra={"minItems": 1})]
    """All of its components, by their ids."""
