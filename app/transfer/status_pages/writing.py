"""Turns rows from another status page into components and posts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.models.component import Component, ComponentChange, ComponentGroup
from app.models.post import Post, PostComponent, Update, UpdateEffect
from app.transfer.status_pages.documents import ImportedComponent, ImportedPost, ImportedUpdate
from app.transfer.status_pages.report import SKIPPED, TAKEN, UNCHANGED, UPDATED, ReportRow
from app.vocabulary import ComponentStatus

ELSEWHERE = "its id belongs to another page here"
NO_GROUP = "its group is not in the document"


def write_components(session: Session, page_id: int, rows: Sequence[ImportedComponent]) -> list[ReportRow]:
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


def _write_group(
    session: Session, page_id: int, row: ImportedComponent, groups: dict[str, ComponentGroup]
) -> ReportRow:
    found = groups.get(row.id)
    if found is not None and found.page_id != page_id:
        return ReportRow("group", row.id, row.name, SKIPPED, ELSEWHERE)
    values = {
        "name": row.name,
        "description": row.description,
        "position": row.position,
        **_said(row),
    }
    if found is None:
        groups[row.id] = made = ComponentGroup(page_id=page_id, public_id=row.id, **values)
        session.add(made)
        return ReportRow("group", row.id, row.name, TAKEN)
    return ReportRow("group", row.id, row.name, assign(found, values))


def _write_component(
    session: Session,
    page_id: int,
    row: ImportedComponent,
    groups: dict[str, ComponentGroup],
    known: dict[str, Component],
) -> ReportRow:
    found = known.get(row.id)
    if found is not None and found.page_id != page_id:
        return ReportRow("component", row.id, row.name, SKIPPED, ELSEWHERE)
    group = groups.get(row.group_id) if row.group_id else None
    if row.group_id and (group is None or group.page_id != page_id):
        return ReportRow("component", row.id, row.name, SKIPPED, NO_GROUP)
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
        return ReportRow("component", row.id, row.name, TAKEN)
    return ReportRow("component", row.id, row.name, assign(found, values))


def _said(row: ImportedComponent) -> dict[str, datetime]:
    """The times that the source knows; the others stay as they are."""
    times = {"created_at": row.created_at, "updated_at": row.updated_at}
    return {name: at for name, at in times.items() if at is not None}


def assign(found: object, values: Mapping[str, object]) -> str:
    """Set what differs; whether that was anything."""
    changed = {key: value for key, value in values.items() if getattr(found, key) != value}
    for key, value in changed.items():
        setattr(found, key, value)
    return UPDATED if changed else UNCHANGED


Effect = tuple[int, str, str]
Held = dict[str, set[Effect]]
CLASH = "an update of it has an id that another post has here"


def write_posts(session: Session, page_id: int, rows: Sequence[ImportedPost], revision: int) -> list[ReportRow]:
    """Posts that are new or changed; a fixed number of queries to compare, bulk inserts to write."""
    known = {p.public_id: p for p in session.scalars(select(Post).where(Post.public_id.in_([r.id for r in rows])))}
    components = _components(session, page_id)
    owners = _update_owners(session, rows)
    held = _held_effects(session, rows)
    report = []
    fresh: list[ImportedPost] = []
    for row in rows:
        found = known.get(row.id)
        kind = row.kind.value
        if found is not None and found.page_id != page_id:
            report.append(ReportRow(kind, row.id, row.title, SKIPPED, ELSEWHERE))
        elif any(owners.get(update.id, row.id) != row.id for update in row.updates):
            report.append(ReportRow(kind, row.id, row.title, SKIPPED, CLASH))
        elif found is None:
            session.add(Post(page_id=page_id, public_id=row.id, changed_revision=revision, **_post_values(row)))
            fresh.append(row)
            report.append(ReportRow(kind, row.id, row.title, TAKEN))
        else:
            report.append(ReportRow(kind, row.id, row.title, _change(session, found, row, components, held, revision)))
    session.flush()
    _insert_updates(session, fresh, components)
    return report


def _change(
    session: Session, found: Post, row: ImportedPost, components: dict[str, int], held: Held, revision: int
) -> str:
    outcome = assign(found, _post_values(row))
    known = {u.public_id: u for u in session.scalars(select(Update).where(Update.post_id == found.id))}
    new = [update for update in row.updates if update.id not in known]
    for update in row.updates:
        if update.id in known and assign(known[update.id], _update_values(update)) == UPDATED:
            outcome = UPDATED
    if new:
        outcome = UPDATED
        numbers = _number_anew(session, known, new)
        _insert_new(session, found.id, row, {update.id: numbers[update.id] for update in new}, components)
    if _replace_effects(session, found.id, row, known, components, held):
        outcome = UPDATED
    if outcome == UPDATED:
        found.changed_revision = revision
        found.version += 1
    return outcome


def _number_anew(session: Session, known: dict[str, Update], new: Sequence[ImportedUpdate]) -> dict[str, int]:
    """Each update's place by its time.  Those said here, which no document has, are numbered with the rest."""
    times = [(update.display_at, key) for key, update in known.items()]
    order = sorted([*times, *((update.display_at, update.id) for update in new)])
    numbers = {key: number for number, (_, key) in enumerate(order, 1)}
    for key, update in known.items():
        update.sequence = -numbers[key]  # out of the way until all are numbered again
    session.flush()
    for key, update in known.items():
        update.sequence = numbers[key]
    session.flush()
    return numbers


def _replace_effects(
    session: Session, post_id: int, row: ImportedPost, known: dict[str, Update], components: dict[str, int], held: Held
) -> bool:
    """Rewrite the effects that the document has otherwise, or whose component came later; whether there were any.

    Only those of imported updates: what was said here keeps its own history.
    """
    changed = [
        update
        for update in row.updates
        if update.id in known
        and known[update.id].idempotency_key.startswith("import:")
        and _wanted_effects(update, components) != held.get(update.id, set())
    ]
    if not changed:
        return False
    ids = {update.id: known[update.id].id for update in changed}
    session.execute(delete(UpdateEffect).where(UpdateEffect.update_id.in_(ids.values())))
    session.execute(delete(ComponentChange).where(ComponentChange.by_kind == "import", ComponentChange.by_ref.in_(ids)))
    _insert_effects(session, ids, changed, components)
    _link(session, post_id, row, components)
    return True


def _wanted_effects(update: ImportedUpdate, components: dict[str, int]) -> set[Effect]:
    return {
        (components[effect.component_id], effect.old_status.value, effect.new_status.value)
        for effect in update.effects
        if effect.component_id in components
    }


def _held_effects(session: Session, rows: Sequence[ImportedPost]) -> Held:
    ids = [update.id for row in rows for update in row.updates]
    held: Held = {}
    for public_id, component_id, before, after in session.execute(
        select(Update.public_id, UpdateEffect.component_id, UpdateEffect.from_status, UpdateEffect.to_status)
        .join(Update, Update.id == UpdateEffect.update_id)
        .where(Update.public_id.in_(ids))
    ):
        held.setdefault(public_id, set()).add((component_id, before, after))
    return held


def _insert_updates(session: Session, rows: Sequence[ImportedPost], components: dict[str, int]) -> None:
    ids = _ids(session, Post, [row.id for row in rows])
    for row in rows:
        _insert_new(session, ids[row.id], row, {u.id: n for n, u in enumerate(row.updates, 1)}, components)


def _insert_new(
    session: Session, post_id: int, row: ImportedPost, new: dict[str, int], components: dict[str, int]
) -> None:
    """`new` has the number of each update that is to be written."""
    updates = [
        {
            "post_id": post_id,
            "public_id": update.id,
            "sequence": new[update.id],
            "author": "",
            "idempotency_key": f"import:{update.id}",
            **_update_values(update),
        }
        for update in row.updates
        if update.id in new
    ]
    if updates:
        session.execute(insert(Update), updates)
    written = [update for update in row.updates if update.id in new]
    _insert_effects(session, _ids(session, Update, [update.id for update in written]), written, components)
    _link(session, post_id, row, components)


def _link(session: Session, post_id: int, row: ImportedPost, components: dict[str, int]) -> None:
    named = [*row.component_ids, *(effect.component_id for update in row.updates for effect in update.effects)]
    wanted = {components[name] for name in named if name in components}
    held = set(session.scalars(select(PostComponent.component_id).where(PostComponent.post_id == post_id)))
    if wanted - held:
        links = [{"post_id": post_id, "component_id": component_id} for component_id in sorted(wanted - held)]
        session.execute(insert(PostComponent), links)


def _insert_effects(
    session: Session, ids: dict[str, int], updates: Sequence[ImportedUpdate], components: dict[str, int]
) -> None:
    effects: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    for update in updates:
        for effect in update.effects:
            if effect.component_id not in components:
                continue
            component_id = components[effect.component_id]
            moved = {"from_status": effect.old_status.value, "to_status": effect.new_status.value}
            effects.append({"update_id": ids[update.id], "component_id": component_id, "name": effect.name, **moved})
            if effect.old_status is not effect.new_status:
                by = {"at": update.display_at, "by_kind": "import", "by_ref": update.id}
                changes.append({"component_id": component_id, **moved, **by})
    if effects:
        session.execute(insert(UpdateEffect), effects)
    if changes:
        references = [change["by_ref"] for change in changes]
        session.execute(
            delete(ComponentChange).where(ComponentChange.by_kind == "import", ComponentChange.by_ref.in_(references))
        )
        session.execute(insert(ComponentChange), changes)


def _ids(session: Session, table: type[Post] | type[Update], public_ids: Sequence[str]) -> dict[str, int]:
    rows = session.execute(select(table.public_id, table.id).where(table.public_id.in_(public_ids)))
    return {row[0]: row[1] for row in rows}


def _components(session: Session, page_id: int) -> dict[str, int]:
    rows = session.execute(select(Component.public_id, Component.id).where(Component.page_id == page_id))
    return {row[0]: row[1] for row in rows}


def _update_owners(session: Session, rows: Sequence[ImportedPost]) -> dict[str, str]:
    ids = [update.id for row in rows for update in row.updates]
    found = session.execute(
        select(Update.public_id, Post.public_id).join(Post, Post.id == Update.post_id).where(Update.public_id.in_(ids))
    )
    return {row[0]: row[1] for row in found}


def _post_values(row: ImportedPost) -> dict[str, Any]:
    return {
        "kind": row.kind.value,
        "title": row.title,
        "status": row.status.value,
        "impact": row.impact.value,
        "impact_override": row.impact.value,
        "started_at": row.started_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "monitoring_at": row.monitoring_at,
        "resolved_at": row.resolved_at,
        "closed_at": _closed_at(row),
        "scheduled_for": row.scheduled_for,
        "scheduled_until": row.scheduled_until,
    }


def _closed_at(row: ImportedPost) -> datetime | None:
    return (row.resolved_at or row.updated_at) if row.status.is_terminal else None


def _update_values(update: ImportedUpdate) -> dict[str, Any]:
    return {
        "status": update.status.value,
        "body": update.body,
        "body_html": update.body_html,
        "display_at": update.display_at,
        "created_at": update.created_at,
        "updated_at": update.updated_at,
        "notify": update.notify,
    }
