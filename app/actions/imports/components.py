"""Writes imported groups and components."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions.imports.report import SKIPPED, TAKEN, UNCHANGED, UPDATED, Row
from app.actions.imports.rows import ComponentRow
from app.models.component import Component, ComponentGroup
from app.vocabulary import ComponentStatus

ELSEWHERE = "its id belongs to another page here"
NO_GROUP = "its group is not in the document"


def write_components(session: Session, page_id: int, rows: Sequence[ComponentRow]) -> list[Row]:
    """Groups first, then components, so that each finds its group.  Three queries and one insert per new row."""
    ids = [row.id for row in rows]
    groups = {g.public_id: g for g in session.scalars(select(ComponentGroup).where(ComponentGroup.public_id.in_(ids)))}
    known = {c.public_id: c for c in session.scalars(select(Component).where(Component.public_id.in_(ids)))}
    report = []
    for row in (row for row in rows if row.is_group):
        report.append(_write_group(session, page_id, row, groups))
    session.flush()
    for row in (row for row in rows if not row.is_group):
        report.append(_write_component(session, page_id, row, groups, known))
    session.flush()
    return report


def _write_group(session: Session, page_id: int, row: ComponentRow, groups: dict[str, ComponentGroup]) -> Row:
    found = groups.get(row.id)
    if found is not None and found.page_id != page_id:
        return Row("group", row.id, row.name, SKIPPED, ELSEWHERE)
    values = {
        "name": row.name,
        "description": row.description,
        "position": row.position,
        **_said(row),
    }
    if found is None:
        groups[row.id] = made = ComponentGroup(page_id=page_id, public_id=row.id, **values)
        session.add(made)
        return Row("group", row.id, row.name, TAKEN)
    return Row("group", row.id, row.name, assign(found, values))


def _write_component(
    session: Session,
    page_id: int,
    row: ComponentRow,
    groups: dict[str, ComponentGroup],
    known: dict[str, Component],
) -> Row:
    found = known.get(row.id)
    if found is not None and found.page_id != page_id:
        return Row("component", row.id, row.name, SKIPPED, ELSEWHERE)
    group = groups.get(row.group_id) if row.group_id else None
    if row.group_id and (group is None or group.page_id != page_id):
        return Row("component", row.id, row.name, SKIPPED, NO_GROUP)
    values = {
        "name": row.name,
        "description": row.description,
        "position": row.position,
        "group_id": group.id if group else None,
        "showcase": row.showcase,
        "only_show_if_degraded": row.only_show_if_degraded,
        "start_date": row.start_date,
        **({"status": row.status.value} if row.status else {}),
        **_said(row),
    }
    if found is None:
        session.add(Component(page_id=page_id, public_id=row.id, **{"status": ComponentStatus.UNKNOWN, **values}))
        return Row("component", row.id, row.name, TAKEN)
    return Row("component", row.id, row.name, assign(found, values))


def _said(row: ComponentRow) -> dict[str, datetime]:
    """The times that the source knows; the others stay as they are."""
    times = {"created_at": row.created_at, "updated_at": row.updated_at}
    return {name: at for name, at in times.items() if at is not None}


def assign(found: object, values: Mapping[str, object]) -> str:
    """Set what differs; whether that was anything."""
    changed = {key: value for key, value in values.items() if getattr(found, key) != value}
    for key, value in changed.items():
        setattr(found, key, value)
    return UPDATED if changed else UNCHANGED
