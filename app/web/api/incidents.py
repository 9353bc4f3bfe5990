"""Incidents and scheduled maintenance: posts and their updates, by the console's own actions, guards and ledger."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, or_, select

from app.actions.posts import correcting, publishing, taking_back
from app.actions.posts.editing import edit_post
from app.actions.posts.fingerprints import fingerprint
from app.actions.posts.publishing import open_post
from app.db import session
from app.errors import Invalid, NotFound
from app.inputs.envelopes import IncidentBody, IncidentChangeBody, RedactionBody, UpdateBody
from app.inputs.fields import KEY_LIMIT
from app.inputs.lists import IncidentQuery, LenientIncidentQuery, Part
from app.inputs.posts import Withdrawal
from app.models.post import Post, Update
from app.publish.statuspage_json import Document
from app.publish.views import PageView
from app.shapes import UpdateDraft
from app.vocabulary import PostKind, PostStatus, Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged
from app.web.api.documents import incident_documents
from app.web.api.prepared import BODIES
from app.web.api.selecting import newest

route = tagged("Incidents")
LISTED = "/pages/<page_id>/incidents"
ONE = f"{LISTED}/<incident_id>"
_MAINTENANCE = Post.kind == PostKind.MAINTENANCE
_OPEN = Post.closed_at.is_(None)
LISTS: dict[str, tuple[ColumnElement[bool], ...]] = {
    "unresolved": (Post.kind == PostKind.INCIDENT, _OPEN),
    "scheduled": (_MAINTENANCE, _OPEN),
    "upcoming": (_MAINTENANCE, Post.status == PostStatus.SCHEDULED),
    "active_maintenance": (_MAINTENANCE, _OPEN, Post.status != PostStatus.SCHEDULED),
}
"""What each of the lists contains."""


@route(LISTED, "GET", scope=Scope.READ, asks=IncidentQuery, answers=list[outputs.IncidentOutput])
def list_incidents(page: PageView) -> ResponseReturnValue:
    """List incidents and maintenance, newest first. `q` searches titles, statuses and texts."""
    words = bodies.query(IncidentQuery, lenient=LenientIncidentQuery).q
    found = (
        or_(
            Post.title.icontains(words, autoescape=True),
            Post.status.icontains(words, autoescape=True),
            Post.updates.any(Update.body.icontains(words, autoescape=True)),
        ),
    )
    return newest(page, *(found if words else ()))


@route(f"{LISTED}/unresolved", "GET", scope=Scope.READ, asks=Part, answers=list[outputs.IncidentOutput])
def list_unresolved(page: PageView) -> ResponseReturnValue:
    """List open incidents."""
    return newest(page, *LISTS["unresolved"])


@route(f"{LISTED}/scheduled", "GET", scope=Scope.READ, asks=Part, answers=list[outputs.IncidentOutput])
def list_scheduled(page: PageView) -> ResponseReturnValue:
    """List maintenance that hasn't ended."""
    return newest(page, *LISTS["scheduled"])


@route(f"{LISTED}/upcoming", "GET", scope=Scope.READ, asks=Part, answers=list[outputs.IncidentOutput])
def list_upcoming(page: PageView) -> ResponseReturnValue:
    """List maintenance that hasn't started."""
    return newest(page, *LISTS["upcoming"])


@route(f"{LISTED}/active_maintenance", "GET", scope=Scope.READ, asks=Part, answers=list[outputs.IncidentOutput])
def list_active(page: PageView) -> ResponseReturnValue:
    """List maintenance that is in progress."""
    return newest(page, *LISTS["active_maintenance"])


@route(
    LISTED, "POST", scope=Scope.POSTS, takes=IncidentBody, answers=outputs.IncidentOutput, status=201, refuses=(409,),
    is_idempotent_by_key=True,
)  # fmt: skip
def create_incident(page: PageView) -> ResponseReturnValue:
    """Open an incident, schedule maintenance, or backfill an incident. To retry safely, send an `Idempotency-Key`."""
    given = bodies.read(IncidentBody).incident
    draft = given.draft(BODIES[given.first_status], key=_key(), fingerprint=_asked(given.given))
    made = open_post(settings(), bearer().actor, page.id, draft)
    return one_incident(page, made.post_id), 201


@route(ONE, "GET", scope=Scope.READ, answers=outputs.IncidentOutput)
def read_incident(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Get one incident or maintenance."""
    return one_incident(page, incident_id)


@route(
    ONE, "PUT", "PATCH", scope=Scope.POSTS, takes=IncidentChangeBody, answers=outputs.IncidentOutput, refuses=(409,),
    is_idempotent_by_key=True,
)  # fmt: skip
def edit_incident(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Edit an incident. A status, a text or components with a status also publish an update.

    `component_ids` is the complete list of affected components. The status `cancelled`, which Statuspage doesn't have,
    cancels scheduled maintenance and publishes that. To retry safely, send an `Idempotency-Key`.
    """
    one_incident(page, incident_id)
    given, key = bodies.read(IncidentChangeBody).incident, _key()
    if given.says_something:
        status = given.status or _standing(incident_id)
        update = given.update(status, BODIES[status], key=key, fingerprint=_asked(given.given))
        publishing.publish_update(settings(), bearer().actor, page.id, incident_id, update)
    else:
        edit_post(settings(), bearer().actor, page.id, incident_id, given.facts(), acknowledged=given.acknowledged)
    return one_incident(page, incident_id)


@route(
    ONE,
    "DELETE",
    scope=Scope.POSTS,
    asks=Withdrawal,
    answers=outputs.IncidentOutput,
    refuses=(409,),
    is_idempotent_by_key=True,
)
def delete_incident(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Cancel maintenance that hasn't started; withdraw anything else.

    Readers see only that something was withdrawn. Subscribers who got a message about it are notified; messages that
    are still queued aren't sent.
    """
    asked = bodies.query(Withdrawal)
    before = one_incident(page, incident_id)
    post = held(incident_id)
    if post.status == PostStatus.SCHEDULED:
        draft = UpdateDraft(
            status=PostStatus.CANCELLED,
            body=BODIES[PostStatus.CANCELLED],
            idempotency_key=_key(),
            version=post.version,
            notify=False,
            fingerprint=fingerprint({"method": "DELETE"}),
        )
        publishing.publish_update(settings(), bearer().actor, page.id, incident_id, draft)
        return before
    taking_back.withdraw_post(
        settings(), bearer().actor, page.id, incident_id, revert_components=asked.components == "revert"
    )
    return before


@route(
    f"{ONE}/redaction", "POST", scope=Scope.POSTS, takes=RedactionBody, answers=outputs.IncidentOutput, refuses=(409,)
)
def redact_incident(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Remove a text permanently from an incident, including earlier versions. Subscribers aren't notified."""
    one_incident(page, incident_id)
    given = bodies.read(RedactionBody).redaction
    taking_back.redact_text(settings(), bearer().actor, page.id, incident_id, given.text)
    return one_incident(page, incident_id)


@route(
    f"{ONE}/incident_updates/<update_id>",
    "DELETE",
    scope=Scope.POSTS,
    asks=Withdrawal,
    answers=outputs.IncidentOutput,
    refuses=(409,),
)
def withdraw_incident_update(page: PageView, incident_id: str, update_id: str) -> ResponseReturnValue:
    """Withdraw an update. Status, impact and promise then follow from the remaining updates."""
    asked = bodies.query(Withdrawal)
    _check_update(page, incident_id, update_id)
    taking_back.withdraw_update(
        settings(), bearer().actor, page.id, update_id, revert_components=asked.components == "revert"
    )
    return one_incident(page, incident_id)


@route(f"{ONE}/incident_updates/<update_id>/redaction", "POST", scope=Scope.POSTS, answers=outputs.IncidentOutput)
def redact_incident_update(page: PageView, incident_id: str, update_id: str) -> ResponseReturnValue:
    """Remove the whole text of an update permanently, with its earlier versions. Subscribers aren't notified."""
    _check_update(page, incident_id, update_id)
    taking_back.redact_update(settings(), bearer().actor, page.id, update_id)
    return one_incident(page, incident_id)


@route(
    f"{ONE}/incident_updates/<update_id>", "PUT", "PATCH", scope=Scope.POSTS, takes=UpdateBody,
    answers=outputs.IncidentUpdateOutput, refuses=(409,),
)  # fmt: skip
def edit_incident_update(page: PageView, incident_id: str, update_id: str) -> ResponseReturnValue:
    """Correct an update's text or its time, `display_at`. Readers see that it was corrected."""
    given = bodies.read(UpdateBody).incident_update
    _check_update(page, incident_id, update_id)
    if given.body is not None or given.display_at is not None or given.texts:
        correcting.correct_update(
            settings(),
            bearer().actor,
            page.id,
            update_id,
            given.body,
            None,
            display_at=given.display_at,
            bodies={language: words["body"] for language, words in given.texts.items()},
            acknowledged=given.acknowledged,
        )
    said: list[Document] = one_incident(page, incident_id)["incident_updates"]
    return next(one for one in said if one["id"] == update_id)


def one_incident(page: PageView, public_id: str) -> Document:
    """An incident's document.  Raises NotFound."""
    found = incident_documents(page, Post.public_id == public_id)
    if not found:
        raise NotFound("Incident not found.")
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
    of_it = (
        Post.page_id == page.id,
        Post.public_id == incident_id,
        Post.withdrawn_at.is_(None),
        Update.public_id == update_id,
        Update.withdrawn_at.is_(None),
    )
    if session().scalar(select(Update.id).join(Post).where(*of_it)) is None:
        raise NotFound("Update not found.")


def _key() -> str:
    """The caller's key, kept apart for each token; else one that was never used."""
    given = request.headers.get("Idempotency-Key")
    if given is None or (not given and not bodies.is_ours()):
        return f"v1-{secrets.token_hex(16)}"
    if not (0 < len(given) <= KEY_LIMIT and given.isascii() and given.isprintable()):
        raise Invalid(f"Idempotency-Key must be 1 to {KEY_LIMIT} printable ASCII characters.")
    return f"v1-{bearer().token_id}-{given}"


def _asked(given: Mapping[str, Any]) -> str:
    """What tells this request from others: all that it says of the incident, but that the guard's finding is meant."""
    return fingerprint({name: value for name, value in given.items() if name != "acknowledged"})
