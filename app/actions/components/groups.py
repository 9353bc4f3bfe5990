"""Component groups: the headings above components."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.actions.frame import Change, changing
from app.actions.translating import read_words, replace_words
from app.clock import now
from app.errors import Conflict, Invalid, NotFound
from app.inputs.fields import NAME_TEXTS
from app.models.component import Component, ComponentGroup, ComponentGroupText
from app.settings import Settings
from app.shapes import Actor
from app.text import clean_field
from app.vocabulary import Role

NAME_LIMIT = 100
DESCRIPTION_LIMIT = 500


def create_group(
    settings: Settings,
    actor: Actor,
    page_id: int,
    *,
    name: str,
    description: str = "",
    members: Sequence[str] = (),
    texts: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Make a group at the end of the page's groups, of the components that are named; its public id.  Takes the role
    lead.  `texts` are `name` and `description` in languages other than the page's own.

    Raises:
        Invalid: a field is invalid, or a component isn't this page's.
        Conflict: the page has a group of this name already.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
    """
    name, description = _read_name(name), _read_description(description)
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session = change.session
        _refuse_same_name(session, page_id, name)
        last = session.scalar(select(func.max(ComponentGroup.position)).where(ComponentGroup.page_id == page_id))
        position = 0 if last is None else last + 1
        group = ComponentGroup(page_id=page_id, name=name, description=description, position=position)
        session.add(group)
        session.flush()
        if members:
            _put_into(session, group, members)
        _set_texts(change, group, texts)
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
    texts: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Change what a group is called, what it is about, and which components it has: those named, which are in no other
    group any more, and no others.  None leaves a fact as it is.  Takes the role lead.

    `texts` are all that there are in other languages from now on.

    Raises:
        Invalid, Conflict, NotAllowed, NotFound: as `create_group`.
    """
    name = None if name is None else _read_name(name)
    description = None if description is None else _read_description(description)
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session, group = change.session, find_group(change.session, page_id, public_id)
        before = _facts_of(session, group)
        if name is not None:
            _refuse_same_name(session, page_id, name, but=group.id)
            group.name = name
        if description is not None:
            group.description = description
        if members is not None:
            session.execute(update(Component).where(Component.group_id == group.id).values(group_id=None))
            _put_into(session, group, members)
        group.updated_at = now()
        is_renamed = _set_texts(change, group, texts)
        change.touch(everything=is_renamed)  # permalinks of old posts name it in other languages too
        after = _facts_of(session, group)
        change.audit("edit", "component group", public_id, group.name, before=before, after=after)


def _set_texts(change: Change, group: ComponentGroup, texts: Mapping[str, Mapping[str, str]] | None) -> bool:
    """Change what it is called in other languages; None leaves that as it is.  Raises Invalid."""
    if texts is None:
        return False
    words = read_words(NAME_TEXTS, change.page, texts)
    return replace_words(change.session, ComponentGroupText.group_id, group.id, words)


def order_groups(settings: Settings, actor: Actor, page_id: int, public_ids: Sequence[str]) -> None:
    """Put the page's groups into this order; those not named follow in the order they had.  Takes the role lead.

    Raises:
        Invalid: one is named twice.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: one isn't this page's.
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
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that group.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session, group = change.session, find_group(change.session, page_id, public_id)
        before = _facts_of(session, group)
        if before["components"] and not keep_components:
            raise Conflict("This group contains components. Move them to another group first.")
        session.execute(update(Component).where(Component.group_id == group.id).values(group_id=None))
        change.audit("delete", "component group", public_id, group.name, before=before)
        session.delete(group)
        change.touch()


def find_group(session: Session, page_id: int, public_id: str) -> ComponentGroup:
    """The page's group.  Raises NotFound."""
    group = session.scalar(
        select(ComponentGroup).where(ComponentGroup.page_id == page_id, ComponentGroup.public_id == public_id)
    )
    if group is None:
        raise NotFound("Group not found.")
    return group


def _facts_of(session: Session, group: ComponentGroup) -> Mapping[str, Any]:
    """What the audit line says of a group."""
    live = (Component.group_id == group.id, Component.archived_at.is_(None))
    members = session.scalars(select(Component.public_id).where(*live).order_by(Component.id)).all()
    return {"name": group.name, "description": group.description, "components": list(members)}


def _read_name(name: str) -> str:
    return clean_field(name, name="name", label="The group's name", limit=NAME_LIMIT)


def _read_description(raw: str) -> str:
    return clean_field(raw, name="description", label="The description", limit=DESCRIPTION_LIMIT, required=False)


def _refuse_same_name(session: Session, page_id: int, name: str, but: int = 0) -> None:
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
