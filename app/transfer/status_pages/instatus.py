"""Reading what Instatus's API answers: GET /v1/:page_id/components, /incidents and /maintenances, bare arrays.

All files are read together.  Shapes: the API reference at instatus.com/help/api (components, incidents, maintenances).
"""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.errors import Invalid
from app.text import markdown_to_html
from app.transfer.fields import Fields, RowError, read_choice, read_instant, read_line, read_list, read_text
from app.transfer.status_pages.documents import (
    Gathering,
    ImportedComponent,
    ImportedDocument,
    ImportedPost,
    ImportedUpdate,
    told,
)
from app.transfer.status_pages.ids import foreign_id, read_foreign
from app.transfer.status_pages.json_files import load
from app.transfer.status_pages.texts import from_html, read_body
from app.vocabulary import ComponentStatus, PostKind, PostStatus

SOURCE = "instatus"
COMPONENT_STATUSES = {
    "OPERATIONAL": ComponentStatus.OPERATIONAL,
    "UNDERMAINTENANCE": ComponentStatus.UNDER_MAINTENANCE,
    "DEGRADEDPERFORMANCE": ComponentStatus.DEGRADED_PERFORMANCE,
    "PARTIALOUTAGE": ComponentStatus.PARTIAL_OUTAGE,
    "MINOROUTAGE": ComponentStatus.PARTIAL_OUTAGE,  # it has one step more than we do: this is the nearest
    "MAJOROUTAGE": ComponentStatus.MAJOR_OUTAGE,
}
INCIDENT_STATUSES = {
    "INVESTIGATING": PostStatus.INVESTIGATING,
    "IDENTIFIED": PostStatus.IDENTIFIED,
    "MONITORING": PostStatus.MONITORING,
    "RESOLVED": PostStatus.RESOLVED,
}
MAINTENANCE_STATUSES = {
    "NOTSTARTEDYET": PostStatus.SCHEDULED,
    "INPROGRESS": PostStatus.IN_PROGRESS,
    "COMPLETED": PostStatus.COMPLETED,
}
STRANGE = "it isn't a component, incident or maintenance from Instatus"
LONGEST_MINUTES = 366 * 24 * 60


def read_document(paths: Iterable[Path]) -> ImportedDocument:
    """Read all files.

    Raises:
        Invalid: a file is none of Instatus's; the sentence names it.
    """
    gathering = Gathering()
    kinds: dict[str, list[Fields]] = {"components": [], "incidents": [], "maintenances": []}
    for path in paths:
        raw = load(path)
        rows = [raw] if isinstance(raw, dict) and "id" in raw else raw
        if not isinstance(rows, list):
            raise Invalid(f"{path.name} isn't a response from Instatus's API: it isn't a list.")
        for row in rows:
            kind = _kind(row)
            if kind is None:
                gathering.refuse("row", row, STRANGE)
            else:
                kinds[kind].append(row)
    groups = _groups(kinds["components"])
    gathering.add_components("group", list(groups.values()), _group)
    single = [row for row in kinds["components"] if str(row.get("id")) not in groups]
    gathering.add_components("component", single, _component)
    gathering.add_posts("incident", kinds["incidents"], _incident)
    gathering.add_posts("maintenance", kinds["maintenances"], _maintenance)
    return gathering.document("Instatus")


def _kind(row: Any) -> str | None:
    if not isinstance(row, dict):
        return None
    tests = (
        ("maintenances", "start" in row and "duration" in row),
        ("incidents", "started" in row and "updates" in row),
        ("components", "showUptime" in row or "uniqueEmail" in row),
    )
    return next((kind for kind, is_it in tests if is_it), None)


def _groups(components: Iterable[Fields]) -> dict[str, Fields]:
    """What components name as their group: told in full beside them, or one of the list by its id."""
    groups: dict[str, Fields] = {}
    named = set()
    listed = {row["id"]: row for row in components if isinstance(row.get("id"), str)}
    for row in components:
        group = row.get("group")
        if isinstance(group, dict) and isinstance(group.get("id"), str):
            groups[group["id"]] = {**listed.get(group["id"], {}), **group}
        elif isinstance(group, str):
            named.add(group)
    return groups | {name: listed[name] for name in sorted(named) if name in listed}


def _position(raw: Fields) -> int:
    value = raw.get("order", 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise RowError("its order isn't a whole number")
    return value


def _group(raw: Fields) -> ImportedComponent:
    return ImportedComponent(
        id=read_foreign(raw, SOURCE, "component"),
        name=read_line(raw, "name", 200),
        status=None,
        description=read_text(raw, "description"),
        position=_position(raw),
        is_group=True,
    )


def _component(raw: Fields) -> ImportedComponent:
    if raw.get("archived") is True:
        raise RowError("it is archived there")
    group = raw.get("group")
    group_id = group.get("id") if isinstance(group, dict) else group
    return ImportedComponent(
        id=read_foreign(raw, SOURCE, "component"),
        name=read_line(raw, "name", 200),
        status=read_choice(raw, "status", COMPONENT_STATUSES),
        description=read_text(raw, "description"),
        position=_position(raw),
        is_group=False,
        showcase=raw.get("showUptime") is not False,
        group_id=foreign_id(SOURCE, "component", group_id, "group") if group_id else None,
    )


def _incident(raw: Fields) -> ImportedPost:
    began = read_instant(raw, "started")
    updates = [_update(one, INCIDENT_STATUSES) for one in read_list(raw, "updates")]
    return told(
        post_id=read_foreign(raw, SOURCE, "incident"),
        kind=PostKind.INCIDENT,
        title=read_line(raw, "name", 500),
        status=read_choice(raw, "status", INCIDENT_STATUSES),
        began_at=began,
        created_at=began,
        updated_at=max((update.updated_at for update in updates), default=began),
        updates=updates,
        component_ids=_components(raw),
        over_at=read_instant(raw, "resolved") if raw.get("resolved") else None,
    )


def _maintenance(raw: Fields) -> ImportedPost:
    begins = read_instant(raw, "start")
    minutes = raw.get("duration")
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 <= minutes <= LONGEST_MINUTES:
        raise RowError("its duration isn't a number of minutes")
    updates = [_update(one, MAINTENANCE_STATUSES) for one in read_list(raw, "updates")]
    written = min((update.created_at for update in updates), default=begins)
    return told(
        post_id=read_foreign(raw, SOURCE, "maintenance"),
        kind=PostKind.MAINTENANCE,
        title=read_line(raw, "name", 500),
        status=read_choice(raw, "status", MAINTENANCE_STATUSES),
        began_at=begins,
        created_at=written,
        updated_at=max((update.updated_at for update in updates), default=begins),
        updates=updates,
        component_ids=_components(raw),
        scheduled_for=begins,
        scheduled_until=begins + timedelta(minutes=minutes),
    )


def _update(raw: Fields, statuses: dict[str, PostStatus]) -> ImportedUpdate:
    """One that was told of the future was written before: what is planned begins later than it is said."""
    body = read_body(raw, "message") or from_html(read_body(raw, "messageHtml"))
    began = read_instant(raw, "started")
    created = read_instant(raw, "createdAt", began)
    return ImportedUpdate(
        id=read_foreign(raw, SOURCE, "update"),
        status=read_choice(raw, "status", statuses),
        body=body,
        body_html=markdown_to_html(body),
        display_at=min(began, created),
        created_at=created,
        updated_at=created,
        notify=raw.get("notify") is True,
    )


def _components(raw: Fields) -> list[str]:
    return [read_foreign(one, SOURCE, "component") for one in read_list(raw, "components")]
