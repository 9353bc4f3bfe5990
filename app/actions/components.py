"""Components: made, named, set, ordered, hidden and put away.  Groups are in `app.actions.component_groups`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.component_groups import (
    create_group,
    delete_group,
    edit_group,
    find_group,
    order_groups,
)
from app.actions.posts import effects
from app.actions.revisions import lock_page, touch
from app.clock import now
from app.db import transaction
from app.errors import Conflict, Invalid, NotFound
from app.models.component import Component
from app.models.page import Page
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor
from app.text import clean_field
from app.vocabulary import ComponentStatus

__all__ = [
    "archive_component",
    "create_component",
    "create_group",
    "delete_group",
    "edit_component",
    "edit_group",
    "order_components",
    "order_groups",
    "set_component_status",
]

NAME_LIMIT = 100
DESCRIPTION_LIMIT = 500
_REFERENCE_LIMIT = 64


@dataclass(frozen=True, slots=True)
class ComponentFacts:
    """What programs may say of a component beside its name; None leaves a fact as it is."""

    showcase: bool | None = None
    only_show_if_degraded: bool | None = None
    start_date: date | None = None


def create_component(
    settings: Settings,
    actor: Actor,
    page_id: int,
    *,
    name: str,
    description: str = "",
    group_public_id: str | None = None,
    visible: bool = True,
    status: str = ComponentStatus.OPERATIONAL,
    facts: ComponentFacts | None = None,
) -> str:
    """Make a component at the end of the page's list; its public id.

    Raises:
        Invalid: a field can not be taken.
        Conflict: the group has a component of this name already.
        NotFound: there is no such page or group.
    """
    name, description = _words(name, description)
    wanted = read_status(status)
    with transaction() as session:
        page = lock_page(session, page_id)
        group_id = find_group(session, group_public_id, page_id).id if group_public_id else None
        _refuse_same_name(session, page_id, group_id, name)
        last = session.scalar(select(func.max(Component.position)).where(Component.page_id == page_id))
        at = now()
        component = Component(
            page_id=page_id, group_id=group_id, name=name, description=description, visible=visible,
            status=ComponentStatus.OPERATIONAL, position=0 if last is None else last + 1,
            start_date=at.date(), created_at=at, updated_at=at,
        )  # fmt: skip
        _set_facts(component, facts)
        session.add(component)
        session.flush()
        _change_by_person(session, actor, component, wanted)
        touch(session, page)
        audit.record(session, actor, "create", "component", component.public_id, name)
        public_id = component.public_id
    try_refresh(settings, page_id)
    return public_id


def edit_component(
    settings: Settings,
    actor: Actor,
    public_id: str,
    *,
    name: str | None,
    description: str | None,
    group_public_id: str | None,
    keeps_group: bool = False,
    visible: bool | None = None,
    facts: ComponentFacts | None = None,
    status: ComponentStatus | None = None,
) -> None:
    """Change what a component is called, where it stands and whether the public sees it; None leaves a fact as it is.

    A `group_public_id` of None takes it out of its group, unless it `keeps_group`.

    Raises:
        Invalid, Conflict, NotFound: as `create_component`.
    """
    with transaction() as session:
        page, component = _held(session, public_id)
        name, description = _words(
            component.name if name is None else name, component.description if description is None else description
        )
        group_id = find_group(session, group_public_id, page.id).id if group_public_id else None
        group_id = component.group_id if keeps_group else group_id
        if (group_id, name) != (component.group_id, component.name):
            _refuse_same_name(session, page.id, group_id, name, but=component.id)
        visible = component.visible if visible is None else visible
        is_named_anew = (component.name, component.visible) != (name, visible)
        component.name, component.description = name, description
        component.group_id, component.visible = group_id, visible
        component.updated_at = now()
        _set_facts(component, facts)
        if status is not None:
            _change_by_person(session, actor, component, status)
        touch(session, page, everything=is_named_anew)  # permalinks of old posts name it too
        seen = "shown" if visible else "hidden"
        audit.record(session, actor, "edit", "component", public_id, f"{name}, {seen}")
        page_id = page.id
    try_refresh(settings, page_id)


def set_component_status(settings: Settings, actor: Actor, public_id: str, status: ComponentStatus) -> None:
    """Set what a component is doing, outside any post.  Nobody is notified; setting what it is changes nothing.

    Raises:
        Invalid: there is no such status.
        NotFound: there is no such component.
    """
    wanted = read_status(status)
    with transaction() as session:
        page, component = _held(session, public_id)
        page_id, before = page.id, component.status
        if not _change_by_person(session, actor, component, wanted):
            return
        touch(session, page)
        audit.record(session, actor, "set status", "component", public_id, f"{before} to {wanted}")
    try_refresh(settings, page_id)


def order_components(settings: Settings, actor: Actor, page_id: int, public_ids: Sequence[str]) -> None:
    """Put the page's components into this order; those not named keep theirs, after the named ones.

    Raises:
        Invalid: one is named twice.
        NotFound: one is not this page's.
    """
    if len(set(public_ids)) != len(public_ids):
        raise Invalid("A component is named twice in the order. Reload the page and try again.")
    with transaction() as session:
        page = lock_page(session, page_id)
        rows = session.scalars(
            select(Component)
            .where(Component.page_id == page_id, Component.archived_at.is_(None))
            .order_by(Component.position, Component.id)
        )
        by_id = {component.public_id: component for component in rows}
        if any(public_id not in by_id for public_id in public_ids):
            raise NotFound("One of the components is no longer there. Reload the page and try again.")
        rest = [public_id for public_id in by_id if public_id not in set(public_ids)]
        for position, public_id in enumerate([*public_ids, *rest]):
            by_id[public_id].position = position
        touch(session, page)
        audit.record(session, actor, "order", "component", page.public_id, f"{len(by_id)} components")
    try_refresh(settings, page_id)


def archive_component(settings: Settings, actor: Actor, public_id: str) -> None:
    """Put a component away: it leaves the page and every form; its history is kept.

    Raises:
        NotFound: there is no such component.
    """
    with transaction() as session:
        page, component = _held(session, public_id)
        component.archived_at = component.updated_at = now()
        touch(session, page)
        audit.record(session, actor, "archive", "component", public_id, component.name)
        page_id = page.id
    try_refresh(settings, page_id)


def read_status(status: str) -> ComponentStatus:
    """`status` as one of the six words.  Raises Invalid."""
    try:
        return ComponentStatus(status)
    except ValueError:
        words = ", ".join(known.label for known in ComponentStatus)
        raise Invalid.field("status", f"There is no such component status. Choose one of: {words}.") from None


def _held(session: Session, public_id: str) -> tuple[Page, Component]:
    """The component and its page, locked in the order that publishing locks them."""
    live = select(Component).where(Component.public_id == public_id, Component.archived_at.is_(None))
    page_id = session.scalar(live.with_only_columns(Component.page_id))
    page = lock_page(session, page_id) if page_id is not None else None
    component = session.scalar(live.with_for_update())
    if page is None or component is None:
        raise NotFound("There is no such component.")
    return page, component


def _change_by_person(session: Session, actor: Actor, component: Component, status: ComponentStatus) -> bool:
    return effects.change_status(session, component, status, by_kind="person", by_ref=actor.name[:_REFERENCE_LIMIT])


def _set_facts(component: Component, facts: ComponentFacts | None) -> None:
    for field in fields(ComponentFacts):
        value = getattr(facts, field.name, None)
        if value is not None:
            setattr(component, field.name, value)


def _words(name: str, description: str) -> tuple[str, str]:
    return (
        clean_field(name, name="name", label="The name", limit=NAME_LIMIT),
        clean_field(description, name="description", label="The description", limit=DESCRIPTION_LIMIT, required=False),
    )


def _refuse_same_name(session: Session, page_id: int, group_id: int | None, name: str, but: int = 0) -> None:
    same = session.scalar(
        select(Component.id).where(
            Component.page_id == page_id,
            Component.group_id.is_(None) if group_id is None else Component.group_id == group_id,
            func.lower(Component.name) == name.lower(),
            Component.archived_at.is_(None),
            Component.id != but,
        )
    )
    if same is not None:
        raise Conflict(f"There is a component called “{name}” here already. Choose another name.")
