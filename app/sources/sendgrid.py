"""Twilio SendGrid's event webhook."""

import base64

from app.errors import Forbidden, Unavailable
from app.mail_verdict import MailVerdict, verdict
from app.settings import Settings
from app.sources.base import Received, Source, body_key, is_recent, parsed_json, rows, words
from app.sources.events import Bounced, Complained, Event, Unsubscribed

TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
SIGNATURE = "x-twilio-email-event-webhook-signature"
HINTS = {
    "Invalid Address": MailVerdict.ADDRESS_GONE,
    "Reputation": MailVerdict.BLOCKED,
    "Content": MailVerdict.POLICY,
    "Technical Failure": MailVerdict.UNKNOWN,
    "Frequency or Volume Too High": MailVerdict.BLOCKED,
}
"""By SendGrid's bounce_classification; "Mailbox Unavailable", under which full mailboxes come too, and others leave
it to code and text."""

UNSUBSCRIBES = frozenset({"unsubscribe", "group_unsubscribe"})


class SendGrid(Source):
    """Signed batches of events."""

    name = "sendgrid"
    paths = ("mail/sendgrid",)

    def authenticate(self, received: Received, settings: Settings) -> str:
        """See `Source.authenticate`."""
        if not settings.sendgrid_public_key:
            raise Unavailable("SendGrid isn't set up here. To accept its events, set SENDGRID_PUBLIC_KEY.")
        timestamp, signature = received.header(TIMESTAMP), received.header(SIGNATURE)
        if not is_signed(settings.sendgrid_public_key, timestamp, received.body, signature):
            raise Forbidden("The signature doesn't match. Check SENDGRID_PUBLIC_KEY.")
        return body_key(received.body)

    def parse(self, received: Received, settings: Settings) -> tuple[Event, ...]:
        """See `Source.parse`."""
        events: list[Event] = []
        for one in rows(parsed_json(received.body)):
            kind, event_id, address = str(one.get("event")), words(one.get("sg_event_id")), words(one.get("email"))
            if not event_id:
                continue
            if kind == "bounce":
                status, reason = words(one.get("status"), 16), words(one.get("reason"), 1000)
                is_blocked = one.get("type") == "blocked"
                hint = HINTS.get(str(one.get("bounce_classification")))
                found = verdict(status, reason, hint)
                if is_blocked and found is MailVerdict.ADDRESS_GONE:  # SendGrid itself says that it's for now
                    found = MailVerdict.UNKNOWN
                events.append(
                    Bounced(
                        event_id=event_id,
                        address=address,
                        verdict=found,
                        permanent=not is_blocked,
                        code=status,
                        detail=reason,
                    )
                )
            elif kind == "spamreport":
                events.append(Complained(event_id=event_id, address=address))
            elif kind in UNSUBSCRIBES:
                events.append(Unsubscribed(event_id=event_id, address=address))
        return tuple(events)


def is_signed(public_key: str, timestamp: str, body: bytes, signature: str) -> bool:
    """Whether SendGrid signed timestamp and body lately: ECDSA over SHA-256, the key in base64 of DER (SendGrid, "Event
    Webhook Security").
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
        given = base64.b64decode(signature, validate=True)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(given, timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (ValueError, AssertionError, InvalidSignature):
        return False
    return is_recent(timestamp)


SOURCE = SendGrid()
