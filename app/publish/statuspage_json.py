"""`/api/v2` in Statuspage's shape: exact keys, key order, and times in the page's zone with three decimals."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.publish.links import permalink
from app.publish.views import ComponentView, EffectView, GroupView, PageView, PostView, Snapshot, UpdateView
from app.vocabulary import PostKind

Document = dict[str, Any]


def summary(snapshot: Snapshot) -> bytes:
    """`/api/v2/summary.json`: page, components, open incidents, maintenances to come or underway, status."""
    open_posts = snapshot.open_posts
    maintenances = [post for post in open_posts if post.kind is PostKind.MAINTENANCE]
    return _bytes(
        {
            "page": _page(snapshot.page),
            "components": components(snapshot),
            "incidents": [incident(snapshot, post) for post in open_posts if post.kind is PostKind.INCIDENT],
            "scheduled_maintenances": [incident(snapshot, post) for post in (*maintenances, *snapshot.upcoming)],
            "status": _status(snapshot),
        }
    )


def status(snapshot: Snapshot) -> bytes:
    """`/api/v2/status.json`: the verdict alone."""
    return _bytes({"page": _page(snapshot.page), "status": _status(snapshot)})


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
        "status": post.status.value,
        "created_at": stamp(post.created_at, zone),
        "updated_at": stamp(post.updated_at, zone),
        "monitoring_at": _maybe(post.monitoring_at, zone),
        "resolved_at": _maybe(post.resolved_at, zone),
        "impact": post.impact.value,
        "shortlink": permalink(page.url, post.public_id),
        "started_at": stamp(post.started_at, zone),
        "page_id": page.public_id,
        "incident_updates": [_update(post, update, zone) for update in post.updates],
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
        "status": component.status.value,
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
        "status": group.status.value,
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


def _update(post: PostView, update: UpdateView, zone: ZoneInfo) -> Document:
    return {
        "id": update.public_id,
        "status": update.status.value,
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
        "old_status": effect.from_status.value,
        "new_status": effect.to_status.value,
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
