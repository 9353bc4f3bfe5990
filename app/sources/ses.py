"""Amazon SES, which reports bounces and complaints through Amazon SNS."""

import base64
import binascii
import http.client
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from app.clock import now
from app.errors import Forbidden, Invalid, Unavailable
from app.mail_verdict import MailVerdict, verdict
from app.settings import Settings
from app.sources.base import EventFields, NotUnderstood, Received, Source, fields, parsed_json, rows, words
from app.sources.events import Bounced, Complained, ConfirmationAsked, Event, Unsubscribed

OLDEST = timedelta(hours=1)
"""SNS gives up after an hour, so anything older is a replay."""

CERTIFICATE_BYTES = 64 * 1024
FETCH_SECONDS = 5
SIGNED_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""Amazon SNS, "Verifying the signatures of Amazon SNS messages"."""

NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "other"})
HINTS = {
    "NoEmail": MailVerdict.ADDRESS_GONE,
    "MailboxFull": MailVerdict.MAILBOX_FULL,
    "MessageTooLarge": MailVerdict.POLICY,
    "ContentRejected": MailVerdict.POLICY,
    "AttachmentRejected": MailVerdict.POLICY,
}
"""By SES's bounceSubType, where it says more than "General"."""

_SNS_HOST = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?")


class Ses(Source):
    """Amazon SES through SNS."""

    name = "ses"
    paths = ("mail/ses",)

    def authenticate(self, received: Received, settings: Settings) -> str:
        """See `Source.authenticate`.  May fetch Amazon's certificate, once each."""
        if not settings.sns_topics:
            raise Unavailable("SES isn't set up here. To accept its events, set SNS_TOPICS.")
        message = fields(parsed_json(received.body))
        if message.get("TopicArn") not in settings.sns_topics:
            raise Forbidden("The topic isn't in SNS_TOPICS.")
        if not is_signed(message):
            raise Forbidden("The signature doesn't match.")
        if not _is_recent(message):
            raise Forbidden("The notification is too old.")
        return words(message.get("MessageId"))

    def parse(self, received: Received, settings: Settings) -> tuple[Event, ...]:
        """See `Source.parse`."""
        message = fields(parsed_json(received.body))
        if message.get("Type") == "SubscriptionConfirmation":
            return (ConfirmationAsked(url=str(message.get("SubscribeURL", ""))),)
        try:
            told = fields(parsed_json(str(message.get("Message", ""))))
        except Invalid:
            return ()  # such as the sentence with which Amazon tries out a new topic
        kind = told.get("notificationType") or told.get("eventType")
        sender = words(fields(told.get("mail")).get("source"), 320)
        returned_to = (sender,) if sender else ()
        key = words(message.get("MessageId"))
        if kind == "Bounce":
            return _bounces(fields(told.get("bounce")), key, returned_to)
        if kind == "Complaint":
            return _complaints(fields(told.get("complaint")), key, returned_to)
        return ()

    def confirm(self, url: str) -> None:
        """See `Source.confirm`."""
        if is_amazons(url):
            fetch(url)


def _bounces(bounce: EventFields, key: str, returned_to: tuple[str, ...]) -> tuple[Event, ...]:
    people = rows(bounce.get("bouncedRecipients"))
    if not people:
        raise NotUnderstood("a bounce without recipients")
    permanent = bounce.get("bounceType") == "Permanent"
    hint = HINTS.get(str(bounce.get("bounceSubType")))
    events = []
    for number, person in enumerate(people):
        status, diagnosis = words(person.get("status"), 16), words(person.get("diagnosticCode"), 1000)
        events.append(
            Bounced(
                event_id=f"{key}:{number}",
                address=words(person.get("emailAddress")),
                verdict=verdict(status, diagnosis, hint),
                permanent=permanent,
                code=status,
                detail=diagnosis,
                returned_to=returned_to,
            )
        )
    return tuple(events)


def _complaints(complaint: EventFields, key: str, returned_to: tuple[str, ...]) -> tuple[Event, ...]:
    people = rows(complaint.get("complainedRecipients"))
    kind = str(complaint.get("complaintFeedbackType") or "abuse").lower()
    if kind in NO_COMPLAINT:
        return ()
    made = Unsubscribed if kind.startswith("opt-out") else Complained
    return tuple(
        made(event_id=f"{key}:{number}", address=words(person.get("emailAddress")), returned_to=returned_to)
        for number, person in enumerate(people)
    )


def is_signed(message: EventFields) -> bool:
    """Whether Amazon signed the message: RSA over its fields, by the certificate that it names, which is fetched from
    Amazon's own host alone.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.x509 import load_pem_x509_certificate

    names = SIGNED_FIELDS.get(str(message.get("Type")), ())
    digest: Any = {"1": hashes.SHA1, "2": hashes.SHA256}.get(str(message.get("SignatureVersion")))
    url = str(message.get("SigningCertURL", ""))
    if not names or digest is None or not is_amazons(url) or not url.endswith(".pem"):
        return False
    signed = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    try:
        key = load_pem_x509_certificate(certificate(url)).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        given = base64.b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(given, signed.encode(), padding.PKCS1v15(), digest())
    except (OSError, ValueError, AssertionError, binascii.Error, InvalidSignature):
        return False
    return True


def _is_recent(message: EventFields) -> bool:
    try:
        at = datetime.fromisoformat(str(message.get("Timestamp")))
    except ValueError:
        return False
    return at.tzinfo is not None and abs(now() - at) <= OLDEST


def is_amazons(url: str) -> bool:
    """Whether an address is one of SNS itself, by https."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(_SNS_HOST.fullmatch(parts.netloc))
    except ValueError:
        return False


def fetch(url: str) -> bytes:
    """What is at an address of Amazon's own (see `is_amazons`); redirects aren't followed.  Raises OSError."""
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.netloc, timeout=FETCH_SECONDS)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        response = connection.getresponse()
        if response.status != 200:
            raise OSError(f"status {response.status}")
        return response.read(CERTIFICATE_BYTES)
    except http.client.HTTPException as error:
        raise OSError("the answer can't be read") from error
    finally:
        connection.close()


@lru_cache(maxsize=8)
def certificate(url: str) -> bytes:
    """The certificate at an address of Amazon's.  Raises OSError."""
    return fetch(url)


SOURCE = Ses()
