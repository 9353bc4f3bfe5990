"""Responses of the Manage API, with the structure and key order of Statuspage's OpenAPI document."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from app.channels.numbers import country_of
from app.channels.registry import statuspage_type
from app.db import session
from app.models.component import Component, ComponentGroup, ComponentGroupText, ComponentText
from app.models.page import Page
from app.models.post import Post
from app.models.subscriber import Subscriber, SubscriberComponent
from app.publish.links import permalink
from app.publish.statuspage_json import Document, component_status, post_status, stamp, update_document
from app.publish.thread import read_posts
from app.publish.views import PageView, PostView
from app.vocabulary import ComponentStatus, PostStatus, SubscriberState
from app.web.api import bodies

_NO_TWITTER = {"twitter_updated_at": None, "wants_twitter_update": False}


def page_document(page_id: int) -> Document:
    """A page.  Fields for what Candor doesn't have are null or false."""
    page = session().get_one(Page, page_id, populate_existing=True)
    zone = ZoneInfo(page.time_zone)
    return {
        "id": page.public_id, "created_at": stamp(page.created_at, zone), "updated_at": stamp(page.updated_at, zone),
        "name": page.name, "page_description": None, "headline": None, "branding": "basic", "subdomain": page.slug,
        "domain": urlsplit(page.url).hostname, "url": page.url, "support_url": None, "hidden_from_search": False,
        "allow_page_subscribers": True, "allow_incident_subscribers": True, "allow_email_subscribers": True,
        "allow_sms_subscribers": True, "allow_rss_atom_feeds": True, "allow_webhook_subscribers": True,
        "notifications_from_email": page.mail_from or None, "notifications_email_footer": None,
        "time_zone": page.time_zone,
    }  # fmt: skip


def component_documents(page: PageView, *where: ColumnElement[bool]) -> list[Document]:
    """The page's matching components by position, including hidden ones but not archived ones."""
    rows = session().execute(
        select(Component, ComponentGroup.public_id)
        .outerjoin(ComponentGroup, ComponentGroup.id == Component.group_id)
        .where(Component.page_id == page.id, Component.archived_at.is_(None), *where)
        .order_by(Component.position, Component.id)
    )
    texts = _names(page, ComponentText.component_id, Component)
    return [{**_component(page, row, group), **_named(texts, row.id)} for row, group in rows]


def _component(page: PageView, row: Component, group_id: str | None) -> Document:
    return {
        "id": row.public_id, "page_id": page.public_id, "group_id": group_id,
        "created_at": stamp(row.created_at, page.zone), "updated_at": stamp(row.updated_at, page.zone), "group": False,
        "name": row.name, "description": row.description or None, "position": row.position,
        "status": component_status(ComponentStatus(row.status)), "showcase": row.showcase,
        "only_show_if_degraded": row.only_show_if_degraded, "automation_email": None,
        "start_date": row.start_date.isoformat() if row.start_date else None,
    }  # fmt: skip


def group_documents(page: PageView, *where: ColumnElement[bool]) -> list[Document]:
    """The page's matching groups, each with the ids of its components.  Three queries."""
    texts = _names(page, ComponentGroupText.group_id, ComponentGroup)
    members: dict[int, list[str]] = {}
    rows = session().execute(
        select(Component.group_id, Component.public_id)
        .where(Component.page_id == page.id, Component.archived_at.is_(None), Component.group_id.is_not(None))
        .order_by(Component.position, Component.id)
    )
    for group_id, public_id in rows:
        members.setdefault(group_id or 0, []).append(public_id)
    groups = session().scalars(
        select(ComponentGroup)
        .where(ComponentGroup.page_id == page.id, *where)
        .order_by(ComponentGroup.position, ComponentGroup.id)
    )
    return [
        {
            "id": group.public_id, "page_id": page.public_id, "name": group.name,
            "description": group.description or None, "components": members.get(group.id, []),
            "position": group.position, "created_at": stamp(group.created_at, page.zone),
            "updated_at": stamp(group.updated_at, page.zone), **_named(texts, group.id),
        }
        for group in groups
    ]  # fmt: skip


def incident_documents(page: PageView, *where: ColumnElement[bool]) -> list[Document]:
    """The page's matching posts, newest first, without withdrawn ones."""
    where = (Post.page_id == page.id, Post.withdrawn_at.is_(None), *where)
    posts = read_posts(session(), where)
    facts = {row.id: row for row in session().scalars(select(Post).where(*where))}
    components = {one["id"]: one for one in component_documents(page)}
    return [_incident(page, post, facts[post.id], components) for post in posts]


def _incident(page: PageView, post: PostView, row: Post, components: dict[str, Document]) -> Document:
    def maybe(at: datetime | None) -> str | None:
        return None if at is None else stamp(at, page.zone)

    postmortem = post.postmortem
    return {
        "id": post.public_id, "components": [components[one] for one in post.component_ids if one in components],
        "created_at": stamp(post.created_at, page.zone), "impact": post.impact.value,
        "impact_override": row.impact_override,
        "incident_updates": [
            {**update_document(post, one, page.zone), **_NO_TWITTER, **_texts(one.bodies, "body")}
            for one in post.updates
        ],
        "metadata": json.loads(row.metadata_json or "{}"), "monitoring_at": maybe(post.monitoring_at),
        "name": post.title, "page_id": page.public_id, "postmortem_body": postmortem.body if postmortem else None,
        "postmortem_body_last_updated_at": maybe(postmortem.updated_at) if postmortem else None,
        "postmortem_ignored": False, "postmortem_notified_subscribers": bool(postmortem and postmortem.notify),
        "postmortem_notified_twitter": False,
        "postmortem_published_at": maybe(postmortem.display_at) if postmortem else None,
        "resolved_at": maybe(post.resolved_at), "scheduled_auto_completed": row.auto_end,
        "scheduled_auto_in_progress": row.auto_start, "scheduled_for": maybe(post.scheduled_for),
        "auto_transition_deliver_notifications_at_end": row.auto_end,
        "auto_transition_deliver_notifications_at_start": row.auto_start,
        "auto_transition_to_maintenance_state": row.auto_start,
        "auto_transition_to_operational_state": row.auto_end, "scheduled_remind_prior": False,
        "scheduled_reminded_at": None, "scheduled_until": maybe(post.scheduled_until),
        "shortlink": permalink(page.url, post.public_id), "status": post_status(PostStatus(post.status)),
        "updated_at": stamp(post.updated_at, page.zone), "reminder_intervals": None, "backfilled": row.backfilled,
        **_texts(post.titles, "title"),
    }  # fmt: skip


def _names(
    page: PageView, owner: InstrumentedAttribute[int], named: type[Component | ComponentGroup]
) -> dict[int, Document] | None:
    """The names and descriptions in other languages, by row id; None at Statuspage's address, which has none."""
    if not bodies.is_ours():
        return None
    table: Any = owner.class_
    found: dict[int, Document] = {}
    statement = select(table).join(named, named.id == owner).where(named.page_id == page.id)
    for row in session().scalars(statement.order_by(table.language)):
        words = {"name": row.name, "description": row.description}
        found.setdefault(getattr(row, owner.key), {})[row.language] = words
    return found


def _named(texts: dict[int, Document] | None, row_id: int) -> Document:
    return {} if texts is None else {"texts": texts.get(row_id, {})}


def _texts(words: Mapping[str, str], name: str) -> Document:
    """The words in other languages; nothing at Statuspage's address, which has none."""
    return {"texts": {language: {name: said} for language, said in sorted(words.items())}} if bodies.is_ours() else {}


def subscriber_documents(page: PageView, rows: Sequence[Subscriber]) -> list[Document]:
    """Subscribers.  A phone number is in international format, with its country in a field of its own."""
    chosen: dict[int, list[str]] = {}
    links = session().execute(
        select(SubscriberComponent.subscriber_id, Component.public_id)
        .join(Component, Component.id == SubscriberComponent.component_id)
        .where(SubscriberComponent.subscriber_id.in_([row.id for row in rows]))
    )
    for subscriber_id, public_id in links:
        chosen.setdefault(subscriber_id, []).append(public_id)
    return [_subscriber(row, sorted(chosen.get(row.id, ())), page) for row in rows]


def _subscriber(row: Subscriber, components: Iterable[str], page: PageView) -> Document:
    mode = statuspage_type(row.channel)
    created_at = stamp(row.created_at, page.zone)
    failing = stamp(row.failing_since or row.confirmed_at or row.created_at, page.zone)
    made: Document = {
        "id": row.public_id, "skip_confirmation_notification": False,
        "mode": mode,
    }  # fmt: skip
    if mode == "email":
        made["email"] = row.address
    elif mode == "sms":
        country = country_of(row.address).lower() or None
        made |= {"phone_number": row.address, "phone_country": country, "display_phone_number": row.address}
    elif mode == "webhook":
        made |= {"email": row.owner_email or None, "endpoint": row.address}
    else:
        made["obfuscated_channel_name"] = row.label
    is_quarantined = row.state == SubscriberState.QUARANTINED
    return {
        **made, "quarantined_at": failing if is_quarantined else None, "purge_at": None,
        "components": None if row.everything else list(components), "page_access_user_id": None,
        "created_at": created_at,
    }  # fmt: skip
