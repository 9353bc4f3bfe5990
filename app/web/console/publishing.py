"""The publishing form's context, shared by "new post", the thread and "resolve"."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.actions.posts.effects import computed_impact
from app.deliver.audience import audience_count
from app.queries.components import GroupRow, component_groups
from app.queries.incidents import IncidentRow, incident_row
from app.queries.pages import PageFacts
from app.queries.posts import Thread
from app.queries.templates import Offered, Template, offered
from app.shapes import AudienceCount, ComponentEffect
from app.vocabulary import (
    POST_STATUSES,
    PROMISE_DEFAULTS,
    TERMINAL_STATUSES,
    ComponentStatus,
    Impact,
    PostKind,
    PostStatus,
)
from app.web.console.forms import PROMISE_MINUTES, Problem
from app.web.console.typed import Typed
from app.web.guarding import visible_pages


@dataclass(frozen=True, slots=True)
class Reach:
    """What an update will do before it is published: its impact, its promise in minutes, and who is notified."""

    impact: Impact
    is_computed: bool
    promise_minutes: int
    audience: AudienceCount


@dataclass(frozen=True, slots=True)
class PublishForm:
    """Everything the publishing form shows."""

    typed: Typed
    groups: tuple[GroupRow, ...]
    reach: Reach
    kind: PostKind
    statuses: tuple[PostStatus, ...]
    thread: Thread | None = None
    problem: Problem | None = None
    templates: tuple[Offered, ...] = ()
    picked: Template | None = None
    incident: IncidentRow | None = None

    promise_minutes: tuple[int, ...] = PROMISE_MINUTES
    impacts: tuple[Impact, ...] = (Impact.NONE, Impact.MINOR, Impact.MAJOR, Impact.CRITICAL)
    component_statuses: tuple[ComponentStatus, ...] = tuple(ComponentStatus)

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more is promised after this update."""
        return self.typed.status in {status.value for status in TERMINAL_STATUSES}

    def error(self, name: str) -> str:
        """The sentence beside a field; empty when nothing is wrong with it."""
        return self.problem.fields.get(name, "") if self.problem else ""

    def concerns(self, component_id: str) -> bool:
        """Whether the post is about this component already."""
        return self.thread is not None and component_id in self.thread.component_ids


def publish_form(
    session: Session,
    facts: PageFacts,
    typed: Typed,
    thread: Thread | None = None,
    problem: Problem | None = None,
    picked: Template | None = None,
    incident: IncidentRow | None = None,
) -> PublishForm:
    """The form for `typed`; `thread` is the post that it continues, `picked` the template it begins with,
    `incident` the declared incident that a new post will speak for.

    Four queries.
    """
    kind = thread.post.kind if thread else _kind(typed)
    statuses = _offered(kind, thread)
    return PublishForm(
        typed=typed,
        groups=component_groups(session, facts.id),
        reach=reach(session, facts, typed, thread),
        kind=kind,
        statuses=statuses,
        thread=thread,
        problem=problem,
        templates=offered(session, facts.id, statuses),
        picked=picked,
        incident=incident,
    )


def declared_incident(session: Session, typed: Typed) -> IncidentRow | None:
    """The incident that a new post will speak for; None for one without an incident.

    Raises:
        NotFound: the incident doesn't exist, or the person signed in may not see it.
    """
    return incident_row(session, typed.incident, visible_pages()) if typed.incident else None


def reach(session: Session, facts: PageFacts, typed: Typed, thread: Thread | None) -> Reach:
    """Impact, promise and audience for exactly the components chosen.  One query."""
    effects = known_effects(typed)
    floor = thread.post.impact if thread else Impact.NONE
    kind = thread.post.kind if thread else _kind(typed)
    chosen = _impact(typed.impact)
    impact = chosen or computed_impact(kind, effects, floor)
    about = {effect.component_id for effect in effects} | set(thread.component_ids if thread else ())
    return Reach(
        impact=impact,
        is_computed=chosen is None,
        promise_minutes=int(PROMISE_DEFAULTS[impact].total_seconds() // 60),
        audience=audience_count(session, facts.id, sorted(about), thread.post.public_id if thread else ""),
    )


def closing_effects(thread: Thread) -> dict[str, str]:
    """For the resolve form: every component that isn't operational, preset to operational."""
    return {row.public_id: ComponentStatus.OPERATIONAL for row in thread.broken}


def next_status(thread: Thread) -> PostStatus:
    """The status that the next update most likely has: the same again, or a post-mortem once resolved."""
    if thread.post.status is PostStatus.RESOLVED:
        return PostStatus.POSTMORTEM
    if thread.post.status is PostStatus.SCHEDULED:
        return PostStatus.IN_PROGRESS
    return thread.post.status


def closing_status(kind: PostKind) -> PostStatus:
    return PostStatus.RESOLVED if kind is PostKind.INCIDENT else PostStatus.COMPLETED


def _offered(kind: PostKind, thread: Thread | None) -> tuple[PostStatus, ...]:
    without: set[PostStatus] = set()
    if thread is None or thread.post.is_open:
        without.add(PostStatus.POSTMORTEM)
    if thread is None:
        without.add(PostStatus.CANCELLED)
    return tuple(status for status in POST_STATUSES[kind] if status not in without)


def _kind(typed: Typed) -> PostKind:
    return PostKind.MAINTENANCE if typed.kind == PostKind.MAINTENANCE else PostKind.INCIDENT


def _impact(value: str) -> Impact | None:
    return Impact(value) if value in set(Impact) else None


def known_effects(typed: Typed) -> Sequence[ComponentEffect]:
    """What is chosen for components, leaving out what makes no sense."""
    known = set(ComponentStatus)
    return [
        ComponentEffect(component_id, ComponentStatus(status))
        for component_id, status in typed.effects.items()
        if status in known
    ]
