"""Reading Uptime Kuma: its backup (monitorList) and its status pages (GET /api/status-page/:slug).

The backup of 1.x holds monitors and groups of them (type "group", named by `parent` of their members), and no
incidents or maintenance; a status page's document has publicGroupList, incident or incidents, and maintenanceList.
Shapes: louislam/uptime-kuma, server/model monitor.js, group.js, incident.js and maintenance.js.  Addresses, secrets and
notes of monitors aren't read: they are no one else's business.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.errors import Invalid
from app.text import markdown_to_html
from app.transfer.fields import Fields, RowError, is_on, read_choice, read_line, read_list, read_local
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
from app.transfer.status_pages.texts import read_body
from app.vocabulary import PostKind, PostStatus

SOURCE = "uptime-kuma"
PARTS = ("monitorList", "publicGroupList", "maintenanceList", "incidents", "incident", "incidentList")
MAINTENANCE_STATUSES = {
    "scheduled": PostStatus.SCHEDULED,
    "under-maintenance": PostStatus.IN_PROGRESS,
    "ended": PostStatus.COMPLETED,
}
REPEATS = "it repeats or is switched manually, and maintenance here has one start and one end: schedule it manually"
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


def read_document(paths: Iterable[Path]) -> ImportedDocument:
    """Read all files.

    Raises:
        Invalid: a file is none of Uptime Kuma's; the sentence names it.
    """
    gathering = Gathering()
    groups: dict[Any, Fields] = {}
    monitors: dict[Any, Fields] = {}
    for path in paths:
        raw = load(path)
        if not isinstance(raw, dict) or not any(key in raw for key in PARTS):
            raise Invalid(f"{path.name} isn't a backup or a status page from Uptime Kuma.")
        _sort(raw, gathering, groups, monitors)
        saved = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
        incidents = [*_listed(raw, "incidents"), *_listed(raw, "incidentList"), *_listed(raw, "incident")]
        gathering.add_posts("incident", incidents, _incident)
        gathering.add_posts("maintenance", _listed(raw, "maintenanceList"), partial(_maintenance, saved=saved))
    gathering.add_components("group", list(groups.values()), _group)
    gathering.add_components("component", list(monitors.values()), _monitor)
    return gathering.document("Uptime Kuma")


def _listed(raw: Fields, key: str) -> list[Any]:
    """A list, one object, or objects by their ids."""
    value = raw.get(key)
    if isinstance(value, dict):
        return [value] if "id" in value else list(value.values())
    return value if isinstance(value, list) else []


def _sort(raw: Fields, gathering: Gathering, groups: dict[Any, Fields], monitors: dict[Any, Fields]) -> None:
    """Tell groups from monitors.  What a status page says of a monitor's group counts before what a backup says."""
    for row in _listed(raw, "monitorList"):
        key = row.get("id") if isinstance(row, dict) else None
        if not isinstance(key, int):
            gathering.refuse("component", row, "its id isn't a valid id")
        elif row.get("type") == "group":
            groups["monitor", key] = {**row, "kind": "monitor"}
        else:
            held = monitors.get(key, {}).get("group")
            group = ("monitor", row["parent"]) if isinstance(row.get("parent"), int) else None
            monitors[key] = {**row, "group": held or group}
    for group in _listed(raw, "publicGroupList"):
        if not isinstance(group, dict) or not isinstance(group.get("id"), int):
            gathering.refuse("group", group, "its id isn't a valid id")
            continue
        groups["public", group["id"]] = {**group, "kind": "public"}
        for row in _listed(group, "monitorList"):
            if isinstance(row, dict) and isinstance(row.get("id"), int):
                known = monitors.get(row["id"], {})
                monitors[row["id"]] = {**row, **known, "group": ("public", group["id"])}


def _weight(raw: Fields) -> int:
    value = raw.get("weight")
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def _group(raw: Fields) -> ImportedComponent:
    """Groups here don't contain groups: a nested one is placed beside its parent."""
    return ImportedComponent(
        id=read_foreign(raw, SOURCE, f"{raw['kind']} group"),
        name=read_line(raw, "name", 200),
        status=None,
        description="",
        position=_weight(raw),
        is_group=True,
    )


def _monitor(raw: Fields) -> ImportedComponent:
    """Whether it is up isn't in the documents: who is new is of unknown status, until someone says."""
    if not is_on(raw.get("active", True)):
        raise RowError("it is paused there")
    group = raw.get("group")
    return ImportedComponent(
        id=read_foreign(raw, SOURCE, "monitor"),
        name=read_line(raw, "name", 200),
        status=None,
        description="",
        position=_weight(raw),
        is_group=False,
        group_id=foreign_id(SOURCE, f"{group[0]} group", group[1], "parent") if group else None,
    )


def _incident(raw: Fields) -> ImportedPost:
    """A notice that is shown or isn't: it knows no other stages."""
    created = read_local(raw, "createdDate", ZoneInfo("UTC"))
    updated = read_local(raw, "lastUpdatedDate", ZoneInfo("UTC")) if raw.get("lastUpdatedDate") else created
    is_over = not is_on(raw.get("active", True))
    body = read_body(raw, "content")
    opening = ImportedUpdate(
        id=read_foreign(raw, SOURCE, "incident opening"),
        status=PostStatus.INVESTIGATING,
        body=body,
        body_html=markdown_to_html(body),
        display_at=created,
        created_at=created,
        updated_at=created,
    )
    return told(
        post_id=read_foreign(raw, SOURCE, "incident"),
        kind=PostKind.INCIDENT,
        title=read_line(raw, "title", 500),
        status=PostStatus.RESOLVED if is_over else PostStatus.INVESTIGATING,
        began_at=created,
        created_at=created,
        updated_at=updated,
        updates=[opening],
        over_at=updated if is_over else None,
    )


def _maintenance(raw: Fields, saved: datetime) -> ImportedPost:
    """`saved` is when the document was: what is planned was said by then, though not when."""
    if raw.get("strategy") != "single":
        raise RowError(REPEATS)
    if raw.get("status") == "inactive" or raw.get("active") is False:
        raise RowError("it is switched off there")
    slots = read_list(raw, "timeslotList")
    if len(slots) != 1:
        raise RowError("it doesn't have exactly one start and one end")
    zone = _zone(raw)
    begins, until = read_local(slots[0], "startDate", zone), read_local(slots[0], "endDate", zone)
    body, at = read_body(raw, "description"), min(begins, saved)
    said = ImportedUpdate(
        id=read_foreign(raw, SOURCE, "maintenance opening"),
        status=PostStatus.SCHEDULED,
        body=body,
        body_html=markdown_to_html(body),
        display_at=at,
        created_at=at,
        updated_at=at,
    )
    return told(
        post_id=read_foreign(raw, SOURCE, "maintenance"),
        kind=PostKind.MAINTENANCE,
        title=read_line(raw, "title", 500),
        status=read_choice(raw, "status", MAINTENANCE_STATUSES),
        began_at=begins,
        created_at=at,
        updated_at=at,
        updates=[said],
        over_at=until,
        scheduled_for=begins,
        scheduled_until=until,
    )


def _zone(raw: Fields) -> ZoneInfo | timezone:
    """The zone by its name, or how far it is from UTC.  Raises RowError: neither is said."""
    try:
        return ZoneInfo(str(raw.get("timezone")))
    except (KeyError, ValueError, OSError):
        found = _OFFSET.fullmatch(str(raw.get("timezoneOffset")))
    if found is None:
        raise RowError("its timezone is unknown")
    away = timedelta(hours=int(found[2]), minutes=int(found[3]))
    if away >= timedelta(hours=24):
        raise RowError("its timezone is unknown")
    return timezone(-away if found[1] == "-" else away)
