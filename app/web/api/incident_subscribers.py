"""Subscribers of one incident: list, add, get, remove, ask again to confirm."""

from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, exists, select

from app.actions.subscribers import managing
from app.db import session
from app.errors import NotFound
from app.inputs.envelopes import FollowerBody
from app.inputs.lists import Part
from app.models.post import Post
from app.models.subscriber import Subscriber, SubscriberPost
from app.publish.statuspage_json import Document
from app.publish.views import PageView
from app.vocabulary import Scope, SubscriberState
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged
from app.web.api.documents import subscriber_documents
from app.web.api.incidents import one_incident
from app.web.api.paging import chosen
from app.web.api.subscribers import whom

route = tagged("Incidents")
LISTED = "/pages/<page_id>/incidents/<incident_id>/subscribers"
ONE = f"{LISTED}/<subscriber_id>"


@route(LISTED, "GET", scope=Scope.SUBSCRIBERS, asks=Part, answers=list[outputs.SubscriberOutput])
def list_incident_subscribers(page: PageView, incident_id: str) -> ResponseReturnValue:
    """List the subscribers of this incident, oldest first. Subscribers of the whole page aren't included."""
    one_incident(page, incident_id)
    query = select(Subscriber).where(*_following(page, incident_id)).order_by(Subscriber.id)
    return subscriber_documents(page, chosen(query))


@route(
    LISTED,
    "POST",
    scope=Scope.SUBSCRIBERS,
    takes=FollowerBody,
    answers=outputs.SubscriberOutput,
    status=201,
    refuses=(409,),
)
def create_incident_subscriber(page: PageView, incident_id: str) -> ResponseReturnValue:
    """Subscribe an email address or phone number to this incident only. It gets a request to confirm.

    With `skip_confirmation_notification` you vouch for the address, and it isn't asked to confirm.
    """
    one_incident(page, incident_id)
    given = bodies.read(FollowerBody).subscriber
    channel, address = whom(given)
    made = managing.add_subscriber(
        settings(),
        bearer().actor,
        page.id,
        channel,
        address,
        post=incident_id,
        is_confirmed=given.skip_confirmation_notification,
    )
    return _one(page, incident_id, made), 201


@route(ONE, "GET", scope=Scope.SUBSCRIBERS, answers=outputs.SubscriberOutput)
def read_incident_subscriber(page: PageView, incident_id: str, subscriber_id: str) -> ResponseReturnValue:
    """Get one subscriber of this incident."""
    return _one(page, incident_id, subscriber_id)


@route(ONE, "DELETE", scope=Scope.SUBSCRIBERS, answers=outputs.SubscriberOutput)
def delete_incident_subscriber(page: PageView, incident_id: str, subscriber_id: str) -> ResponseReturnValue:
    """End a subscription to this incident. The person's other subscriptions stay."""
    before = _one(page, incident_id, subscriber_id)
    managing.unfollow_post(settings(), bearer().actor, page.id, subscriber_id, incident_id)
    return before


@route(f"{ONE}/resend_confirmation", "POST", scope=Scope.SUBSCRIBERS, status=201, refuses=(409, 422))
def resend_incident_confirmation(page: PageView, incident_id: str, subscriber_id: str) -> ResponseReturnValue:
    """Send another request to confirm a subscription to this incident."""
    _one(page, incident_id, subscriber_id)
    managing.resend_confirmation(settings(), bearer().actor, page.id, [subscriber_id])
    return "", 201


def _following(page: PageView, incident_id: str) -> tuple[ColumnElement[bool], ...]:
    post = select(Post.id).where(Post.page_id == page.id, Post.public_id == incident_id)
    follows = exists().where(SubscriberPost.subscriber_id == Subscriber.id, SubscriberPost.post_id.in_(post))
    return Subscriber.page_id == page.id, Subscriber.state != SubscriberState.UNSUBSCRIBED, follows


def _one(page: PageView, incident_id: str, public_id: str) -> Document:
    session().expire_all()
    row = session().scalar(select(Subscriber).where(*_following(page, incident_id), Subscriber.public_id == public_id))
    if row is None:
        raise NotFound("Subscriber not found on this incident.")
    return subscriber_documents(page, [row])[0]
