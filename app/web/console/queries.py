"""What the console shows, read into frozen values: a fixed number of queries for each screen, however much there is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.clock import now
from app.models.component import Component, ComponentGroup
from app.models.delivery import Delivery, Dispatch
from app.models.incident import Incident
from app.models.post import Post, PostComponent, Update
from app.vocabulary import (
    ComponentStatus,
    DeliveryState,
    DispatchState,
    Impact,
    PostKind,
    PostStatus,
    Severity,
)

RECENT_POSTS = 8
POSTS_PER_PAGE = 25


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """One component as a list or a form shows it."""

    public_id: str
    name: str
    description: str
    status: ComponentStatus
    visible: bool
    group_id: str
    group_name: str

    @property
    def full_name(self) -> str:
        return f"{self.group_name} - {self.name}" if self.group_name else self.name


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A heading with its components; the first one, without a name, holds those in no group."""

    public_id: str
    name: str
    components: tuple[ComponentRow, ...]


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
    names_visible_component: bool = False

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.next_update_by is not None and self.next_update_by < now()


@dataclass(frozen=True, slots=True)
class Health:
    """How sending has gone: figures of the last 24 hours, and what waits now."""

    sent: int
    failed: int
    bounced: int
    waiting: int
    oldest_due: datetime | None
    held: int

    @property
    def is_late(self) -> bool:
        """Whether something has been due for more than two minutes: the worker may be down."""
        return self.oldest_due is not None and self.oldest_due < now() - timedelta(minutes=2)

    @property
    def is_idle(self) -> bool:
        return not (self.sent or self.failed or self.bounced or self.waiting or self.held)


def component_groups(session: Session, page_id: int) -> tuple[GroupRow, ...]:
    """Every component in the page's order, under its group; empty groups too.  Two queries."""
    groups = session.scalars(
        select(ComponentGroup)
        .where(ComponentGroup.page_id == page_id)
        .order_by(ComponentGroup.position, ComponentGroup.id)
    ).all()
    members: dict[int | None, list[Component]] = {}
    for component in session.scalars(
        select(Component)
        .where(Component.page_id == page_id, Component.archived_at.is_(None))
        .order_by(Component.position, Component.id)
    ):
        members.setdefault(component.group_id, []).append(component)
    alone = GroupRow("", "", _component_rows(members.get(None, []), None))
    named = [
        GroupRow(group.public_id, group.name, _component_rows(members.get(group.id, []), group)) for group in groups
    ]
    return (*([alone] if alone.components else []), *named)


def all_components(groups: Iterable[GroupRow]) -> list[ComponentRow]:
    """The components of all groups, in order."""
    return [component for group in groups for component in group.components]


def open_posts(session: Session, page_id: int) -> list[PostRow]:
    """Open posts, the promise that is due first at the top.  Two queries."""
    rows = _post_rows(session, _posts(page_id).where(Post.closed_at.is_(None)))
    return sorted(rows, key=lambda post: (post.next_update_by is None, post.next_update_by or post.started_at))


def recent_posts(session: Session, page_id: int, *, limit: int = RECENT_POSTS, offset: int = 0) -> list[PostRow]:
    """Closed posts, newest first.  Two queries."""
    closed = _posts(page_id).where(Post.closed_at.is_not(None))
    return _post_rows(session, closed.order_by(Post.started_at.desc(), Post.id.desc()).limit(limit).offset(offset))


def delivery_health(session: Session, page_id: int) -> Health:
    """How sending went in the last 24 hours.  Three queries."""
    since = now() - timedelta(hours=24)
    recent = select(Dispatch.id).where(Dispatch.page_id == page_id, Dispatch.created_at >= since)
    rows = session.execute(
        select(Delivery.state, func.count()).where(Delivery.dispatch_id.in_(recent)).group_by(Delivery.state)
    )
    counts: Mapping[str, int] = {row[0]: row[1] for row in rows}
    oldest = session.scalar(
        select(func.min(Delivery.due_at)).where(
            Delivery.dispatch_id.in_(recent), Delivery.state == DeliveryState.PENDING
        )
    )
    held = session.scalar(
        select(func.count(Dispatch.id)).where(Dispatch.page_id == page_id, Dispatch.state == DispatchState.HELD)
    )
    return Health(
        sent=counts.get(DeliveryState.SENT, 0),
        failed=counts.get(DeliveryState.FAILED, 0),
        bounced=counts.get(DeliveryState.BOUNCED, 0),
        waiting=counts.get(DeliveryState.PENDING, 0) + counts.get(DeliveryState.SENDING, 0),
        oldest_due=oldest,
        held=held or 0,
    )


def _component_rows(components: Sequence[Component], group: ComponentGroup | None) -> tuple[ComponentRow, ...]:
    return tuple(
        ComponentRow(
            public_id=component.public_id,
            name=component.name,
            description=component.description,
            status=ComponentStatus(component.status),
            visible=component.visible,
            group_id=group.public_id if group else "",
            group_name=group.name if group else "",
        )
        for component in components
    )


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
        components=tuple(name for name, _ in about),
        names_visible_component=any(visible for _, visible in about),
    )


def count_updates(session: Session, page_id: int) -> int:
    """How many updates the page has ever published: 0 means that the first is still to come.  One query."""
    return session.scalar(select(func.count(Update.id)).join(Post).where(Post.page_id == page_id)) or 0
