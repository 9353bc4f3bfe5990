"""One subscriber: add, get, update, unsubscribe, ask again to confirm."""

from urllib.parse import urlsplit

from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.actions.subscribers import managing
from app.channels.names import EMAIL, SMS, WEBHOOK
from app.channels.registry import channel as channel_named
from app.db import session
from app.errors import Invalid, NotFound
from app.inputs.base import from_json
from app.inputs.envelopes import SubscriberBody
from app.inputs.subscribers import PersonInput, SubscriberChange, SubscriberInput
from app.models.subscriber import Subscriber
from app.publish.statuspage_json import Document
from app.publish.views import PageView
from app.states.subscribers import address_hash
from app.vocabulary import Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged
from app.web.api.documents import subscriber_documents

route = tagged("Subscribers")
LISTED = "/pages/<page_id>/subscribers"
ONE = f"{LISTED}/<subscriber_id>"


@route(
    LISTED, "POST", scope=Scope.SUBSCRIBERS, takes=SubscriberBody, answers=outputs.SubscriberOutput, status=201,
    refuses=(409,),
)  # fmt: skip
def create_subscriber(page: PageView) -> ResponseReturnValue:
    """Subscribe an email address, a phone number or a webhook.

    With `skip_confirmation_notification` you vouch for the address, and it isn't asked to confirm.
    """
    given = bodies.read(SubscriberBody).subscriber
    if given.endpoint:
        made, secret = _add_webhook(page, given)
        return {**_one(page, made), "signing_secret": secret}, 201
    channel, address = whom(given)
    made = managing.add_subscriber(
        settings(),
        bearer().actor,
        page.id,
        channel,
        address,
        given.component_ids,
        is_confirmed=given.skip_confirmation_notification,
    )
    return _one(page, made), 201


@route(ONE, "GET", scope=Scope.SUBSCRIBERS, answers=outputs.SubscriberOutput)
def read_subscriber(page: PageView, subscriber_id: str) -> ResponseReturnValue:
    """Get one subscriber."""
    return _one(page, subscriber_id)


@route(ONE, "PATCH", "PUT", scope=Scope.SUBSCRIBERS, takes=SubscriberChange, answers=outputs.SubscriberOutput)
def edit_subscriber(page: PageView, subscriber_id: str) -> ResponseReturnValue:
    """Set the components that a subscriber gets updates about. An empty list means all components.

    At Statuspage's address, leaving out `component_ids` means the same.
    """
    _one(page, subscriber_id)
    components = bodies.read(SubscriberChange).component_ids if bodies.is_ours() else _named_as_there()
    managing.choose_components(settings(), bearer().actor, page.id, subscriber_id, components)
    return _one(page, subscriber_id)


@route(ONE, "DELETE", scope=Scope.SUBSCRIBERS, answers=outputs.SubscriberOutput)
def delete_subscriber(page: PageView, subscriber_id: str) -> ResponseReturnValue:
    """End a subscription."""
    before = _one(page, subscriber_id)
    managing.unsubscribe(settings(), bearer().actor, page.id, [subscriber_id])
    return before


@route(f"{ONE}/resend_confirmation", "POST", scope=Scope.SUBSCRIBERS, status=201, refuses=(409, 422))
def resend_confirmation(page: PageView, subscriber_id: str) -> ResponseReturnValue:
    """Send another request to confirm."""
    managing.resend_confirmation(settings(), bearer().actor, page.id, [subscriber_id])
    return "", 201


def _named_as_there() -> tuple[str, ...]:
    """Statuspage's clients name them in the body or in an object in it, or say "all" by naming none."""
    found = bodies.body()
    inner = found.get("subscriber")
    named = (inner if isinstance(inner, dict) else found).get("component_ids")
    return from_json(SubscriberChange, {"component_ids": named or []}, is_strict=False).component_ids


def _add_webhook(page: PageView, given: SubscriberInput) -> tuple[str, str]:
    """Its public id and its signing secret.  It is labelled by its host: the rest of an address may be a secret."""
    endpoint = given.endpoint or ""
    normal = channel_named(WEBHOOK).normalise(endpoint, settings())
    label = (urlsplit(normal).hostname or "webhook")[: managing.LABEL_LIMIT]
    secret = managing.add_endpoint(
        settings(),
        bearer().actor,
        page.id,
        WEBHOOK,
        endpoint,
        label,
        given.component_ids,
        given.email or "",
    )
    hashed = address_hash(settings(), WEBHOOK, normal)
    found = session().scalar(
        select(Subscriber.public_id).where(Subscriber.page_id == page.id, Subscriber.address_hash == hashed)
    )
    assert found is not None, "it was added just now"
    return found, secret


def whom(given: PersonInput) -> tuple[str, str]:
    """The channel and the address of a person.  Raises Invalid."""
    if not given.email and not given.phone_number:
        raise Invalid.field("email", "Send an email, a phone_number or, for a webhook, an endpoint.")
    return (EMAIL, given.email) if given.email else (SMS, _dialled(given))


def _dialled(given: PersonInput) -> str:
    """A number as it is dialled from anywhere: Statuspage's has its country beside it."""
    phone, country = given.phone_number or "", (given.phone_country or "").upper()
    if phone.startswith("+") or not country:
        return phone
    import phonenumbers

    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        raise Invalid.field("phone_number", "Enter a phone number that is valid in this country.") from None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _one(page: PageView, public_id: str) -> Document:
    session().expire_all()
    row = session().scalar(select(Subscriber).where(Subscriber.page_id == page.id, Subscriber.public_id == public_id))
    if row is None or row.is_erased:
        raise NotFound("Subscriber not found.")
    return subscriber_documents(page, [row])[0]
