"""Rows of Cachet 2: GET /api/v1/components, /components/groups, /incidents, /incidents/:id/updates and /schedules."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.text import markdown_to_html
from app.transfer.fields import (
    Fields,
    RowError,
    Times,
    is_on,
    read_choice,
    read_line,
    read_list,
    read_local,
    read_text,
    read_whole,
)
from app.transfer.status_pages.documents import Gathering, ImportedComponent, ImportedPost, ImportedUpdate, told
from app.transfer.status_pages.ids import foreign_id, read_foreign
from app.transfer.status_pages.texts import read_body
from app.vocabulary import ComponentStatus, PostKind, PostStatus

SOURCE = "cachet"
COMPONENT_STATUSES = {
    0: ComponentStatus.UNKNOWN,
    1: ComponentStatus.OPERATIONAL,
    2: ComponentStatus.DEGRADED_PERFORMANCE,
    3: ComponentStatus.PARTIAL_OUTAGE,
    4: ComponentStatus.MAJOR_OUTAGE,
}
INCIDENT_STATUSES = {
    1: PostStatus.INVESTIGATING,
    2: PostStatus.IDENTIFIED,
    3: PostStatus.MONITORING,
    4: PostStatus.RESOLVED,
}
SCHEDULE_STATUSES = {0: PostStatus.SCHEDULED, 1: PostStatus.IN_PROGRESS, 2: PostStatus.COMPLETED}
HIDDEN = "it is not public there"
AS_INCIDENT = "it is maintenance from Cachet 2.3, which doesn't store an end: schedule it here manually"


class Cachet2Rows:
    """The rows of all documents, by what they are."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._updates: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def add(self, row: dict[str, Any]) -> str | None:
        """Take a row; what it is, None when it is nothing known."""
        kind = _kind(row)
        if kind == "updates":
            self._updates[str(row["incident_id"])].append(row)
        elif kind:
            self._rows[kind].append(row)
        return kind

    def read(self, gathering: Gathering) -> None:
        """Read all of them."""
        gathering.add_components("group", self._rows["groups"], self._group)
        gathering.add_components("component", self._rows["components"], self._component)
        gathering.add_posts("incident", self._rows["incidents"], self._incident)
        gathering.add_posts("maintenance", self._rows["schedules"], self._schedule)

    def _group(self, raw: Fields) -> ImportedComponent:
        _check_public(raw)
        return ImportedComponent(
            id=read_foreign(raw, SOURCE, "group"),
            name=read_line(raw, "name", 200),
            status=None,
            description="",
            position=read_whole(raw, "order"),
            is_group=True,
            **self._times(raw),
        )

    def _component(self, raw: Fields) -> ImportedComponent:
        if not is_on(raw.get("enabled", True)):
            raise RowError("it is disabled there")
        _check_public({"deleted_at": raw.get("deleted_at")})
        group = raw.get("group_id")
        return ImportedComponent(
            id=read_foreign(raw, SOURCE, "component"),
            name=read_line(raw, "name", 200),
            status=read_choice(raw, "status", COMPONENT_STATUSES),
            description=read_text(raw, "description"),
            position=read_whole(raw, "order"),
            is_group=False,
            group_id=foreign_id(SOURCE, "group", group, "group_id") if group else None,
            **self._times(raw),
        )

    def _incident(self, raw: Fields) -> ImportedPost:
        _check_public(raw)
        if raw.get("status") == 0:
            raise RowError(AS_INCIDENT)
        said = [*read_list(raw, "updates"), *self._updates.get(str(raw.get("id")), ())]
        told_by_id = {foreign_id(SOURCE, "update", one.get("id")): one for one in said}
        updates = [self._update(one) for one in told_by_id.values()]
        times = self._times(raw)
        began = read_local(raw, "occurred_at", self._zone) if raw.get("occurred_at") else times["created_at"]
        own = read_choice(raw, "status", INCIDENT_STATUSES)
        newest = max(updates, key=lambda update: (update.display_at, update.id), default=None)
        first = PostStatus.INVESTIGATING if newest else own
        return told(
            post_id=read_foreign(raw, SOURCE, "incident"),
            kind=PostKind.INCIDENT,
            title=read_line(raw, "name", 500),
            status=newest.status if newest else own,
            began_at=began,
            updates=[opening(raw, "incident", first, began), *updates],
            component_ids=[foreign_id(SOURCE, "component", raw["component_id"])] if raw.get("component_id") else (),
            over_at=times["updated_at"] if newest is None else None,
            **times,
        )

    def _update(self, raw: Fields) -> ImportedUpdate:
        body = read_body(raw, "message")
        times = self._times(raw)
        return ImportedUpdate(
            id=read_foreign(raw, SOURCE, "update"),
            status=read_choice(raw, "status", INCIDENT_STATUSES),
            body=body,
            body_html=markdown_to_html(body),
            display_at=times["created_at"],
            **times,
        )

    def _schedule(self, raw: Fields) -> ImportedPost:
        _check_public({"deleted_at": raw.get("deleted_at")})
        times = self._times(raw)
        until = read_local(raw, "completed_at", self._zone) if raw.get("completed_at") else None
        begins = read_local(raw, "scheduled_at", self._zone)
        return told(
            post_id=read_foreign(raw, SOURCE, "schedule"),
            kind=PostKind.MAINTENANCE,
            title=read_line(raw, "name", 500),
            status=read_choice(raw, "status", SCHEDULE_STATUSES),
            began_at=begins,
            updates=[opening(raw, "schedule", PostStatus.SCHEDULED, times["created_at"])],
            component_ids=[
                foreign_id(SOURCE, "component", one.get("component_id")) for one in read_list(raw, "components")
            ],
            over_at=until,
            scheduled_for=begins,
            scheduled_until=until,
            **times,
        )

    def _times(self, raw: Fields) -> Times:
        created = read_local(raw, "created_at", self._zone)
        updated = read_local(raw, "updated_at", self._zone) if raw.get("updated_at") else created
        return {"created_at": created, "updated_at": updated}


def _kind(row: dict[str, Any]) -> str | None:
    """Each list has a key of its own; incidents and schedules share most."""
    tests = (
        ("updates", "incident_id" in row and "message" in row),
        ("groups", "collapsed" in row or ("order" in row and not row.keys() & {"status", "calc_type"})),
        ("incidents", "visible" in row and "message" in row),
        ("schedules", "scheduled_at" in row and "message" in row),
        ("components", "group_id" in row and "status" in row),
    )
    return next((kind for kind, is_it in tests if is_it), None)


def _check_public(raw: Fields) -> None:
    if raw.get("deleted_at"):
        raise RowError("it is deleted there")
    if "visible" in raw and not is_on(raw["visible"]):
        raise RowError(HIDDEN)


def opening(raw: Fields, kind: str, status: PostStatus, at: datetime) -> ImportedUpdate:
    """What was said first.  Cachet keeps no status of it once there are updates: then it is where incidents begin."""
    body = read_body(raw, "message")
    return ImportedUpdate(
        id=foreign_id(SOURCE, f"{kind} opening", raw.get("id")),
        status=status,
        body=body,
        body_html=markdown_to_html(body),
        display_at=at,
        created_at=at,
        updated_at=at,
    )
