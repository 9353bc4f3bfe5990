"""Post-mortems: draft, publish as an update to their post, and read."""

import secrets

from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.actions.posts.editing import draft_postmortem
from app.actions.posts.publishing import publish_update
from app.db import session
from app.errors import Invalid, NotFound
from app.inputs.envelopes import PostmortemBody, PublicationBody
from app.models.post import Update
from app.publish.statuspage_json import Document, stamp
from app.publish.views import PageView
from app.shapes import UpdateDraft
from app.vocabulary import PostStatus, Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged
from app.web.api.incidents import held, one_incident

route = tagged("Incidents")
ONE = "/pages/<page_id>/incidents/<incident_id>/postmortem"


@route(ONE, "GET", scope=Scope.READ, answers=outputs.PostmortemOutput)
def read_postmortem(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Get the published post-mortem, and its draft if your token may publish it."""
    return _document(page, incident_id)


@route(ONE, "PUT", scope=Scope.POSTS, takes=PostmortemBody, answers=outputs.PostmortemOutput, refuses=(409,))
def write_postmortem(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Save a draft of the post-mortem."""
    one_incident(page, incident_id)
    body = bodies.read(PostmortemBody).postmortem.body_draft
    draft_postmortem(settings(), bearer().actor, page.id, incident_id, body)
    return _document(page, incident_id)


@route(ONE, "DELETE", scope=Scope.POSTS, status=204, refuses=(409, 422))
def delete_postmortem(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Delete the draft of the post-mortem."""
    one_incident(page, incident_id)
    draft_postmortem(settings(), bearer().actor, page.id, incident_id, None)
    return "", 204


@route(
    f"{ONE}/publish", "PUT", scope=Scope.POSTS, takes=PublicationBody, answers=outputs.PostmortemOutput, refuses=(409,)
)
def publish_postmortem(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Publish the draft. With `notify_subscribers`, subscribers are notified."""
    one_incident(page, incident_id)
    post = held(incident_id)
    given = bodies.read(PublicationBody).postmortem
    if post.postmortem_draft is None:
        raise Invalid("There is no post-mortem draft. Write one first.")
    key = f"v1-postmortem-{secrets.token_hex(12)}"
    draft = UpdateDraft(
        status=PostStatus.POSTMORTEM,
        body=post.postmortem_draft,
        idempotency_key=key,
        version=post.version,
        notify=given.notify_subscribers,
        acknowledged=given.acknowledged,
    )
    publish_update(settings(), bearer().actor, page.id, incident_id, draft)
    return _document(page, incident_id)


@route(f"{ONE}/revert", "PUT", scope=Scope.POSTS, is_ours=False)
def revert_postmortem(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Always refused: a published post-mortem can be corrected but not reverted."""
    one_incident(page, incident_id)
    raise Invalid("You can't revert a published post-mortem. Correct its text instead.")


def _document(page: PageView, incident_id: str) -> Document:
    one_incident(page, incident_id)
    post = held(incident_id)
    draft = post.postmortem_draft if bearer().may(Scope.POSTS) else None
    of_it = (Update.post_id == post.id, Update.status == PostStatus.POSTMORTEM)
    said = session().scalars(select(Update).where(*of_it).order_by(Update.sequence.desc())).first()
    if said is None and draft is None:
        raise NotFound("This incident has no post-mortem.")
    drafted = post.postmortem_draft_at or (said.updated_at if said else post.updated_at)
    return {
        "preview_key": None, "body": said.body if said else None,
        "body_updated_at": stamp(said.updated_at, page.zone) if said else None,
        "body_draft": draft, "body_draft_updated_at": stamp(drafted, page.zone),
        "published_at": stamp(said.display_at, page.zone) if said else None,
        "notify_subscribers": bool(said and said.notify), "notify_twitter": False, "custom_tweet": None,
        "created_at": stamp(said.created_at if said else drafted, page.zone),
        "updated_at": stamp(said.updated_at if said else drafted, page.zone),
    }  # fmt: skip
