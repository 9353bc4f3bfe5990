"""Rows of Cachet 3: GET /api/components, /api/component-groups, /api/incidents, /api/schedules and their /updates.

They are in the shape of JSON:API: `attributes` hold what a row is, times as {human, string} and statuses as {human,
value}; what belongs to it is there only when it was asked for (?include=updates,components).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.text import markdown_to_html
from app.transfer.fields import (
    AnyChoice,
    Fields,
    RowError,
    Times,
    is_on,
    read_choice,
    read_line,
    read_local,
    read_text,
    read_whole,
)
from app.transfer.status_pages.cachet_2 import HIDDEN, INCIDENT_STATUSES, SCHEDULE_STATUSES, opening
from app.transfer.status_pages.documents import Gathering, ImportedComponent, ImportedPost, ImportedUpdate, told
from app.transfer.status_pages.ids import foreign_id
from app.transfer.status_pages.texts import read_body
from app.vocabulary import ComponentStatus, PostKind, PostStatus

SOURCE = "cachet"
COMPONENT_STATUSES = {
    1: ComponentStatus.OPERATIONAL,
    2: ComponentStatus.DEGRADED_PERFORMANCE,
    3: ComponentStatus.PARTIAL_OUTAGE,
    4: ComponentStatus.MAJOR_OUTAGE,
    5: ComponentStatus.UNKNOWN,
    6: ComponentStatus.UNDER_MAINTENANCE,
}
KINDS = {
    "components": "components",
    "componentGroups": "groups",
    "incidents": "incidents",
    "schedules": "schedules",
    "updates": "updates",
}
NO_UPDATES = "its updates aren't in the documents: fetch it with ?include=updates,components"
NO_COMPONENTS = "its components aren't in the documents: fetch it with ?include=components"


class Cachet3Rows:
    """The rows of all documents, by what they are."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._updates: dict[str, dict[str, Any]] = {}
        self._group_of: dict[str, str] = {}
        self._groups: set[str] = set()

    def add(self, row: dict[str, Any]) -> str | None:
        """Take a row; what it is, None when it is nothing known."""
        kind = KINDS.get(str(row.get("type")))
        if kind == "updates":
            self._updates[str(row.get("id"))] = row
        elif kind:
            self._rows[kind].append(row)
        return kind

    def include(self, rows: Any) -> None:
        """Take the updates that came along with others; the rest of those is incomplete."""
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and row.get("type") == "updates" and isinstance(row.get("attributes"), dict):
                self.add(row)

    def read(self, gathering: Gathering) -> None:
        """Read all of them."""
        for group in self._rows["groups"]:
            named = _named(group, "components")
            self._group_of.update(dict.fromkeys(named or (), str(group.get("id"))))
        for component in self._rows["components"]:
            for group_id in _named(component, "group") or ():
                self._group_of[str(component.get("id"))] = group_id
        self._groups = set(self._group_of.values())
        gathering.add_components("group", self._flat("groups"), self._group)
        gathering.add_components("component", self._flat("components"), self._component)
        gathering.add_posts("incident", self._flat("incidents"), self._incident)
        gathering.add_posts("maintenance", self._flat("schedules"), self._schedule)

    def _flat(self, kind: str) -> list[dict[str, Any]]:
        """The attributes, with the row's own id and the whole row beside them."""
        return [{**row["attributes"], "id": row.get("id"), "row": row} for row in self._rows[kind]]

    def _group(self, raw: Fields) -> ImportedComponent:
        _check_visible(raw)
        if str(raw["id"]) not in self._groups and _named(raw["row"], "components") is None:
            raise RowError(NO_COMPONENTS)
        return ImportedComponent(
            id=foreign_id(SOURCE, "group", raw["id"]),
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
        group = self._group_of.get(str(raw["id"]))
        return ImportedComponent(
            id=foreign_id(SOURCE, "component", raw["id"]),
            name=read_line(raw, "name", 200),
            status=_status(raw, COMPONENT_STATUSES),
            description=read_text(raw, "description"),
            position=read_whole(raw, "order"),
            is_group=False,
            group_id=foreign_id(SOURCE, "group", group) if group else None,
            **self._times(raw),
        )

    def _incident(self, raw: Fields) -> ImportedPost:
        _check_visible(raw)
        times = self._times(raw)
        began = self._at(raw, "occurred") or times["created_at"]
        own = _status(raw, INCIDENT_STATUSES)
        updates = [self._update(one, own) for one in self._updates_of(raw, "incident")]
        first = PostStatus.INVESTIGATING if updates else own
        return told(
            post_id=foreign_id(SOURCE, "incident", raw["id"]),
            kind=PostKind.INCIDENT,
            title=read_line(raw, "name", 500),
            status=own,
            began_at=began,
            updates=[opening(raw, "incident", first, began), *updates],
            component_ids=_components(raw),
            over_at=None if updates else times["updated_at"],
            **times,
        )

    def _schedule(self, raw: Fields) -> ImportedPost:
        times = self._times(raw)
        if "published" in raw and self._at(raw, "published") is None:
            raise RowError("it is not published there")
        begins, until = self._at(raw, "scheduled"), self._at(raw, "completed")
        if begins is None:
            raise RowError("its scheduled isn't a time")
        own = _status(raw, SCHEDULE_STATUSES)
        updates = [self._update(one, own) for one in self._updates_of(raw, "schedule")]
        return told(
            post_id=foreign_id(SOURCE, "schedule", raw["id"]),
            kind=PostKind.MAINTENANCE,
            title=read_line(raw, "name", 500),
            status=own,
            began_at=begins,
            updates=[opening(raw, "schedule", PostStatus.SCHEDULED, times["created_at"]), *updates],
            component_ids=_components(raw),
            over_at=until,
            scheduled_for=begins,
            scheduled_until=until,
            **times,
        )

    def _updates_of(self, raw: Fields, kind: str) -> Iterable[dict[str, Any]]:
        """Those that it names, and those of the documents that name it.  Raises RowError: one isn't there."""
        named = _named(raw["row"], "updates")
        found = {
            update_id: row
            for update_id, row in self._updates.items()
            if str(row["attributes"].get("updateable_id")) == str(raw["id"])
            and str(row["attributes"].get("updateable_type")).lower().endswith(kind)
        }
        if (named is None and not found) or any(one not in self._updates for one in named or ()):
            raise RowError(NO_UPDATES)
        found.update({one: self._updates[one] for one in named or ()})
        return [{**row["attributes"], "id": update_id} for update_id, row in found.items()]

    def _update(self, raw: Fields, own: PostStatus) -> ImportedUpdate:
        """Those of schedules have no status of their own: they have that of the schedule."""
        body, times = read_body(raw, "message"), self._times(raw)
        value = raw.get("status")
        has_own = isinstance(value, dict) and value.get("value") is not None
        return ImportedUpdate(
            id=foreign_id(SOURCE, "update", raw["id"]),
            status=_status(raw, INCIDENT_STATUSES) if has_own else own,
            body=body,
            body_html=markdown_to_html(body),
            display_at=times["created_at"],
            **times,
        )

    def _at(self, raw: Fields, key: str) -> datetime | None:
        said = raw.get(key)
        if isinstance(said, dict) and said.get("string"):
            return read_local({key: said["string"]}, key, self._zone)
        return None

    def _times(self, raw: Fields) -> Times:
        created = self._at(raw, "created")
        if created is None:
            raise RowError("its created isn't a time")
        return {"created_at": created, "updated_at": self._at(raw, "updated") or created}


def _status(raw: Fields, words: Mapping[int, AnyChoice]) -> AnyChoice:
    said = raw.get("status")
    return read_choice({"status": said.get("value") if isinstance(said, dict) else said}, "status", words)


def _named(row: Fields, key: str) -> list[str] | None:
    """The ids that a relationship names; None when it wasn't asked for."""
    held = row.get("relationships")
    found = held.get(key) if isinstance(held, dict) else None
    if not isinstance(found, dict) or "data" not in found:
        return None
    data = found["data"]
    several = data if isinstance(data, list) else [data] if isinstance(data, dict) else []
    return [str(one["id"]) for one in several if isinstance(one, dict) and isinstance(one.get("id"), str | int)]


def _components(raw: Fields) -> list[str]:
    return [foreign_id(SOURCE, "component", one) for one in _named(raw["row"], "components") or ()]


def _check_visible(raw: Fields) -> None:
    """0 is for those who are signed in, 1 for everyone, 2 for no one."""
    if not is_on(raw.get("visible")):
        raise RowError(HIDDEN)
