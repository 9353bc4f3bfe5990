"""Components: create, edit, set the status, reorder, hide and archive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.actions.components.groups import find_group
from app.actions.frame import Change, changing
from app.actions.posts import effects
from app.actions.translating import read_words, replace_words
from app.clock import now
from app.errors import Conflict, Invalid, NotFound
from app.inputs.fields import NAME_TEXTS
from app.models.component import Component, ComponentText
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
    texts: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Make a component at the end of the page's list; its public id.  Takes the role lead.

    `texts` are `name` and `description` in languages other than the page's own.

    Raises:
        Invalid: a field is invalid.
        Conflict: the group has a component of this name already.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page or group doesn't exist.
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
        _set_texts(change, component, texts)
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
    texts: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Change what a component is called, where it is listed and whether the public sees it; None leaves a fact as it
    is.  Takes the role lead.

    A `group_public_id` of None takes it out of its group, unless it `keeps_group`.  `texts` are all that there are in
    other languages from now on.

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
        is_renamed = _set_texts(change, component, texts) or is_renamed
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
    """Set what a component is doing, outside any post.  No one is notified; setting what it is changes nothing.  Takes
    the role responder.

    Raises:
        Invalid: the status doesn't exist.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that component.
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
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: one isn't this page's.
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
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that component.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        component = lock_component(change.session, page_id, public_id)
        component.archived_at = component.updated_at = now()
        change.touch()
        change.audit("archive", "component", public_id, component.name, before=_facts_of(component))


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


def _facts_of(component: Component) -> Mapping[str, Any]:
    """What the audit line says of a component."""
    names = ("name", "description", "group_id", "visible", "status", "showcase", "only_show_if_degraded", "start_date")
    return {name: getattr(component, name) for name in names}


def _change_by_person(session: Session, actor: Actor, component: Component, status: ComponentStatus) -> bool:
    return effects.change_status(session, component, status, by_kind="person", by_ref=actor.name[:_REFERENCE_LIMIT])


def _set_facts(component: Component, facts: ComponentFacts | None) -> None:
    for field in fields(ComponentFacts):
        value = getattr(facts, field.name, None)
        if value is not None:
            setattr(component, field.name, value)


def _set_texts(change: Change, component: Component, texts: Mapping[str, Mapping[str, str]] | None) -> bool:
    """Change what it is called in other languages; None leaves that as it is.  Raises Invalid."""
    if texts is None:
        return False
    words = read_words(NAME_TEXTS, change.page, texts)
    return replace_words(change.session, ComponentText.component_id, component.id, words)


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
