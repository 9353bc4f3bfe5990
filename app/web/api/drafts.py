"""Drafts: save, propose, schedule and publish."""

import functools
from dataclasses import replace
from datetime import datetime

from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.actions.posts import drafts as actions
from app.db import session
from app.inputs.drafts import DraftInput, DraftPublication, DraftSchedule
from app.models.post import Post
from app.publish.statuspage_json import Document
from app.publish.views import PageView
from app.queries import drafts as queries
from app.queries.drafts import DraftView
from app.shapes import DraftContent
from app.vocabulary import Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged

route = functools.partial(tagged("Drafts"), scope=Scope.POSTS, is_theirs=False)
"""Drafts are ours alone: Statuspage has none."""

LISTED = "/pages/<page_id>/drafts"
ONE = f"{LISTED}/<draft_id>"


@route(LISTED, "GET", answers=list[outputs.DraftDocument])
def list_drafts(page: PageView) -> ResponseReturnValue:
    """List drafts that can still be published, newest first."""
    return [_document(one) for one in queries.open_drafts(session(), page.id)]


@route(
    LISTED,
    "POST",
    takes=DraftInput,
    answers=outputs.DraftDocument,
    status=201,
    refuses=(404,),
)
def create_draft(page: PageView) -> ResponseReturnValue:
    """Save a new draft. Nothing is published."""
    saved = actions.save_draft(settings(), bearer().actor, page.id, _content(page))
    return _one(page, saved.public_id), 201


@route(ONE, "GET", answers=outputs.DraftDocument)
def read_draft(page: PageView, draft_id: str) -> ResponseReturnValue:
    """Get one draft, in any state."""
    return _one(page, draft_id)


@route(ONE, "PUT", takes=DraftInput, answers=outputs.DraftDocument, refuses=(409,))
def save_draft(page: PageView, draft_id: str) -> ResponseReturnValue:
    """Replace a draft. If it was proposed or approved, it must be proposed and approved again."""
    before = queries.draft(session(), page.id, draft_id)
    given = bodies.read(DraftInput)
    base = before.content.base_version if given.incident_id == before.post_id else _version(page, given.incident_id)
    content = given.content(page.language.value, base)
    if not given.incident_id:  # the declared incident is no part of this document: saving it keeps it
        content = replace(content, incident=before.content.incident)
    actions.save_draft(settings(), bearer().actor, page.id, content, public_id=draft_id, version=given.version)
    return _one(page, draft_id)


@route(ONE, "DELETE", answers=outputs.DraftDocument, refuses=(409,))
def discard_draft(page: PageView, draft_id: str) -> ResponseReturnValue:
    """Discard a draft."""
    actions.discard_draft(settings(), bearer().actor, page.id, draft_id)
    return _one(page, draft_id)


@route(f"{ONE}/propose", "POST", answers=outputs.DraftDocument, refuses=(409, 422))
def propose_draft(page: PageView, draft_id: str) -> ResponseReturnValue:
    """Propose a draft for approval by a person who didn't edit it."""
    actions.propose_draft(settings(), bearer().actor, page.id, draft_id)
    return _one(page, draft_id)


@route(
    f"{ONE}/schedule",
    "POST",
    takes=DraftSchedule,
    answers=outputs.DraftDocument,
    refuses=(409,),
)
def schedule_draft(page: PageView, draft_id: str) -> ResponseReturnValue:
    """Schedule a draft, exactly as it is now. If its incident changes before then, it isn't published."""
    given = bodies.read(DraftSchedule)
    actions.schedule_draft(
        settings(), bearer().actor, page.id, draft_id, given.publish_at, acknowledged=given.acknowledged
    )
    return _one(page, draft_id)


@route(f"{ONE}/unschedule", "POST", answers=outputs.DraftDocument, refuses=(409,))
def unschedule_draft(page: PageView, draft_id: str) -> ResponseReturnValue:
    """Cancel a draft's scheduled publication. It can be edited again."""
    actions.unschedule_draft(settings(), bearer().actor, page.id, draft_id)
    return _one(page, draft_id)


@route(
    f"{ONE}/publish",
    "POST",
    takes=DraftPublication,
    answers=outputs.DraftDocument,
    refuses=(409,),
)
def publish_draft(page: PageView, draft_id: str) -> ResponseReturnValue:
    """Publish a draft now. Publishing it again changes nothing.

    On a page that holds back its updates, the draft is scheduled for the end of the hold.
    """
    given = bodies.read(DraftPublication)
    actions.publish_draft(settings(), bearer().actor, page.id, draft_id, acknowledged=given.acknowledged)
    return _one(page, draft_id)


def _content(page: PageView) -> DraftContent:
    given = bodies.read(DraftInput)
    return given.content(page.language.value, _version(page, given.incident_id))


def _version(page: PageView, public_id: str) -> int | None:
    """The version of the post that a draft continues, as it is now."""
    if not public_id:
        return None
    return session().scalar(select(Post.version).where(Post.public_id == public_id, Post.page_id == page.id))


def _one(page: PageView, public_id: str) -> Document:
    session().expire_all()
    return _document(queries.draft(session(), page.id, public_id))


def _when(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at is not None else None


def _document(one: DraftView) -> Document:
    content = one.content
    return {
        "id": one.public_id,
        "state": one.state,
        "incident_id": one.post_id or None,
        "kind": one.kind,
        "status": one.status,
        "title": one.title,
        "body": one.body,
        "texts": {
            language: {"title": title, "body": body}
            for language, (title, body) in content.texts.items()
            if language != one.language
        },
        "impact": content.impact,
        "components": {effect.component_id: effect.status for effect in content.effects},
        "promise_minutes": content.promise_minutes,
        "next_update_by": _when(content.next_update_by),
        "notify": content.notify,
        "scheduled_for": _when(content.scheduled_for),
        "scheduled_until": _when(content.scheduled_until),
        "auto_start": content.auto_start,
        "auto_end": content.auto_end,
        "severity": content.severity,
        "publish_at": _when(one.publish_at),
        "problem": one.problem or None,
        "update_id": one.update_id or None,
        "edited_by": one.edited_by,
        "content_hash": one.content_hash,
        "version": one.version,
        "created_at": _when(one.created_at),
        "updated_at": _when(one.updated_at),
    }
