"""Five years of a busy page, put straight into the tables: 60 components, 3,000 posts, 15,000 updates, subscribers."""

import hashlib
import random
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from app.clock import now
from app.db import Base, transaction
from app.models.component import Component, ComponentChange, ComponentGroup
from app.models.page import Page
from app.models.post import Post, PostComponent, Update, UpdateEffect
from app.models.subscriber import Subscriber
from app.text import markdown_to_html
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus, SubscriberState

COMPONENTS = 60
GROUPS = 8
POSTS = 3_000
UPDATES_OF_A_POST = 5
DAYS = 5 * 365
STORY = (
    PostStatus.INVESTIGATING, PostStatus.IDENTIFIED, PostStatus.IDENTIFIED, PostStatus.MONITORING, PostStatus.RESOLVED,
)  # fmt: skip
SAID = (
    "Some requests to **checkout** fail with an error. We are looking into it, and will say more soon.",
    "We found the cause: a deploy at 14:10 used up the database's connections. It is being rolled back.",
    "The rollback is under way in two of three regions. Payments that failed were not charged.",
    "Error rates are back to normal. We keep watching:\n\n- checkout\n- payments\n- the public API",
    "This is resolved. Thank you for your patience; a report will follow.",
)
Row = dict[str, Any]


def fill(page_id: int, posts: int = POSTS, subscribers: int = 0) -> None:
    """Fill an empty page.  The same numbers make the same rows."""
    chance = random.Random(5)
    at = now()
    with transaction() as session:
        _put(session, ComponentGroup, [
            {"id": n, "page_id": page_id, "name": f"Region {n}", "position": n} for n in range(1, GROUPS + 1)
        ])  # fmt: skip
        began = at - timedelta(days=DAYS)
        _put(session, Component, [
            {"id": n, "page_id": page_id, "group_id": n % GROUPS + 1, "name": f"Service {n:02}", "position": n,
             "created_at": began}
            for n in range(1, COMPONENTS + 1)
        ])  # fmt: skip
        rows = _posts(page_id, posts, at, chance)
        for table in (Post, Update, UpdateEffect, PostComponent, ComponentChange):
            _put(session, table, rows[table])
        for first in range(0, subscribers, 10_000):
            _put(session, Subscriber, [_subscriber(page_id, n) for n in range(first, min(first + 10_000, subscribers))])
        session.execute(update(Page).values(revision=2, rebuild_revision=2))


def _put(session: Any, table: type[Base], rows: list[Row]) -> None:
    if rows:
        session.execute(insert(table), rows)


def _posts(page_id: int, posts: int, at: datetime, chance: random.Random) -> dict[type[Base], list[Row]]:
    rows: dict[type[Base], list[Row]] = {t: [] for t in (Post, Update, UpdateEffect, PostComponent, ComponentChange)}
    texts = [(body, markdown_to_html(body)) for body in SAID]
    for number in range(1, posts + 1):
        begun = at - timedelta(days=DAYS * (posts - number + 1) / posts, minutes=chance.randrange(600))
        ended = begun + timedelta(minutes=100)
        component = chance.randrange(1, COMPONENTS + 1)
        rows[Post].append(
            {"id": number, "page_id": page_id, "public_id": f"p{number:011}", "kind": PostKind.INCIDENT,
             "title": f"Slow answers from service {component:02}", "status": PostStatus.RESOLVED,
             "impact": Impact.MAJOR, "started_at": begun, "created_at": begun, "updated_at": ended,
             "resolved_at": ended, "closed_at": ended, "changed_revision": 1}
        )  # fmt: skip
        rows[PostComponent].append({"post_id": number, "component_id": component})
        for place, (status, (body, body_html)) in enumerate(zip(STORY, texts, strict=True)):
            _say(rows, number, place, begun + timedelta(minutes=25 * place), status, body, body_html, component)
    return rows


def _say(
    rows: dict[type[Base], list[Row]], post: int, place: int, at: datetime, status: PostStatus, body: str,
    body_html: str, component: int,
) -> None:  # fmt: skip
    update_id = (post - 1) * UPDATES_OF_A_POST + place + 1
    rows[Update].append(
        {"id": update_id, "post_id": post, "public_id": f"u{update_id:011}", "sequence": place + 1, "status": status,
         "body": body, "body_html": body_html, "display_at": at, "created_at": at, "updated_at": at,
         "idempotency_key": f"years-{update_id}"}
    )  # fmt: skip
    moves = {
        0: (ComponentStatus.OPERATIONAL, ComponentStatus.PARTIAL_OUTAGE),
        4: (ComponentStatus.PARTIAL_OUTAGE, ComponentStatus.OPERATIONAL),
    }
    if place in moves:
        before, after = moves[place]
        rows[UpdateEffect].append(
            {"update_id": update_id, "component_id": component, "name": f"Service {component:02}",
             "from_status": before, "to_status": after}
        )  # fmt: skip
        rows[ComponentChange].append(
            {"component_id": component, "from_status": before, "to_status": after, "at": at, "by_kind": "update"}
        )


def _subscriber(page_id: int, number: int) -> Row:
    address = f"reader{number}@example.com"
    return {
        "page_id": page_id, "public_id": f"s{number:011}", "channel": "email", "address": address,
        "address_hash": hashlib.sha256(address.encode()).hexdigest(), "state": SubscriberState.ACTIVE,
    }  # fmt: skip
