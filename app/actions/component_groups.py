"""The headings over components."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.revisions import lock_page, touch
from app.clock import now
from app.db import transaction
from app.errors import Conflict, Invalid, NotFound
from app.models.component import Component, ComponentGroup
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor
from app.text import clean_field

NAME_LIMIT = 100
DESCRIPTION_LIMIT = 500


def create_group(
    settings: Settings, actor: Actor, page_id: int, *, name: str, description: str = "", members: Sequence[str] = ()
) -> str:
    """Make a group at the end of the page's groups, of the components that are named; its public id.

    Raises:
        Invalid: a field can not be taken, or a component is not this page's.
        Conflict: the page has a group of this name already.
        NotFound: there is no such page.
    """
    name, description = _word(name), _description(description)
    with transaction() as session:
        page = lock_page(session, page_id)
        _refuse_same_name(session, page_id, name)
        last = session.scalar(select(func.max(ComponentGroup.position)).where(ComponentGroup.page_id == page_id))
        position = 0 if last is None else last + 1
        group = ComponentGroup(page_id=page_id, name=name, description=description, position=position)
        session.add(group)
        session.flush()
        if members:
            _put_into(session, group, members)
        touch(session, page)
        audit.record(session, actor, "create", "component group", group.public_id, name)
        public_id = group.public_id
    try_refresh(settings, page_id)
    return public_id


def edit_group(
    settings: Settings,
    actor: Actor,
    public_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    members: Sequence[str] | None = None,
) -> None:
    """Change what a group is called, what it is about, and which components it has: those named, which are in no other
    group any more, and no others.  None leaves a fact as it is.

    Raises:
        Invalid, Conflict, NotFound: as `create_group`.
    """
    name = None if name is None else _word(name)
    description = None if description is None else _description(description)
    with transaction() as session:
        group = find_group(session, public_id)
        page = lock_page(session, group.page_id)
        if name is not None:
            _refuse_same_name(session, page.id, name, but=group.id)
            group.name = name
        if description is not None:
            group.description = description
        if members is not None:
            session.execute(update(Component).where(Component.group_id == group.id).values(group_id=None))
            _put_into(session, group, members)
        group.updated_at = now()
        touch(session, page)
        audit.record(session, actor, "edit", "component group", public_id, group.name)
        page_id = page.id
    try_refresh(settings, page_id)


def order_groups(settings: Settings, actor: Actor, page_id: int, public_ids: Sequence[str]) -> None:
    """Put the page's groups into this order; those not named follow in the order they had.

    Raises:
        Invalid: one is named twice.
        NotFound: one is not this page's.
    """
    if len(set(public_ids)) != len(public_ids):
        raise Invalid("A group is named twice in the order. Reload the page and try again.")
    with transaction() as session:
        page = lock_page(session, page_id)
        rows = session.scalars(
            select(ComponentGroup)
            .where(ComponentGroup.page_id == page_id)
            .order_by(ComponentGroup.position, ComponentGroup.id)
        )
        by_id = {group.public_id: group for group in rows}
        if any(public_id not in by_id for public_id in public_ids):
            raise NotFound("One of the groups is no longer there. Reload the page and try again.")
        rest = [public_id for public_id in by_id if public_id not in set(public_ids)]
        for position, public_id in enumerate([*public_ids, *rest]):
            by_id[public_id].position = position
        touch(session, page)
        audit.record(session, actor, "order", "component group", page.public_id, f"{len(by_id)} groups")
    try_refresh(settings, page_id)


def delete_group(settings: Settings, actor: Actor, public_id: str, *, keep_components: bool = False) -> None:
    """Take an empty group away, or, with `keep_components`, any: its components then stand alone.

    Raises:
        Conflict: it still has components.
        NotFound: there is no such group.
    """
    with transaction() as session:
        group = find_group(session, public_id)
        page = lock_page(session, group.page_id)
        if keep_components:
            session.execute(update(Component).where(Component.group_id == group.id).values(group_id=None))
        live = session.scalar(
            select(func.count(Component.id)).where(Component.group_id == group.id, Component.archived_at.is_(None))
        )
        if live:
            raise Conflict("This group still has components. Move them to another group first.")
        session.execute(update(Component).where(Component.group_id == group.id).values(group_id=None))
        audit.record(session, actor, "delete", "component group", public_id, group.name)
        session.delete(group)
        touch(session, page)
        page_id = page.id
    try_refresh(settings, page_id)


def find_group(session: Session, public_id: str, page_id: int | None = None) -> ComponentGroup:
    """The group, on this page when one is given.

    Raises:
        NotFound: there is none.
    """
    query = select(ComponentGroup).where(ComponentGroup.public_id == public_id)
    if page_id is not None:
        query = query.where(ComponentGroup.page_id == page_id)
    group = session.scalar(query)
    if group is None:
        raise NotFound("There is no such group.")
    return group


def _word(name: str) -> str:
    return clean_field(name, name="name", label="The group's name", limit=NAME_LIMIT)


def _refuse_same_name(session: Session, page_id: int, name: str, but: int = 0) -> None:
    same = session.scalar(
        select(ComponentGroup.id).where(
            ComponentGroup.page_id == page_id,
            func.lower(ComponentGroup.name) == name.lower(),
            ComponentGroup.id != but,
        )
    )
    if same is not None:
        raise Conflict(f"There is a group called “{name}” already. Choose another name.")


def _description(raw: str) -> str:
    return clean_field(raw, name="description", label="The description", limit=DESCRIPTION_LIMIT, required=False)


def _put_into(session: Session, group: ComponentGroup, members: Sequence[str]) -> None:
    wanted = set(members)
    live = (Component.page_id == group.page_id, Component.archived_at.is_(None))
    rows = session.scalars(select(Component).where(*live, Component.public_id.in_(wanted))).all()
    if not wanted or len(rows) != len(wanted):
        raise Invalid.field("components", "Name at least one component, and only components of this page.")
    if len({component.name.lower() for component in rows}) != len(rows):
        raise Conflict("Two of the components have the same name. Rename one before they share a group.")
    for component in rows:
        component.group_id = group.id
    session.flush()
