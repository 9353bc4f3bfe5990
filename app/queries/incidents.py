"""What the board shows, read into frozen values: a fixed number of queries however many incidents there are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select, true
from sqlalchemy.orm import Session

from app.clock import now
from app.errors import NotFound
from app.models.account import Account
from app.models.incident import Incident, IncidentRole, TimelineEntry
from app.models.page import Page
from app.models.post import Post
from app.models.record_link import RecordLink
from app.vocabulary import Impact, IncidentRoleName, PostStatus, Severity

RECENT = 15


@dataclass(frozen=True, slots=True)
class LinkRow:
    tracker: str
    key: str
    url: str


@dataclass(frozen=True, slots=True)
class RoleRow:
    """Who had a role from when to when.  `account_id` is the account's public id, empty for a name alone."""

    role: IncidentRoleName
    account_id: str
    person: str
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True, slots=True)
class EntryRow:
    at: datetime
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class SpokenPost:
    """A post that speaks for an incident; `page_slug` is its page's."""

    page_slug: str
    public_id: str
    title: str
    status: PostStatus
    impact: Impact
    next_update_by: datetime | None
    closed_at: datetime | None

    @property
    def is_overdue(self) -> bool:
        return self.closed_at is None and self.next_update_by is not None and self.next_update_by < now()


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident on the board; `lead` is who speaks for it now."""

    id: int
    public_id: str
    title: str
    severity: Severity
    declared_at: datetime
    mitigated_at: datetime | None
    resolved_at: datetime | None
    lead: str
    commander: str
    posts: tuple[SpokenPost, ...]
    links: tuple[LinkRow, ...]
    roles: tuple[RoleRow, ...]

    @property
    def is_overdue(self) -> bool:
        return any(post.is_overdue for post in self.posts)

    @property
    def has_open_post(self) -> bool:
        """Whether something public is still open for it."""
        return any(post.closed_at is None for post in self.posts)

    def holder(self, role: IncidentRoleName) -> RoleRow | None:
        """Who has a role now; None when no one does."""
        return next((row for row in self.roles if row.role == role and row.to_at is None), None)

    def former_holders(self, role: IncidentRoleName) -> tuple[RoleRow, ...]:
        """Who had a role before, oldest first."""
        return tuple(row for row in self.roles if row.role == role and row.to_at is not None)


Pages = Collection[int] | None
"""Whose posts are shown: those of these pages, or of all.  An incident that others alone speak of isn't shown."""


def open_incidents(session: Session, pages: Pages = None) -> list[IncidentRow]:
    """Open incidents, the most severe first, then the oldest.  Four queries."""
    query = select(Incident).where(Incident.resolved_at.is_(None), _shown(pages))
    return _rows(session, session.scalars(query.order_by(Incident.severity, Incident.declared_at)).all(), pages)


def recent_incidents(session: Session, pages: Pages = None, limit: int = RECENT) -> list[IncidentRow]:
    """Those resolved last.  Four queries."""
    query = select(Incident).where(Incident.resolved_at.is_not(None), _shown(pages))
    return _rows(session, session.scalars(query.order_by(Incident.resolved_at.desc()).limit(limit)).all(), pages)


def incident_row(session: Session, public_id: str, pages: Pages = None) -> IncidentRow:
    """One incident.  Four queries.

    Raises:
        NotFound: the incident doesn't exist.
    """
    incident = session.scalar(select(Incident).where(Incident.public_id == public_id, _shown(pages)))
    if incident is None:
        raise NotFound("Incident not found.")
    return _rows(session, [incident], pages)[0]


def unrecorded_posts(session: Session, pages: Pages = None) -> list[SpokenPost]:
    """Open posts of all pages that speak for no incident, the promise that is due first at the top.  One query."""
    found = session.execute(_spoken_posts(pages).where(Post.closed_at.is_(None), Post.incident_id.is_(None)))
    posts = [(post.started_at, _spoken(post, slug)) for post, slug in found]
    posts.sort(key=lambda one: (one[1].next_update_by is None, one[1].next_update_by or one[0]))
    return [post for _, post in posts]


def timeline(session: Session, incident_id: int) -> list[EntryRow]:
    """An incident's timeline, newest first.  One query."""
    entries = session.scalars(
        select(TimelineEntry)
        .where(TimelineEntry.incident_id == incident_id)
        .order_by(TimelineEntry.at.desc(), TimelineEntry.id.desc())
    )
    return [EntryRow(entry.at, entry.actor, entry.text) for entry in entries]


def _rows(session: Session, incidents: Sequence[Incident], pages: Pages) -> list[IncidentRow]:
    ids = [incident.id for incident in incidents]
    posts: dict[int, list[SpokenPost]] = {}
    for post, slug in session.execute(_spoken_posts(pages).where(Post.incident_id.in_(ids))):
        posts.setdefault(post.incident_id or 0, []).append(_spoken(post, slug))
    links: dict[int, list[LinkRow]] = {}
    for link in session.scalars(select(RecordLink).where(RecordLink.incident_id.in_(ids)).order_by(RecordLink.id)):
        links.setdefault(link.incident_id, []).append(LinkRow(link.tracker, link.key, link.url))
    roles: dict[int, list[RoleRow]] = {}
    held = (
        select(IncidentRole, Account.public_id)
        .outerjoin(Account, Account.id == IncidentRole.account_id)
        .where(IncidentRole.incident_id.in_(ids))
        .order_by(IncidentRole.id)
    )
    for role, account_id in session.execute(held):
        row = RoleRow(
            role=role.role,
            account_id=account_id or "",
            person=role.person,
            from_at=role.from_at,
            to_at=role.to_at,
        )
        roles.setdefault(role.incident_id, []).append(row)
    return [
        _row(incident, posts.get(incident.id, []), links.get(incident.id, []), roles.get(incident.id, []))
        for incident in incidents
    ]


def _row(
    incident: Incident, posts: Sequence[SpokenPost], links: Sequence[LinkRow], roles: Sequence[RoleRow]
) -> IncidentRow:
    now_held = {role.role: role.person for role in roles if role.to_at is None}
    return IncidentRow(
        id=incident.id,
        public_id=incident.public_id,
        title=incident.title,
        severity=Severity(incident.severity),
        declared_at=incident.declared_at,
        mitigated_at=incident.mitigated_at,
        resolved_at=incident.resolved_at,
        lead=now_held.get(IncidentRoleName.COMMUNICATIONS_LEAD, ""),
        commander=now_held.get(IncidentRoleName.INCIDENT_COMMANDER, ""),
        posts=tuple(posts),
        links=tuple(links),
        roles=tuple(roles),
    )


def _shown(pages: Pages) -> ColumnElement[bool]:
    if pages is None:
        return true()
    spoken = select(Post.id).where(Post.incident_id == Incident.id)
    return or_(spoken.where(Post.page_id.in_(pages)).exists(), ~spoken.exists())


def _spoken_posts(pages: Pages) -> Select[Post, str]:
    query = select(Post, Page.slug).join(Page, Page.id == Post.page_id).order_by(Post.id)
    return query if pages is None else query.where(Post.page_id.in_(pages))


def _spoken(post: Post, page_slug: str) -> SpokenPost:
    return SpokenPost(
        page_slug=page_slug,
        public_id=post.public_id,
        title=post.title,
        status=PostStatus(post.status),
        impact=Impact(post.impact),
        next_update_by=post.next_update_by,
        closed_at=post.closed_at,
    )
