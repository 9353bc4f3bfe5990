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


def create_group(settings: Settings, actor: Actor, page_id: int, *, name: str) -> str:
    """Make a group at the end of the page's groups; its public id.

    Raises:
        Invalid: the name can not be taken.
        Conflict: the page has a group of this name already.
        NotFound: there is no such page.
    """
    name = _word(name)
    with transaction() as session:
        page = lock_page(session, page_id)
        _refuse_same_name(session, page_id, name)
        last = session.scalar(select(func.max(ComponentGroup.position)).where(ComponentGroup.page_id == page_id))
        group = ComponentGroup(page_id=page_id, name=name, position=0 if last is None else last + 1)
        session.add(group)
        session.flush()
        touch(session, page)
        audit.record(session, actor, "create", "component group", group.public_id, name)
        public_id = group.public_id
    try_refresh(settings, page_id)
    return public_id


def rename_group(settings: Settings, actor: Actor, public_id: str, name: str) -> None:
    """Call a group something else.  Raises Invalid, Conflict, NotFound as `create_group`."""
    name = _word(name)
    with transaction() as session:
        group = find_group(session, public_id)
        page = lock_page(session, group.page_id)
        _refuse_same_name(session, page.id, name, but=group.id)
        group.name, group.updated_at = name, now()
        touch(session, page)
        audit.record(session, actor, "rename", "component group", public_id, name)
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


def delete_group(settings: Settings, actor: Actor, public_id: str) -> None:
    """Take an empty group away.

    Raises:
        Conflict: it still has components.
        NotFound: there is no such group.
    """
    with transaction() as session:
        group = find_group(session, public_id)
        page = lock_page(session, group.page_id)
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
