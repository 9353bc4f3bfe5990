"""Incidents and scheduled maintenance: posts and their updates, by the console's own actions, guards and ledger."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, or_, select

from app.actions import updates
from app.actions.fingerprints import fingerprint
from app.actions.post_facts import edit_post
from app.actions.posts import open_post
from app.db import session
from app.errors import Invalid, NotFound
from app.models.post import Post, Update
from app.publish.views import PageView
from app.shapes import ComponentEffect, PostDraft, PostFacts, UpdateDraft
from app.vocabulary import Impact, PostKind, PostStatus, Scope
from app.web.api import reading
from app.web.api.blueprint import bearer, route, settings
from app.web.api.documents import Document, incident_documents
from app.web.api.prepared import BODIES
from app.web.api.selecting import newest

LISTED = "/pages/<page_id>/incidents"
ONE = f"{LISTED}/<incident_id>"
METADATA_LIMIT = 10_000
KEY_LIMIT = 100
_MAINTENANCE = Post.kind == PostKind.MAINTENANCE
_OPEN = Post.closed_at.is_(None)
LISTS: dict[str, tuple[ColumnElement[bool], ...]] = {
    "unresolved": (Post.kind == PostKind.INCIDENT, _OPEN),
    "scheduled": (_MAINTENANCE, _OPEN),
    "upcoming": (_MAINTENANCE, Post.status == PostStatus.SCHEDULED),
    "active_maintenance": (_MAINTENANCE, _OPEN, Post.status != PostStatus.SCHEDULED),
}
"""What each of the lists holds."""


@route(LISTED, "GET", scope=Scope.READ)
def list_incidents(page: PageView) -> ResponseReturnValue:
    """Incidents and maintenance, newest first; `q` looks in titles, statuses and texts."""
    words = request.args.get("q", "")[:200]
    found = (
        or_(
            Post.title.icontains(words, autoescape=True),
            Post.status.icontains(words, autoescape=True),
            Post.updates.any(Update.body.icontains(words, autoescape=True)),
        ),
    )
    return newest(page, *(found if words else ()))


@route(f"{LISTED}/unresolved", "GET", scope=Scope.READ)
def list_unresolved(page: PageView) -> ResponseReturnValue:
    """Incidents that are open."""
    return newest(page, *LISTS["unresolved"])


@route(f"{LISTED}/scheduled", "GET", scope=Scope.READ)
def list_scheduled(page: PageView) -> ResponseReturnValue:
    """Maintenance that is not over."""
    return newest(page, *LISTS["scheduled"])


@route(f"{LISTED}/upcoming", "GET", scope=Scope.READ)
def list_upcoming(page: PageView) -> ResponseReturnValue:
    """Maintenance that has not begun."""
    return newest(page, *LISTS["upcoming"])


@route(f"{LISTED}/active_maintenance", "GET", scope=Scope.READ)
def list_active(page: PageView) -> ResponseReturnValue:
    """Maintenance that is underway."""
    return newest(page, *LISTS["active_maintenance"])


@route(LISTED, "POST", scope=Scope.POSTS)
def create_incident(page: PageView) -> ResponseReturnValue:
    """Open a post: real-time, scheduled or backfilled.  `Idempotency-Key` makes it safe to send again."""
    given = reading.wrapped("incident")
    backfilled = reading.flag(given, "backfilled") or bool(reading.text(given, "backfill_date"))
    start, end = reading.instant(given, "scheduled_for"), reading.instant(given, "scheduled_until")
    if end is not None and start is None:
        raise Invalid.field("scheduled_for", "Say when the maintenance starts and when it ends.")
    kind = PostKind.MAINTENANCE if start is not None else PostKind.INCIDENT
    first = PostStatus.SCHEDULED if start else PostStatus.RESOLVED if backfilled else PostStatus.INVESTIGATING
    status = _status(given) or first
    if start is None and status is PostStatus.SCHEDULED:
        raise Invalid.field("scheduled_for", "scheduled_for is missing: say when the work starts, and when it ends.")
    effects = _effects(given)
    if backfilled:  # it names components, and what they are now stays
        effects = tuple(ComponentEffect(effect.component_id, None) for effect in effects)
    draft = PostDraft(
        kind, reading.text(given, "name") or "", status, reading.text(given, "body") or BODIES[status], _key(),
        impact=_impact(given), effects=effects, notify=_notify(given) and not backfilled,
        scheduled_for=start, scheduled_until=end,
        starts_itself=_by_clock(given, "scheduled_auto_in_progress") or False,
        ends_itself=_by_clock(given, "scheduled_auto_completed") or False,
        happened_at=_backfill_date(given) if backfilled else None,
        display_at=None if backfilled else reading.instant(given, "display_at"), metadata_json=_metadata(given) or "",
        acknowledged=_acknowledged(given), fingerprint=_asked(given),
    )  # fmt: skip
    made = open_post(settings(), bearer().actor, page.id, draft)
    return one_incident(page, made.post_id), 201


@route(ONE, "GET", scope=Scope.READ)
def read_incident(page: PageView, incident_id: str) -> ResponseReturnValue:
    """One incident or maintenance."""
    return one_incident(page, incident_id)


@route(ONE, "PUT", "PATCH", scope=Scope.POSTS)
def edit_incident(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Change facts, and publish an update when a status, a text or components with a status are given.

    `component_ids` are all that it is about.  The status `cancelled`, which Statuspage does not have, calls off planned
    work and says so.  `Idempotency-Key` makes it safe to send again.
    """
    one_incident(page, incident_id)
    given = reading.wrapped("incident")
    status, body, effects = _status(given, PostStatus.CANCELLED), reading.text(given, "body"), _effects(given)
    about = None if given.get("component_ids") is None else tuple(effect.component_id for effect in effects)
    facts = PostFacts(
        title=reading.text(given, "name"), impact=_impact(given), scheduled_for=reading.instant(given, "scheduled_for"),
        scheduled_until=reading.instant(given, "scheduled_until"),
        starts_itself=_by_clock(given, "scheduled_auto_in_progress"),
        ends_itself=_by_clock(given, "scheduled_auto_completed"), metadata_json=_metadata(given), component_ids=about,
    )  # fmt: skip
    notify, key, meant = _notify(given), _key(), _acknowledged(given)
    dated = reading.instant(given, "display_at")
    if status or body or any(effect.status is not None for effect in effects):
        said = status or _standing(incident_id)
        update = UpdateDraft(
            said, body or BODIES[said], key, None, effects=effects, notify=notify, acknowledged=meant, facts=facts,
            display_at=dated, fingerprint=_asked(given),
        )  # fmt: skip
        updates.publish_update(settings(), bearer().actor, incident_id, update)
    else:
        edit_post(settings(), bearer().actor, incident_id, facts, acknowledged=meant)
    return one_incident(page, incident_id)


@route(ONE, "DELETE", scope=Scope.POSTS)
def delete_incident(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Call off planned work that has not begun.  Anything else was said in public and stays."""
    before = one_incident(page, incident_id)
    post = held(incident_id)
    if post.status != PostStatus.SCHEDULED:
        raise Invalid("What was said in public is not deleted. Resolve it, or correct its text.")
    draft = UpdateDraft(
        PostStatus.CANCELLED, BODIES[PostStatus.CANCELLED], _key(), post.version, notify=False,
        fingerprint=fingerprint({"method": "DELETE"}),
    )  # fmt: skip
    updates.publish_update(settings(), bearer().actor, incident_id, draft)
    return before


@route(f"{ONE}/incident_updates/<update_id>", "PUT", "PATCH", scope=Scope.POSTS)
def edit_incident_update(page: PageView, incident_id: str, update_id: str) -> ResponseReturnValue:
    """Correct an update's text, or `display_at`, when it is dated; readers see that it was corrected."""
    given = reading.wrapped("incident_update")
    body, dated = reading.text(given, "body"), reading.instant(given, "display_at")
    _check_update(page, incident_id, update_id)
    if body is not None or dated is not None:
        meant = _acknowledged(given)
        updates.correct_update(
            settings(), bearer().actor, update_id, body, None, display_at=dated, acknowledged=meant
        )  # fmt: skip
    said: list[Document] = one_incident(page, incident_id)["incident_updates"]
    return next(one for one in said if one["id"] == update_id)


def one_incident(page: PageView, public_id: str) -> Document:
    """An incident's document.  Raises NotFound."""
    found = incident_documents(page, Post.public_id == public_id)
    if not found:
        raise NotFound("There is no such incident.")
    return found[0]


def held(public_id: str) -> Post:
    """The post itself, as committed."""
    session().expire_all()
    return session().scalars(select(Post).where(Post.public_id == public_id)).one()


def _standing(public_id: str) -> PostStatus:
    """The status that one more statement keeps; after a post-mortem, the one before it."""
    post = held(public_id)
    if post.status != PostStatus.POSTMORTEM:
        return PostStatus(post.status)
    return PostStatus.COMPLETED if post.kind == PostKind.MAINTENANCE else PostStatus.RESOLVED


def _check_update(page: PageView, incident_id: str, update_id: str) -> None:
    of_it = (Post.page_id == page.id, Post.public_id == incident_id, Update.public_id == update_id)
    if session().scalar(select(Update.id).join(Post).where(*of_it)) is None:
        raise NotFound("There is no such incident update.")


def _key() -> str:
    """The caller's key, kept apart for each token; else one that was never used."""
    given = request.headers.get("Idempotency-Key", "")
    if given and not (len(given) <= KEY_LIMIT and given.isascii() and given.isprintable()):
        raise Invalid(f"Idempotency-Key has to be 1 to {KEY_LIMIT} printable ASCII characters.")
    return f"v1-{bearer().token_id}-{given}" if given else f"v1-{secrets.token_hex(16)}"


def _asked(given: Mapping[str, Any]) -> str:
    """What tells this request from others: all that it says of the incident, but that the guard's finding is meant."""
    return fingerprint({name: value for name, value in given.items() if name != "acknowledged"})


def _status(given: Mapping[str, Any], *also: PostStatus) -> PostStatus | None:
    word = reading.text(given, "status")
    if not word:
        return None
    if word not in set(PostStatus) - ({PostStatus.POSTMORTEM, PostStatus.CANCELLED} - {*also}):
        raise Invalid.field("status", "There is no such status.")
    return PostStatus(word)


def _impact(given: Mapping[str, Any]) -> Impact | None:
    word = reading.text(given, "impact_override")
    if not word:
        return None
    if word not in set(Impact):
        raise Invalid.field("impact_override", f"Choose one of: {', '.join(Impact)}.")
    return Impact(word)


def _notify(given: Mapping[str, Any]) -> bool:
    return reading.flag(given, "deliver_notifications") is not False


def _acknowledged(given: Mapping[str, Any]) -> bool:
    """Whether the caller saw what the guard against leaks found, and means it."""
    return reading.flag(given, "acknowledged") is True


def _by_clock(given: Mapping[str, Any], name: str) -> bool | None:
    chosen = reading.flag(given, name)
    return reading.flag(given, "scheduled_auto_transition") if chosen is None else chosen


def _effects(given: Mapping[str, Any]) -> tuple[ComponentEffect, ...]:
    """`components` maps ids to statuses; `component_ids` names others, which stay as they are."""
    moved = given.get("components")
    moved = {} if moved is None else moved
    if not isinstance(moved, dict):
        raise Invalid.field("components", "components has to map ids to statuses.")
    named = [one for one in reading.words(given, "component_ids") or [] if one not in moved]
    effects = [ComponentEffect(str(one), reading.component_status(str(status))) for one, status in moved.items()]
    return (*effects, *(ComponentEffect(one, None) for one in named))


def _backfill_date(given: Mapping[str, Any]) -> Any:
    found = reading.instant(given, "backfill_date")
    if found is None:
        raise Invalid.field("backfill_date", "Say when it was, as backfill_date.")
    return found


def _metadata(given: Mapping[str, Any]) -> str | None:
    value = given.get("metadata")
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise Invalid.field("metadata", "metadata has to be an object that holds objects.")
    made = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(made) > METADATA_LIMIT:
        raise Invalid.field("metadata", f"metadata is too long: the limit is {METADATA_LIMIT:,} characters.")
    return made
