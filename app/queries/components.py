"""Components under their groups, as lists and forms show them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.component import Component, ComponentGroup
from app.vocabulary import ComponentStatus


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """One component as a list or a form shows it."""

    public_id: str
    name: str
    description: str
    status: ComponentStatus
    visible: bool
    group_id: str
    group_name: str

    @property
    def full_name(self) -> str:
        return f"{self.group_name} - {self.name}" if self.group_name else self.name


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A heading with its components; the first one, without a name, holds those in no group."""

    public_id: str
    name: str
    components: tuple[ComponentRow, ...]


def component_groups(session: Session, page_id: int) -> tuple[GroupRow, ...]:
    """Every component in the page's order, under its group; empty groups too.  Two queries."""
    groups = session.scalars(
        select(ComponentGroup)
        .where(ComponentGroup.page_id == page_id)
        .order_by(ComponentGroup.position, ComponentGroup.id)
    ).all()
    members: dict[int | None, list[Component]] = {}
    for component in session.scalars(
        select(Component)
        .where(Component.page_id == page_id, Component.archived_at.is_(None))
        .order_by(Component.position, Component.id)
    ):
        members.setdefault(component.group_id, []).append(component)
    alone = GroupRow("", "", _component_rows(members.get(None, []), None))
    named = [
        GroupRow(group.public_id, group.name, _component_rows(members.get(group.id, []), group)) for group in groups
    ]
    return (*([alone] if alone.components else []), *named)


def all_components(groups: Iterable[GroupRow]) -> list[ComponentRow]:
    """The components of all groups, in order."""
    return [component for group in groups for component in group.components]


def _component_rows(components: Sequence[Component], group: ComponentGroup | None) -> tuple[ComponentRow, ...]:
    return tuple(
        ComponentRow(
            public_id=component.public_id,
            name=component.name,
            description=component.description,
            status=ComponentStatus(component.status),
            visible=component.visible,
            group_id=group.public_id if group else "",
            group_name=group.name if group else "",
        )
        for component in components
    )
