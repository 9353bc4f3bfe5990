"""`/api/v2` in Statuspage's shape: exact keys, key order, and times in the page's zone with three decimals."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.publish.links import permalink
from app.publish.views import ComponentView, EffectView, GroupView, PageView, PostView, Snapshot, UpdateView
from app.vocabulary import ComponentStatus, PostKind, PostStatus

Document = dict[str, Any]


def summary(snapshot: Snapshot) -> bytes:
    """`/api/v2/summary.json`: page, components, open incidents, maintenances to come or underway, status."""
    return _bytes(
        {
            "page": _page(snapshot.page),
            "components": components(snapshot),
            "incidents": [incident(snapshot, post) for post in _unresolved(snapshot)],
            "scheduled_maintenances": [incident(snapshot, post) for post in (*_active(snapshot), *snapshot.upcoming)],
            "status": _status(snapshot),
        }
    )


def status(snapshot: Snapshot) -> bytes:
    """`/api/v2/status.json`: the verdict alone."""
    return _bytes({"page": _page(snapshot.page), "status": _status(snapshot)})


def component_list(snapshot: Snapshot) -> bytes:
    """`/api/v2/components.json`."""
    return _bytes({"page": _page(snapshot.page), "components": components(snapshot)})


def incidents(snapshot: Snapshot) -> bytes:
    """`/api/v2/incidents.json`: the 50 newest incidents."""
    return _listed(snapshot, "incidents", _by_creation(snapshot.newest_incidents))


def unresolved(snapshot: Snapshot) -> bytes:
    """`/api/v2/incidents/unresolved.json`."""
    return _listed(snapshot, "incidents", _unresolved(snapshot))


def maintenances(snapshot: Snapshot) -> bytes:
    """`/api/v2/scheduled-maintenances.json`: the 50 newest."""
    return _listed(snapshot, "scheduled_maintenances", _by_creation(snapshot.newest_maintenances))


def upcoming(snapshot: Snapshot) -> bytes:
    """`/api/v2/scheduled-maintenances/upcoming.json`: those that haven't begun."""
    return _listed(snapshot, "scheduled_maintenances", snapshot.upcoming)


def active(snapshot: Snapshot) -> bytes:
    """`/api/v2/scheduled-maintenances/active.json`: those underway, being verified included."""
    return _listed(snapshot, "scheduled_maintenances", _active(snapshot))


def one_incident(snapshot: Snapshot, post: PostView) -> bytes:
    """`/api/v2/incidents/<id>.json`: a post alone; a maintenance too."""
    return _bytes({"page": _page(snapshot.page), "incident": _listed_incident(snapshot, post)})


DOCUMENTS: Mapping[str, Callable[[Snapshot], bytes]] = {
    "api/v2/summary.json": summary,
    "api/v2/status.json": status,
    "api/v2/components.json": component_list,
    "api/v2/incidents.json": incidents,
    "api/v2/incidents/unresolved.json": unresolved,
    "api/v2/scheduled-maintenances.json": maintenances,
    "api/v2/scheduled-maintenances/upcoming.json": upcoming,
    "api/v2/scheduled-maintenances/active.json": active,
}
"""What is written with every revision, by path."""


def components(snapshot: Snapshot) -> list[Document]:
    """Components and groups together, by position; a group names its members."""
    page = snapshot.page
    rows = [*((c.position, _component(page, c)) for c in snapshot.components)]
    rows += [(group.position, _group(page, group)) for group in snapshot.groups]
    return [document for _, document in sorted(rows, key=lambda row: row[0])]


def incident(snapshot: Snapshot, post: PostView) -> Document:
    """A post as Statuspage's incident or scheduled maintenance."""
    page = snapshot.page
    zone = page.zone
    by_id = {component.public_id: component for component in snapshot.components}
    document: Document = {
        "id": post.public_id,
        "name": post.title,
        "status": post_status(post.status),
        "created_at": stamp(post.created_at, zone),
        "updated_at": stamp(post.updated_at, zone),
        "monitoring_at": _maybe(post.monitoring_at, zone),
        "resolved_at": _maybe(_resolved_at(post), zone),
        "impact": post.impact.value,
        "shortlink": permalink(page.url, post.public_id),
        "started_at": stamp(post.started_at, zone),
        "page_id": page.public_id,
        "incident_updates": [update_document(post, update, zone) for update in post.updates],
        "components": [_component(page, by_id[key]) for key in post.component_ids if key in by_id],
    }
    if post.kind is PostKind.MAINTENANCE:
        document["scheduled_for"] = _maybe(post.scheduled_for, zone)
        document["scheduled_until"] = _maybe(post.scheduled_until, zone)
    return document


def stamp(at: datetime, zone: ZoneInfo) -> str:
    """An instant as Statuspage writes it: in the page's zone, exactly three decimals, "Z" for UTC."""
    text = at.astimezone(zone).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z") if zone.key in {"Etc/UTC", "UTC"} else text


def _resolved_at(post: PostView) -> datetime | None:
    """Canceled maintenance is shown as completed, and completed maintenance has the time of its completion."""
    return post.closed_at if post.status is PostStatus.CANCELLED else post.resolved_at


def post_status(status: PostStatus) -> str:
    """Statuspage has no word for a maintenance that was called off: it is over."""
    return PostStatus.COMPLETED if status is PostStatus.CANCELLED else status.value


def component_status(status: ComponentStatus) -> str:
    """Nor has it one for a component of which nothing is known: such a one isn't said to be well."""
    return ComponentStatus.DEGRADED_PERFORMANCE if status is ComponentStatus.UNKNOWN else status.value


def _listed(snapshot: Snapshot, name: str, posts: Iterable[PostView]) -> bytes:
    return _bytes({"page": _page(snapshot.page), name: [_listed_incident(snapshot, post) for post in posts]})


def _listed_incident(snapshot: Snapshot, post: PostView) -> Document:
    """Outside of a summary an incident ends with `reminder_intervals`, as captured in 2026; a maintenance has none."""
    made = incident(snapshot, post)
    return made if post.kind is PostKind.MAINTENANCE else {**made, "reminder_intervals": None}


def _unresolved(snapshot: Snapshot) -> Sequence[PostView]:
    return _by_creation(post for post in snapshot.open_posts if post.kind is PostKind.INCIDENT)


def _active(snapshot: Snapshot) -> Sequence[PostView]:
    return _by_creation(post for post in snapshot.open_posts if post.kind is PostKind.MAINTENANCE)


def _by_creation(posts: Iterable[PostView]) -> Sequence[PostView]:
    return sorted(posts, key=lambda post: (post.created_at, post.id), reverse=True)


def _maybe(at: datetime | None, zone: ZoneInfo) -> str | None:
    return None if at is None else stamp(at, zone)


def _page(page: PageView) -> Document:
    return {
        "id": page.public_id,
        "name": page.name,
        "url": page.url,
        "time_zone": page.time_zone,
        "updated_at": stamp(page.updated_at, page.zone),
    }


def _status(snapshot: Snapshot) -> Document:
    return {"indicator": snapshot.verdict.indicator.value, "description": snapshot.verdict.text}


def _component(page: PageView, component: ComponentView) -> Document:
    return {
        "id": component.public_id,
        "name": component.name,
        "status": component_status(component.status),
        "created_at": stamp(component.created_at, page.zone),
        "updated_at": stamp(component.updated_at, page.zone),
        "position": component.position,
        "description": component.description or None,
        "showcase": component.showcase,
        "start_date": component.start_date.isoformat() if component.start_date else None,
        "group_id": component.group_id,
        "page_id": page.public_id,
        "group": False,
        "only_show_if_degraded": component.only_show_if_degraded,
    }


def _group(page: PageView, group: GroupView) -> Document:
    return {
        "id": group.public_id,
        "name": group.name,
        "status": component_status(group.status),
        "created_at": stamp(group.created_at, page.zone),
        "updated_at": stamp(group.updated_at, page.zone),
        "position": group.position,
        "description": group.description or None,
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": page.public_id,
        "group": True,
        "only_show_if_degraded": False,
        "components": [component.public_id for component in group.components],
    }


def update_document(post: PostView, update: UpdateView, zone: ZoneInfo) -> Document:
    """An update as Statuspage's incident update."""
    return {
        "id": update.public_id,
        "status": post_status(update.status),
        "body": update.body,
        "incident_id": post.public_id,
        "created_at": stamp(update.created_at, zone),
        "updated_at": stamp(update.updated_at, zone),
        "display_at": stamp(update.display_at, zone),
        "affected_components": [_effect(effect) for effect in update.effects] or None,
        "deliver_notifications": update.notify,
        "custom_tweet": None,
        "tweet_id": None,
    }


def _effect(effect: EffectView) -> Document:
    return {
        "code": effect.component_id,
        "name": effect.name,
        "old_status": component_status(effect.from_status),
        "new_status": component_status(effect.to_status),
    }


def webhook_payload(
    page: PageView, verdict: Mapping[str, str], document: Document, at: datetime, unsubscribe: str
) -> Document:
    """What a webhook subscriber gets, in Statuspage's shape: `document` is the incident, `at` when it was said."""
    return {
        "meta": {
            "unsubscribe": unsubscribe,
            "documentation": f"{page.url}/history",
            "generated_at": stamp(at, page.zone),
        },
        "page": {
            "id": page.public_id,
            "status_indicator": verdict["indicator"],
            "status_description": verdict["text"],
        },
        "incident": document,
    }


def _bytes(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
