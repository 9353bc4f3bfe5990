"""The one writer of a post's status and of what changes with it: its times, its promise and its impact."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.errors import Invalid
from app.models.post import Post, Update
from app.vocabulary import IMPACT_OF_COMPONENT, PROMISE_DEFAULTS, ComponentStatus, Impact, PostKind, PostStatus

FARTHEST_PROMISE = timedelta(days=30)
ENDED_WELL = frozenset({PostStatus.RESOLVED, PostStatus.COMPLETED})


def promise(
    status: PostStatus, impact: Impact, asked: datetime | None, at: datetime, default: datetime | None = None
) -> datetime | None:
    """By when the next update is promised: as asked, else `default`, else by impact; None after a terminal status.

    Raises:
        Invalid: the time asked for has passed or is more than 30 days away.
    """
    if status.is_terminal:
        return None
    if asked is None:
        return default or at + PROMISE_DEFAULTS[impact]
    if asked <= at:
        raise Invalid.field("next_update_by", "That time has passed. Choose a later time for the next update.")
    if asked > at + FARTHEST_PROMISE and asked != default:
        raise Invalid.field("next_update_by", "Promise the next update for a time within the next 30 days.")
    return asked


def move(post: Post, status: PostStatus, at: datetime) -> None:
    """Bring a post to a status, as a statement dated `at` says."""
    post.status = status
    if status is PostStatus.MONITORING and post.monitoring_at is None:
        post.monitoring_at = at
    if not status.is_terminal:
        post.resolved_at = post.closed_at = None
        return
    post.closed_at = post.closed_at or at
    if status in ENDED_WELL:
        post.resolved_at = post.resolved_at or at


def aim(
    post: Post, status: PostStatus, chosen: Impact | None, computed: Impact, asked: datetime | None, at: datetime
) -> None:
    """Set the impact and the promise that come with a statement: what the author chose, now or earlier, else what
    follows from the components.

    Raises:
        Invalid: the promise can't be kept; see `promise`.
    """
    if chosen is not None:
        post.impact_override = chosen
    post.impact = effective_impact(post, computed)
    planned = post.scheduled_for if status is PostStatus.SCHEDULED else None
    post.next_update_by = promise(status, post.impact, asked, at, planned if planned and planned > at else None)


def replan(post: Post, scheduled_for: datetime | None, scheduled_until: datetime | None) -> None:
    """Move a maintenance window.  Until the work begins, its start is also when the next update is due."""
    post.scheduled_for, post.scheduled_until = scheduled_for, scheduled_until
    if post.status is PostStatus.SCHEDULED and post.withdrawn_at is None:
        post.next_update_by = scheduled_for


def set_impact(post: Post, impact: Impact) -> None:
    """Override the impact, whatever the components say."""
    post.impact = post.impact_override = impact


def effective_impact(post: Post, computed: Impact) -> Impact:
    """The impact shown: the author's choice, else what follows from the components."""
    if post.impact_override is not None:
        return post.impact_override
    return Impact.MAINTENANCE if post.kind is PostKind.MAINTENANCE else computed


def date(post: Post, was: datetime, at: datetime) -> None:
    """Date again what a post dates by a statement that was dated `was`: since when, and until when."""
    for name in ("started_at", "monitoring_at", "resolved_at", "closed_at"):
        if getattr(post, name) == was:
            setattr(post, name, at)


def follow(
    post: Post, updates: Sequence[Update], effects: Sequence[ComponentStatus], taken: Update | None = None
) -> None:
    """Derive status, times, promise and impact again from the statements that are left, oldest first.

    Used after a statement was taken back or its status corrected.  `effects` are the statuses that the statements left
    put components into, `taken` is the statement that was taken back: an impact that it chose goes with it.
    """
    newest = updates[-1]
    if taken is not None and taken.impact_override is not None and post.impact_override == taken.impact_override:
        post.impact_override = next((u.impact_override for u in reversed(updates) if u.impact_override), None)
    computed = max((IMPACT_OF_COMPONENT[one] for one in effects), default=Impact.NONE, key=lambda impact: impact.rank)
    post.impact = effective_impact(post, computed)
    post.status = newest.status
    post.monitoring_at = next((u.display_at for u in updates if u.status is PostStatus.MONITORING), None)
    ending: list[Update] = []
    for update in reversed(updates):
        if not update.status.is_terminal:
            break
        ending.insert(0, update)
    post.closed_at = ending[0].display_at if ending else None
    post.resolved_at = next((u.display_at for u in ending if u.status in ENDED_WELL), None)
    post.next_update_by = None if ending else newest.next_update_by


def withdraw(post: Post, at: datetime) -> None:
    """Take a whole post back: it is closed, promises nothing, and is never moved again."""
    post.withdrawn_at = at
    post.closed_at = post.closed_at or at
    post.next_update_by = None
    post.pinned = post.auto_start = post.auto_end = False
