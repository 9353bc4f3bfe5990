"""Postmark's webhooks: bounces, spam complaints and changes of subscription."""

import base64
import hmac

from app.errors import Forbidden, Unavailable
from app.mail_verdict import MailVerdict, verdict
from app.settings import Settings
from app.sources.base import Received, Source, body_key, fields, parsed_json, words
from app.sources.events import Bounced, Complained, Event, Unsubscribed

HARD = "HardBounce"
PERMANENT = frozenset({HARD, "BadEmailAddress", "AddressChange", "Blocked", "ManuallyDeactivated"})
HINTS = {
    "BadEmailAddress": MailVerdict.ADDRESS_GONE,
    "AddressChange": MailVerdict.ADDRESS_GONE,
    "Blocked": MailVerdict.BLOCKED,
    "SpamNotification": MailVerdict.POLICY,
    "VirusNotification": MailVerdict.POLICY,
    "DMARCPolicy": MailVerdict.POLICY,
    "DnsError": MailVerdict.TIME_OUT,
}
"""By Postmark's bounce type; any other is one that passes."""


class Postmark(Source):
    """One event at a time, with a password."""

    name = "postmark"
    paths = ("mail/postmark",)

    def authenticate(self, received: Received, settings: Settings) -> str:
        """See `Source.authenticate`."""
        if not settings.postmark_webhook_auth:
            raise Unavailable("Postmark isn't set up here. To accept its events, set POSTMARK_WEBHOOK_AUTH.")
        expected = "Basic " + base64.b64encode(settings.postmark_webhook_auth.encode()).decode()
        given = received.header("authorization").encode("utf-8", "replace")
        if not hmac.compare_digest(expected.encode(), given):
            raise Forbidden("The user name or password is wrong. Check POSTMARK_WEBHOOK_AUTH.")
        parsed_json(received.body)
        return body_key(received.body)

    def parse(self, received: Received, settings: Settings) -> tuple[Event, ...]:
        """See `Source.parse`."""
        event = fields(parsed_json(received.body))
        record, event_id = event.get("RecordType"), words(event.get("ID"))
        if record == "Bounce" and event_id:
            kind = str(event.get("Type"))
            said = " ".join(words(event.get(name), 1000) for name in ("Details", "Description")).strip()
            details = words(event.get("Details"), 1000)
            hint: MailVerdict | None = HINTS.get(kind, MailVerdict.UNKNOWN)
            if kind == HARD:  # an unknown user, unless what the server said says otherwise
                hint = None if details else MailVerdict.ADDRESS_GONE
            return (
                Bounced(
                    event_id=event_id,
                    address=words(event.get("Email")),
                    verdict=verdict("", details, hint),
                    permanent=kind in PERMANENT,
                    detail=said,
                ),
            )
        if record == "SpamComplaint" and event_id:
            return (Complained(event_id=event_id, address=words(event.get("Email"))),)
        if record == "SubscriptionChange" and event.get("SuppressSending") is True:
            address, key = words(event.get("Recipient")), body_key(received.body)
            if event.get("SuppressionReason") == "ManualSuppression":
                return (Unsubscribed(event_id=key, address=address),)
            if event.get("SuppressionReason") == "SpamComplaint":
                return (Complained(event_id=key, address=address),)
        return ()  # a hard bounce is reported as a bounce too, and must not count twice


SOURCE = Postmark()
