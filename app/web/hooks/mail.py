"""Bounces and complaints that mail providers tell of.  Nothing is written unless the signature fits."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

from app.actions import mail_events
from app.actions.mail_events import BOUNCE, COMPLAINT, MailReport
from app.errors import Forbidden, Invalid, NotFound, Unavailable
from app.settings import Settings
from app.text import clean
from app.web.access import audience
from app.web.hooks import mail_signatures
from app.web.hooks.blueprint import blueprint

LARGEST_BYTES = 1024 * 1024
MOST_EVENTS = 1000
Event = dict[str, Any]


@blueprint.post("/mail/<provider>")
@audience("public")
def mail_event(provider: str) -> Response:
    """One delivery of events.  What is not a bounce or a complaint is taken and forgotten."""
    settings: Settings = current_app.config["SETTINGS"]
    reader = READERS.get(provider)
    if reader is None:
        raise NotFound("There is no such mail provider here. Known are " + ", ".join(READERS) + ".")
    body = request.get_data()
    if len(body) > LARGEST_BYTES:
        raise Invalid("That is too much for one delivery of events.")
    taken = sum(mail_events.record(settings, report) for report in reader(settings, body))
    return Response(json.dumps({"taken": taken}), mimetype="application/json")


def _ses(settings: Settings, body: bytes) -> Iterator[MailReport]:
    """Amazon SES through SNS."""
    if not settings.sns_topics:
        raise Unavailable("Events of SES are not set up here: SNS_TOPICS is empty.")
    message = _object(_parsed(body))
    if message.get("TopicArn") not in settings.sns_topics or not mail_signatures.sns(message):
        raise Forbidden("The topic is not in SNS_TOPICS, or the signature does not fit.")
    if message.get("Type") == "SubscriptionConfirmation":
        url = str(message.get("SubscribeURL", ""))
        if mail_signatures.is_amazons(url):
            with suppress(OSError):  # Amazon asks again
                mail_signatures.fetch(url)
        return
    told = _object(_parsed(str(message.get("Message", "{}")).encode()))
    kind = told.get("notificationType") or told.get("eventType")
    for name, people, sort in (
        ("Bounce", "bouncedRecipients", BOUNCE),
        ("Complaint", "complainedRecipients", COMPLAINT),
    ):
        if kind != name:
            continue
        facts = _object(told.get(name.lower()))
        for number, person in enumerate(_objects(facts.get(people))):
            yield MailReport(
                "ses", f"{message.get('MessageId')}:{number}", sort,
                permanent=sort == COMPLAINT or facts.get("bounceType") == "Permanent",
                address=_words(person.get("emailAddress")), status=_words(person.get("status"), 16),
            )  # fmt: skip


def _sendgrid(settings: Settings, body: bytes) -> Iterator[MailReport]:
    """Twilio SendGrid's event webhook."""
    if not settings.sendgrid_public_key:
        raise Unavailable("Events of SendGrid are not set up here: SENDGRID_PUBLIC_KEY is empty.")
    timestamp = request.headers.get("X-Twilio-Email-Event-Webhook-Timestamp", "")
    signature = request.headers.get("X-Twilio-Email-Event-Webhook-Signature", "")
    if not mail_signatures.sendgrid(settings.sendgrid_public_key, timestamp, body, signature):
        raise Forbidden("The signature does not fit. Check SENDGRID_PUBLIC_KEY.")
    for event in _objects(_parsed(body)):
        kind = {"bounce": BOUNCE, "dropped": "", "spamreport": COMPLAINT}.get(str(event.get("event")), "")
        if kind and event.get("sg_event_id"):
            yield MailReport(
                "sendgrid", _words(event["sg_event_id"]), kind, permanent=event.get("type") != "blocked",
                address=_words(event.get("email")), status=_words(event.get("status"), 16),
            )  # fmt: skip


def _mailgun(settings: Settings, body: bytes) -> Iterator[MailReport]:
    """Mailgun's webhooks."""
    if not settings.mailgun_signing_key:
        raise Unavailable("Events of Mailgun are not set up here: MAILGUN_SIGNING_KEY is empty.")
    told = _object(_parsed(body))
    if not mail_signatures.mailgun(settings.mailgun_signing_key, _object(told.get("signature"))):
        raise Forbidden("The signature does not fit. Check MAILGUN_SIGNING_KEY.")
    event = _object(told.get("event-data"))
    kind = {"failed": BOUNCE, "complained": COMPLAINT}.get(str(event.get("event")), "")
    if kind and event.get("id"):
        status = _object(event.get("delivery-status"))
        yield MailReport(
            "mailgun", _words(event["id"]), kind, permanent=kind == COMPLAINT or event.get("severity") == "permanent",
            address=_words(event.get("recipient")), status=_words(status.get("enhanced-code"), 16),
        )  # fmt: skip


def _postmark(settings: Settings, body: bytes) -> Iterator[MailReport]:
    """Postmark's bounce and spam complaint webhooks."""
    if not settings.postmark_webhook_auth:
        raise Unavailable("Events of Postmark are not set up here: POSTMARK_WEBHOOK_AUTH is empty.")
    expected = "Basic " + base64.b64encode(settings.postmark_webhook_auth.encode()).decode()
    if not hmac.compare_digest(expected.encode(), request.headers.get("Authorization", "").encode("utf-8", "replace")):
        raise Forbidden("The user name or password does not fit. Check POSTMARK_WEBHOOK_AUTH.")
    event = _object(_parsed(body))
    kind = {"Bounce": BOUNCE, "SpamComplaint": COMPLAINT}.get(str(event.get("RecordType")), "")
    if kind and event.get("ID"):
        hard = {"HardBounce", "BadEmailAddress", "AddressChange"}
        yield MailReport(
            "postmark", _words(event["ID"]), kind, permanent=kind == COMPLAINT or event.get("Type") in hard,
            address=_words(event.get("Email")),
        )  # fmt: skip


READERS: dict[str, Callable[[Settings, bytes], Iterator[MailReport]]] = {
    "ses": _ses, "sendgrid": _sendgrid, "mailgun": _mailgun, "postmark": _postmark,
}  # fmt: skip


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid("That is not JSON.") from None


def _object(value: object) -> Event:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Event]:
    return [one for one in value[:MOST_EVENTS] if isinstance(one, dict)] if isinstance(value, list) else []


def _words(value: object, limit: int = 200) -> str:
    return clean(str(value if value is not None else "")[:limit])
