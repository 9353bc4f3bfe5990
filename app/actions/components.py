"""Components and the groups that are headings over them: made, named, set, ordered, hidden, archived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.actions.frame import changing
from app.actions.posts import effects
from app.clock import now
from app.errors import Conflict, Invalid, NotFound
from app.models.component import Component, ComponentGroup
from app.settings import Settings
from app.shapes import Actor
from app.text import clean_field
from app.vocabulary import ComponentStatus, Role

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
    """Make a component at the end of the page's list; its public id.  Takes the role lead.

    Raises:
        Invalid: a field can not be taken.
        Conflict: the group has a component of this name already.
        NotAllowed: the actor's role on the page is not enough.
        NotFound: there is no such page or group.
    """
    name, description = _words(name, description)
    wanted = read_status(status)
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session = change.session
        group = find_group(session, page_id, group_public_id) if group_public_id else None
        _refuse_same_name(session, page_id, group.id if group else None, name)
        last = session.scalar(select(func.max(Component.position)).where(Component.page_id == page_id))
        at = now()
        component = Component(
            page_id=page_id,
            group_id=group.id if group else None,
            name=name,
            description=description,
            visible=visible,
            status=ComponentStatus.OPERATIONAL,
            position=0 if last is None else last + 1,
            start_date=at.date(),
            created_at=at,
            updated_at=at,
        )
        _set_facts(component, facts)
        session.add(component)
        session.flush()
        _change_by_person(session, actor, component, wanted)
        change.touch()
        change.audit("create", "component", component.public_id, name, after=_facts_of(component))
        return component.public_id


def edit_component(
    settings: Settings,
    actor: Actor,
    page_id: int,
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
    """Change what a component is called, where it is listed and whether the public sees it; None leaves a fact as it
    is.  Takes the role lead.

    A `group_public_id` of None takes it out of its group, unless it `keeps_group`.

    Raises:
        Invalid, Conflict, NotAllowed, NotFound: as `create_component`.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session, component = change.session, lock_component(change.session, page_id, public_id)
        before = _facts_of(component)
        name, description = _words(
            component.name if name is None else name, component.description if description is None else description
        )
        group_id = find_group(session, page_id, group_public_id).id if group_public_id else None
        group_id = component.group_id if keeps_group else group_id
        if (group_id, name) != (component.group_id, component.name):
            _refuse_same_name(session, page_id, group_id, name, but=component.id)
        visible = component.visible if visible is None else visible
        is_renamed = (component.name, component.visible) != (name, visible)
        component.name, component.description = name, description
        component.group_id, component.visible = group_id, visible
        component.updated_at = now()
        _set_facts(component, facts)
        if status is not None:
            _change_by_person(session, actor, component, status)
        change.touch(everything=is_renamed)  # permalinks of old posts name it too
        shown = "shown" if visible else "hidden"
        after = _facts_of(component)
        change.audit("edit", "component", public_id, f"{name}, {shown}", before=before, after=after)


def set_component_status(
    settings: Settings, actor: Actor, page_id: int, public_id: str, status: ComponentStatus
) -> None:
    """Set what a component is doing, outside any post.  Nobody is notified; setting what it is changes nothing.  Takes
    the role responder.

    Raises:
        Invalid: there is no such status.
        NotAllowed: the actor's role on the page is not enough.
        NotFound: the page has no such component.
    """
    wanted = read_status(status)
    with changing(settings, actor, page_id, needs=Role.RESPONDER) as change:
        component = lock_component(change.session, page_id, public_id)
        before = component.status
        if not _change_by_person(change.session, actor, component, wanted):
            return
        change.touch()
        change.audit(
            "set status",
            "component",
            public_id,
            f"{before} to {wanted}",
            before={"status": before},
            after={"status": wanted},
        )


def order_components(settings: Settings, actor: Actor, page_id: int, public_ids: Sequence[str]) -> None:
    """Put the page's components into this order; those not named keep theirs, after the named ones.  Takes the role
    lead.

    Raises:
        Invalid: one is named twice.
        NotAllowed: the actor's role on the page is not enough.
        NotFound: one is not this page's.
    """
    if len(set(public_ids)) != len(public_ids):
        raise Invalid("The order lists a component twice. Reload the page and try again.")
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        rows = change.session.scalars(
            select(Component)
            .where(Component.page_id == page_id, Component.archived_at.is_(None))
            .order_by(Component.position, Component.id)
        )
        by_id = {component.public_id: component for component in rows}
        if any(public_id not in by_id for public_id in public_ids):
            raise NotFound("One of the components was archived. Reload the page and try again.")
        rest = [public_id for public_id in by_id if public_id not in set(public_ids)]
        order = [*public_ids, *rest]
        for position, public_id in enumerate(order):
            by_id[public_id].position = position
        change.touch()
        change.audit(
            "order",
            "component",
            change.page.public_id,
            f"{len(by_id)} components",
            before={"order": list(by_id)},
            after={"order": order},
        )


def archive_component(settings: Settings, actor: Actor, page_id: int, public_id: str) -> None:
    """Put a component away: it leaves the page and every form; its history is kept.  Takes the role lead.

    Raises:
        NotAllowed: the actor's role on the page is not enough.
        NotFound: the page has no such component.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        component = lock_component(change.session, page_id, public_id)
        component.archived_at = component.updated_at = now()
        change.touch()
        change.audit("archive", "component", public_id, component.name, before=_facts_of(component))


def create_group(
    settings: Settings, actor: Actor, page_id: int, *, name: str, description: str = "", members: Sequence[str] = ()
) -> str:
    """Make a group at the end of the page's groups, of the components that are named; its public id.  Takes the role
    lead.

    Raises:
        Invalid: a field can not be taken, or a component is not this page's.
        Conflict: the page has a group of this name already.
        NotAllowed: the actor's role on the page is not enough.
        NotFound: there is no such page.
    """
    name, description = _group_name(name), _group_description(description)
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session = change.session
        _refuse_same_group_name(session, page_id, name)
        last = session.scalar(select(func.max(ComponentGroup.position)).where(ComponentGroup.page_id == page_id))
        position = 0 if last is None else last + 1
        group = ComponentGroup(page_id=page_id, name=name, description=description, position=position)
        session.add(group)
        session.flush()
        if members:
            _put_into(session, group, members)
        change.touch()
        after = {"name": name, "description": description, "components": list(members)}
        change.audit("create", "component group", group.public_id, name, after=after)
        return group.public_id


def edit_group(
    settings: Settings,
    actor: Actor,
    page_id: int,
    public_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    members: Sequence[str] | None = None,
) -> None:
    """Change what a group is called, what it is about, and which components it has: those named, which are in no other
    group any more, and no others.  None leaves a fact as it is.  Takes the role lead.

    Raises:
        Invalid, Conflict, NotAllowed, NotFound: as `create_group`.
    """
    name = None if name is None else _group_name(name)
    description = None if description is None else _group_description(description)
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session, group = change.session, find_group(change.session, page_id, public_id)
        before = _group_facts(session, group)
        if name is not None:
            _refuse_same_group_name(session, page_id, name, but=group.id)
            group.name = name
        if description is not None:
            group.description = description
        if members is not None:
            session.execute(update(Component).where(Component.group_id == group.id).values(group_id=None))
            _put_into(session, group, members)
        group.updated_at = now()
        change.touch()
        after = _group_facts(session, group)
        change.audit("edit", "component group", public_id, group.name, before=before, after=after)


def order_groups(settings: Settings, actor: Actor, page_id: int, public_ids: Sequence[str]) -> None:
    """Put the page's groups into this order; those not named follow in the order they had.  Takes the role lead.

    Raises:
        Invalid: one is named twice.
        NotAllowed: the actor's role on the page is not enough.
        NotFound: one is not this page's.
    """
    if len(set(public_ids)) != len(public_ids):
        raise Invalid("The order lists a group twice. Reload the page and try again.")
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        rows = change.session.scalars(
            select(ComponentGroup)
            .where(ComponentGroup.page_id == page_id)
            .order_by(ComponentGroup.position, ComponentGroup.id)
        )
        by_id = {group.public_id: group for group in rows}
        if any(public_id not in by_id for public_id in public_ids):
            raise NotFound("One of the groups was deleted. Reload the page and try again.")
        order = [*public_ids, *(public_id for public_id in by_id if public_id not in set(public_ids))]
        for position, public_id in enumerate(order):
            by_id[public_id].position = position
        change.touch()
        change.audit(
            "order",
            "component group",
            change.page.public_id,
            f"{len(by_id)} groups",
            before={"order": list(by_id)},
            after={"order": order},
        )


def delete_group(
    settings: Settings, actor: Actor, page_id: int, public_id: str, *, keep_components: bool = False
) -> None:
    """Take an empty group away, or, with `keep_components`, any: its components are then in no group.  Takes the role
    lead.

    Raises:
        Conflict: it still has components.
        NotAllowed: the actor's role on the page is not enough.
        NotFound: the page has no such group.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session, group = change.session, find_group(change.session, page_id, public_id)
        before = _group_facts(session, group)
        if before["components"] and not keep_components:
            raise Conflict("This group contains components. Move them to another group first.")
        session.execute(update(Component).where(Component.group_id == group.id).values(group_id=None))
        change.audit("delete", "component group", public_id, group.name, before=before)
        session.delete(group)
        change.touch()


def read_status(status: str) -> ComponentStatus:
    """`status` as one of the six words.  Raises Invalid."""
    try:
        return ComponentStatus(status)
    except ValueError:
        words = ", ".join(known.label for known in ComponentStatus)
        raise Invalid.field("status", f"Choose a component status: {words}.") from None


def lock_component(session: Session, page_id: int, public_id: str) -> Component:
    """The page's component, locked until the transaction ends.  Raises NotFound."""
    component = session.scalar(
        select(Component)
        .where(Component.page_id == page_id, Component.public_id == public_id, Component.archived_at.is_(None))
        .with_for_update()
    )
    if component is None:
        raise NotFound("Component not found.")
    return component


def find_group(session: Session, page_id: int, public_id: str) -> ComponentGroup:
    """The page's group.  Raises NotFound."""
    group = session.scalar(
        select(ComponentGroup).where(ComponentGroup.page_id == page_id, ComponentGroup.public_id == public_id)
    )
    if group is None:
        raise NotFound("Group not found.")
    return group


def _facts_of(component: Component) -> Mapping[str, Any]:
    """What the audit line says of a component."""
    names = ("name", "description", "group_id", "visible", "status", "showcase", "only_show_if_degraded", "start_date")
    return {name: getattr(component, name) for name in names}


def _group_facts(session: Session, group: ComponentGroup) -> Mapping[str, Any]:
    """What the audit line says of a group."""
    live = (Component.group_id == group.id, Component.archived_at.is_(None))
    members = session.scalars(select(Component.public_id).where(*live).order_by(Component.id)).all()
    return {"name": group.name, "description": group.description, "components": list(members)}


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
        raise Conflict(f"A component named “{name}” already exists here. Choose another name.")


def _group_name(name: str) -> str:
    return clean_field(name, name="name", label="The group's name", limit=NAME_LIMIT)


def _group_description(raw: str) -> str:
    return clean_field(raw, name="description", label="The description", limit=DESCRIPTION_LIMIT, required=False)


def _refuse_same_group_name(session: Session, page_id: int, name: str, but: int = 0) -> None:
    same = session.scalar(
        select(ComponentGroup.id).where(
            ComponentGroup.page_id == page_id,
            func.lower(ComponentGroup.name) == name.lower(),
            ComponentGroup.id != but,
        )
    )
    if same is not None:
        raise Conflict(f"A group named “{name}” already exists. Choose another name.")


def _put_into(session: Session, group: ComponentGroup, members: Sequence[str]) -> None:
    wanted = set(members)
    live = (Component.page_id == group.page_id, Component.archived_at.is_(None))
    rows = session.scalars(select(Component).where(*live, Component.public_id.in_(wanted))).all()
    if not wanted or len(rows) != len(wanted):
        raise Invalid.field("components", "Enter the id of at least one component of this page.")
    if len({component.name.lower() for component in rows}) != len(rows):
        raise Conflict("Two of these components have the same name. Rename one first.")
    for component in rows:
        component.group_id = group.id
    session.flush()
