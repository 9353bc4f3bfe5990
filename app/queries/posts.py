"""Posts: as lists show them, and one with all its updates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from app.clock import now
from app.errors import NotFound
from app.models.component import Component, ComponentGroup
from app.models.delivery import Delivery, Dispatch
from app.models.incident import Incident
from app.models.post import Post, PostComponent, Update
from app.models.record_link import RecordLink
from app.vocabulary import ComponentStatus, DeliveryState, DispatchKind, Impact, PostKind, PostStatus, Severity

RECENT_POSTS = 8
POSTS_PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class PostRow:
    """One post in a list, with its promise."""

    public_id: str
    title: str
    kind: PostKind
    status: PostStatus
    impact: Impact
    started_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    scheduled_for: datetime | None
    scheduled_until: datetime | None
    next_update_by: datetime | None
    severity: Severity | None
    incident_id: str
    components: tuple[str, ...] = ()
    withdrawn_at: datetime | None = None
    names_visible_component: bool = False

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.next_update_by is not None and self.next_update_by < now()


def open_posts(session: Session, page_id: int) -> list[PostRow]:
    """Open posts, the promise that is due first at the top.  Two queries."""
    rows = _post_rows(session, _posts(page_id).where(Post.closed_at.is_(None)))
    return sorted(rows, key=lambda post: (post.next_update_by is None, post.next_update_by or post.started_at))


def recent_posts(session: Session, page_id: int, *, limit: int = RECENT_POSTS, offset: int = 0) -> list[PostRow]:
    """Closed posts, newest first.  Two queries."""
    closed = _posts(page_id).where(Post.closed_at.is_not(None))
    return _post_rows(session, closed.order_by(Post.started_at.desc(), Post.id.desc()).limit(limit).offset(offset))


Rows = Select[Post, str, str]


def _posts(page_id: int) -> Rows:
    return (
        select(Post, Incident.severity, Incident.public_id)
        .outerjoin(Incident, Incident.id == Post.incident_id)
        .where(Post.page_id == page_id)
    )


def _post_rows(session: Session, query: Rows) -> list[PostRow]:
    found = session.execute(query).all()
    about: dict[int, list[tuple[str, bool]]] = {}
    for post_id, name, visible in session.execute(
        select(PostComponent.post_id, Component.name, Component.visible)
        .join(Component, Component.id == PostComponent.component_id)
        .where(PostComponent.post_id.in_([post.id for post, _, _ in found]))
        .order_by(Component.position, Component.id)
    ):
        about.setdefault(post_id, []).append((name, visible))
    return [post_row(post, severity, incident, about.get(post.id, ())) for post, severity, incident in found]


def post_row(post: Post, severity: str | None, incident: str | None, about: Sequence[tuple[str, bool]] = ()) -> PostRow:
    """A post as a list shows it; `about` are its components' names and whether the public sees them."""
    return PostRow(
        public_id=post.public_id,
        title=post.title,
        kind=PostKind(post.kind),
        status=PostStatus(post.status),
        impact=Impact(post.impact),
        started_at=post.started_at,
        updated_at=post.updated_at,
        closed_at=post.closed_at,
        scheduled_for=post.scheduled_for,
        scheduled_until=post.scheduled_until,
        next_update_by=post.next_update_by,
        severity=Severity(severity) if severity else None,
        incident_id=incident or "",
        withdrawn_at=post.withdrawn_at,
        components=tuple(name for name, _ in about),
        names_visible_component=any(visible for _, visible in about),
    )


def count_updates(session: Session, page_id: int) -> int:
    """How many updates the page has ever published: 0 means that the first is still to come.  One query."""
    return session.scalar(select(func.count(Update.id)).join(Post).where(Post.page_id == page_id)) or 0


@dataclass(frozen=True, slots=True)
class StillBroken:
    """A component that a terminal status would leave as it is: its public id, name and status now."""

    public_id: str
    name: str
    status: ComponentStatus


@dataclass(frozen=True, slots=True)
class EffectRow:
    """What an update did to a component."""

    name: str
    before: ComponentStatus
    after: ComponentStatus


@dataclass(frozen=True, slots=True)
class FormerText:
    """What an update said before a correction; `display_at` is when it was dated, if the correction moved it."""

    body: str
    body_html: str
    display_at: datetime | None
    replaced_at: datetime
    replaced_by: str


@dataclass(frozen=True, slots=True)
class DispatchSummary:
    """One line about an update's notices."""

    state: str
    sent: int
    failed: int
    waiting: int
    skipped: int


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """One statement in a thread.  `dispatch` is None when it notified no one."""

    id: int
    public_id: str
    status: PostStatus
    body: str
    body_html: str
    display_at: datetime
    corrected_at: datetime | None
    next_update_by: datetime | None
    author: str
    version: int
    notify: bool
    effects: tuple[EffectRow, ...]
    former: tuple[FormerText, ...]
    dispatch: DispatchSummary | None
    withdrawn_at: datetime | None = None
    redacted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordRow:
    tracker: str
    key: str
    url: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A post, its updates newest first, the components it is about, and its internal record's links."""

    post: PostRow
    version: int
    updates: tuple[UpdateRow, ...]
    components: tuple[StillBroken, ...]
    records: tuple[RecordRow, ...]
    pinned: bool
    by_clock: bool

    @property
    def broken(self) -> tuple[StillBroken, ...]:
        """The post's components that aren't operational now."""
        return tuple(row for row in self.components if row.status is not ComponentStatus.OPERATIONAL)

    @property
    def component_ids(self) -> tuple[str, ...]:
        return tuple(row.public_id for row in self.components)


@dataclass(frozen=True, slots=True)
class UpdateFacts:
    """One update, enough to correct it or to follow its notices."""

    id: int
    public_id: str
    body: str
    version: int
    status: PostStatus
    display_at: datetime
    post_public_id: str
    post_title: str
    post_kind: PostKind
    withdrawn_at: datetime | None


def thread(session: Session, page_id: int, public_id: str) -> Thread:
    """A post with its whole thread: at most nine queries, however long it is.

    Raises:
        NotFound: this page doesn't have that post.
    """
    post = session.scalar(
        select(Post)
        .where(Post.page_id == page_id, Post.public_id == public_id)
        .options(
            selectinload(Post.updates).selectinload(Update.effects),
            selectinload(Post.updates).selectinload(Update.revisions),
        )
    )
    if post is None:
        raise NotFound("Post not found.")
    incident = session.get(Incident, post.incident_id) if post.incident_id else None
    components = _components(session, post.id)
    summaries = _dispatches(session, post.id)
    updates = sorted(post.updates, key=lambda update: update.sequence, reverse=True)
    return Thread(
        post=post_row(
            post,
            incident.severity if incident else None,
            incident.public_id if incident else None,
            [(component.name, True) for component in components],
        ),
        version=post.version,
        updates=tuple(_update_row(update, summaries.get(update.id)) for update in updates),
        components=components,
        records=_records(session, post.incident_id),
        pinned=post.pinned,
        by_clock=post.auto_start or post.auto_end,
    )


def update_facts(session: Session, page_id: int, public_id: str) -> UpdateFacts:
    """One update.  One query.

    Raises:
        NotFound: this page doesn't have that update.
    """
    row = session.execute(
        select(Update, Post).join(Post).where(Post.page_id == page_id, Update.public_id == public_id)
    ).first()
    if row is None:
        raise NotFound("Update not found.")
    update, post = row
    return UpdateFacts(
        id=update.id,
        public_id=update.public_id,
        body=update.body,
        version=update.version,
        status=PostStatus(update.status),
        display_at=update.display_at,
        post_public_id=post.public_id,
        post_title=post.title,
        post_kind=post.kind,
        withdrawn_at=update.withdrawn_at,
    )


def _update_row(update: Update, dispatch: DispatchSummary | None) -> UpdateRow:
    return UpdateRow(
        id=update.id,
        public_id=update.public_id,
        status=PostStatus(update.status),
        body=update.body,
        body_html=update.body_html,
        display_at=update.display_at,
        corrected_at=update.corrected_at,
        next_update_by=update.next_update_by,
        author=update.author,
        version=update.version,
        notify=update.notify,
        effects=tuple(
            EffectRow(effect.name, ComponentStatus(effect.from_status), ComponentStatus(effect.to_status))
            for effect in update.effects
        ),
        former=tuple(
            FormerText(former.body, former.body_html, former.display_at, former.replaced_at, former.replaced_by)
            for former in reversed(update.revisions)
        ),
        dispatch=dispatch,
        withdrawn_at=update.withdrawn_at,
        redacted_at=update.redacted_at,
    )


def _components(session: Session, post_id: int) -> tuple[StillBroken, ...]:
    rows = session.execute(
        select(Component, ComponentGroup.name)
        .join(PostComponent, PostComponent.component_id == Component.id)
        .outerjoin(ComponentGroup, ComponentGroup.id == Component.group_id)
        .where(PostComponent.post_id == post_id, Component.archived_at.is_(None))
        .order_by(Component.position, Component.id)
    )
    return tuple(
        StillBroken(
            component.public_id, f"{group} - {component.name}" if group else component.name,
            ComponentStatus(component.status),
        )
        for component, group in rows
    )  # fmt: skip


def _records(session: Session, incident_id: int | None) -> tuple[RecordRow, ...]:
    if incident_id is None:
        return ()
    rows = session.scalars(select(RecordLink).where(RecordLink.incident_id == incident_id).order_by(RecordLink.id))
    return tuple(RecordRow(link.tracker, link.key, link.url) for link in rows)


def _dispatches(session: Session, post_id: int) -> dict[int, DispatchSummary]:
    rows = session.execute(
        select(Dispatch.update_id, Dispatch.state, Delivery.state, func.count(Delivery.id))
        .outerjoin(Delivery, Delivery.dispatch_id == Dispatch.id)
        .where(Dispatch.post_id == post_id, Dispatch.kind == DispatchKind.UPDATE)
        .group_by(Dispatch.update_id, Dispatch.state, Delivery.state)
    )
    counts: dict[int, dict[str, int]] = {}
    states: dict[int, str] = {}
    for update_id, dispatch_state, delivery_state, count in rows:
        states[update_id or 0] = dispatch_state
        counts.setdefault(update_id or 0, {})[delivery_state or ""] = count
    return {update_id: _summary(state, counts[update_id]) for update_id, state in states.items()}


def _summary(state: str, counts: dict[str, int]) -> DispatchSummary:
    return DispatchSummary(
        state=state,
        sent=counts.get(DeliveryState.SENT, 0),
        failed=counts.get(DeliveryState.FAILED, 0) + counts.get(DeliveryState.BOUNCED, 0),
        waiting=counts.get(DeliveryState.PENDING, 0) + counts.get(DeliveryState.SENDING, 0),
        skipped=counts.get(DeliveryState.SKIPPED, 0),
    )


def got_it(session: Session, update_ids: Sequence[int]) -> int:
    """How many subscribers got, or may have got, any of these updates.  One query."""
    statement = (
        select(func.count(func.distinct(Delivery.subscriber_id)))
        .join(Dispatch, Dispatch.id == Delivery.dispatch_id)
        .where(Dispatch.update_id.in_(update_ids), Delivery.state.in_([DeliveryState.SENT, DeliveryState.UNKNOWN]))
    )
    return session.scalar(statement) or 0
