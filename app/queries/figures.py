"""The figures for `/metrics`: eight queries, each bounded by an index, and this machine's files.

No label contains user input except a page's slug.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, literal, select, union_all
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.channels.registry import names as channel_names
from app.clock import now
from app.db import release, session, translated
from app.errors import Unavailable
from app.models.account_contact import AccountNotice
from app.models.component import Component
from app.models.delivery import Delivery, Dispatch
from app.models.machine import Machine
from app.models.page import Page
from app.models.post import Post, PostComponent
from app.publish import store
from app.publish.verdict import OpenPost, verdict
from app.settings import Settings
from app.states.deliveries import is_in
from app.version import VERSION
from app.vocabulary import ComponentStatus, DeliveryState, DispatchState, Impact, PostKind, PostStatus

MOST_COUNTED = 100_000
"""So many deliveries of a channel and state are counted: one more tells no one anything, and costs time."""

ALIVE = timedelta(seconds=90)
OPEN_DISPATCHES = (DispatchState.HELD, DispatchState.SENDING)
WAITING = (DeliveryState.PENDING, DeliveryState.SENDING)
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """One gauge: its name, what it means, and its value for each set of labels."""

    name: str
    meaning: str
    samples: tuple[tuple[Labels, float], ...]


@dataclass(frozen=True, slots=True)
class _Page:
    id: int
    slug: str
    revision: int


def figures(settings: Settings) -> list[Family]:
    """All of them; without the database, those that need none, and that it isn't there."""
    families = [
        _gauge("candor_info", "The version that runs.", ({"version": VERSION}, 1)),
        *_published(settings),
    ]
    try:
        with translated():
            told = _committed(session())
    except (Unavailable, PoolTimeout):
        release()
        return [*families, _gauge("candor_database_up", "Whether the database answers.", ({}, 0))]
    return [*families, _gauge("candor_database_up", "Whether the database answers.", ({}, 1)), *told]


def _gauge(name: str, meaning: str, *samples: tuple[Labels, float]) -> Family:
    return Family(name, meaning, samples)


def _published(settings: Settings) -> Iterator[Family]:
    """What readers of this machine get, from its files."""
    folders = sorted(path for path in settings.public_root.glob("*") if (path / ".lock").is_file())
    found = {path.name: meta for path in folders if (meta := store.published(path)) is not None}
    at = now()
    ages = [({"page": slug}, _seconds(at, meta.rendered)) for slug, meta in found.items()]
    revisions = [({"page": slug}, float(meta.revision)) for slug, meta in found.items()]
    yield _gauge("candor_snapshot_age_seconds", "How long ago this machine last wrote the page.", *ages)
    yield _gauge("candor_page_revision_published", "The revision that readers of this machine see.", *revisions)


def _committed(reading: Session) -> list[Family]:
    rows = reading.execute(select(Page.id, Page.slug, Page.revision).order_by(Page.id))
    pages = [_Page(*row) for row in rows]
    components, posts = _components(reading), _open_posts(reading)
    revisions = [({"page": page.slug}, float(page.revision)) for page in pages]
    return [
        _gauge("candor_page_revision_committed", "The revision that the database is at.", *revisions),
        _indicators(pages, components, posts),
        _open_post_counts(pages, posts),
        _component_counts(pages, components),
        _waiting(reading),
        _account_notices(reading),
        _dispatches(reading),
        *_workers(reading),
    ]


def _components(reading: Session) -> dict[int, dict[ComponentStatus, int]]:
    """How many visible components of each page have each status."""
    rows = reading.execute(
        select(Component.page_id, Component.status, func.count())
        .where(Component.visible, Component.archived_at.is_(None))
        .group_by(Component.page_id, Component.status)
    )
    found: dict[int, dict[ComponentStatus, int]] = {}
    for page_id, status, count in rows:
        found.setdefault(page_id, {})[ComponentStatus(status)] = count
    return found


def _open_posts(reading: Session) -> dict[int, list[OpenPost]]:
    is_tied = exists().where(PostComponent.post_id == Post.id)
    rows = reading.execute(
        select(Post.page_id, Post.kind, Post.status, Post.impact, is_tied).where(
            Post.page_id.in_(select(Page.id)), Post.closed_at.is_(None)
        )
    )
    found: dict[int, list[OpenPost]] = {}
    for page_id, kind, status, impact, tied in rows:
        post = OpenPost(PostKind(kind), PostStatus(status), Impact(impact), bool(tied))
        found.setdefault(page_id, []).append(post)
    return found


def _indicators(
    pages: list[_Page],
    components: Mapping[int, Mapping[ComponentStatus, int]],
    posts: Mapping[int, list[OpenPost]],
) -> Family:
    meaning = "The verdict: " + ", ".join(f"{impact.rank} {impact.value}" for impact in Impact) + "."
    shown = [
        ({"page": page.slug}, verdict(list(components.get(page.id, ())), posts.get(page.id, ())).indicator.rank)
        for page in pages
    ]
    return _gauge("candor_page_indicator", meaning, *shown)


def _open_post_counts(pages: list[_Page], posts: Mapping[int, list[OpenPost]]) -> Family:
    samples = [
        ({"page": page.slug, "kind": kind.value}, sum(post.kind is kind for post in posts.get(page.id, ())))
        for page in pages
        for kind in PostKind
    ]
    return _gauge("candor_open_posts", "Posts that are not over; maintenance that is to come is among them.", *samples)


def _component_counts(pages: list[_Page], components: Mapping[int, Mapping[ComponentStatus, int]]) -> Family:
    samples = [
        ({"page": page.slug, "status": status.value}, components.get(page.id, {}).get(status, 0))
        for page in pages
        for status in ComponentStatus
    ]
    return _gauge("candor_components", "Visible components by status.", *samples)


def _waiting(reading: Session) -> Family:
    """Counted through the two indexes that hold nothing that is done, up to `MOST_COUNTED` each.  Two queries."""
    pending = union_all(*(_pending(channel) for channel in channel_names()))
    counts = {(channel, DeliveryState.PENDING): count for channel, count in reading.execute(pending)}
    held = is_in(Delivery, DeliveryState.SENDING), Delivery.leased_by >= ""  # all of them, and by the index over them
    taken = select(Delivery.channel).where(*held).limit(MOST_COUNTED).subquery()
    sending = select(taken.c.channel, func.count()).group_by(taken.c.channel)
    counts |= {(channel, DeliveryState.SENDING): count for channel, count in reading.execute(sending)}
    samples = [
        ({"channel": channel, "state": state.value}, counts.get((channel, state), 0))
        for channel in channel_names()
        for state in WAITING
    ]
    meaning = f"Deliveries that wait or are being sent, counted up to {MOST_COUNTED}."
    return _gauge("candor_deliveries_waiting", meaning, *samples)


def _account_notices(reading: Session) -> Family:
    """Counted through the two indexes that hold nothing that is done.  One query."""
    counted = union_all(
        *(select(literal(str(state)), func.count()).where(is_in(AccountNotice, state)) for state in WAITING)
    )
    samples = [({"state": state}, count) for state, count in reading.execute(counted)]
    return _gauge("candor_account_notices_waiting", "Notices to staff that wait or are being sent.", *samples)


def _pending(channel: str) -> Select[str, int]:
    waiting = select(Delivery.id).where(is_in(Delivery, DeliveryState.PENDING), Delivery.channel == channel)
    return select(literal(channel), func.count()).select_from(waiting.limit(MOST_COUNTED).subquery())


def _dispatches(reading: Session) -> Family:
    rows = reading.execute(
        select(Dispatch.state, func.count()).where(Dispatch.state.in_(OPEN_DISPATCHES)).group_by(Dispatch.state)
    )
    counts = {row[0]: row[1] for row in rows}
    samples = [({"state": state.value}, counts.get(state, 0)) for state in OPEN_DISPATCHES]
    return _gauge("candor_dispatches_open", "Updates that are held or being sent to their subscribers.", *samples)


def _workers(reading: Session) -> Iterator[Family]:
    """How the workers' machines do; the age is left out before there was any."""
    at = now()
    ages = [_seconds(at, seen_at) for seen_at in reading.scalars(select(Machine.seen_at))]
    newest: list[tuple[Labels, float]] = [({}, min(ages))] if ages else []
    alive = sum(age <= ALIVE.total_seconds() for age in ages)
    yield _gauge("candor_worker_heartbeat_age_seconds", "How long ago a worker last said that it works.", *newest)
    yield _gauge("candor_worker_machines", "Machines whose workers were seen in the last 90 seconds.", ({}, alive))


def _seconds(at: datetime, then: datetime) -> float:
    return max(0.0, (at - then).total_seconds())
