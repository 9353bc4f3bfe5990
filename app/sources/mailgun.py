"""Mailgun's webhooks."""

import hmac

from app.errors import Forbidden, Unavailable
from app.mail_verdict import MailVerdict, verdict
from app.settings import Settings
from app.sources.base import EventFields, Received, Source, fields, is_recent, parsed_json, words
from app.sources.events import Bounced, Complained, Event, Unsubscribed

HINTS = {
    "old": MailVerdict.TIME_OUT,  # given up after hours of trying
    "espblock": MailVerdict.BLOCKED,
    "greylisted": MailVerdict.TIME_OUT,
    "suppress-complaint": MailVerdict.POLICY,
    "suppress-unsubscribe": MailVerdict.POLICY,
}
"""By Mailgun's reason; "bounce", "generic" and "suppress-bounce" leave it to code and text."""

TOO_OLD = "602"
"""Mailgun's own code for a mail that it gave up after trying for long."""


class Mailgun(Source):
    """One event at a time.

    Mailgun signs no body, only a timestamp and a token.  The token is the key: an observer can't use it again
    for a body of their own, because one key is stored once.
    """

    name = "mailgun"
    paths = ("mail/mailgun",)

    def authenticate(self, received: Received, settings: Settings) -> str:
        """See `Source.authenticate`."""
        if not settings.mailgun_signing_key:
            raise Unavailable("Mailgun isn't set up here. To accept its events, set MAILGUN_SIGNING_KEY.")
        signature = fields(fields(parsed_json(received.body)).get("signature"))
        if not is_signed(settings.mailgun_signing_key, signature):
            raise Forbidden("The signature doesn't match. Check MAILGUN_SIGNING_KEY.")
        return words(signature.get("token"))

    def parse(self, received: Received, settings: Settings) -> tuple[Event, ...]:
        """See `Source.parse`."""
        event = fields(fields(parsed_json(received.body)).get("event-data"))
        kind, event_id, address = str(event.get("event")), words(event.get("id")), words(event.get("recipient"))
        sender = words(fields(event.get("envelope")).get("sender"), 320)
        returned_to = (sender,) if sender else ()
        if not event_id:
            return ()
        if kind == "failed":
            return (_bounced(event, event_id, address, returned_to),)
        if kind == "complained":
            return (Complained(event_id=event_id, address=address, returned_to=returned_to),)
        if kind == "unsubscribed":
            return (Unsubscribed(event_id=event_id, address=address, returned_to=returned_to),)
        return ()


def _bounced(event: EventFields, event_id: str, address: str, returned_to: tuple[str, ...]) -> Bounced:
    status = fields(event.get("delivery-status"))
    code, enhanced = words(status.get("code"), 8), words(status.get("enhanced-code"), 16)
    said = " ".join(words(status.get(name), 1000) for name in ("message", "description")).strip()
    hint = MailVerdict.TIME_OUT if code == TOO_OLD else HINTS.get(str(event.get("reason")))
    return Bounced(
        event_id=event_id,
        address=address,
        verdict=verdict(enhanced, said, hint),
        permanent=event.get("severity") == "permanent",
        code=enhanced or code,
        detail=said,
        returned_to=returned_to,
    )


def is_signed(key: str, signature: EventFields) -> bool:
    """Whether Mailgun signed this lately: HMAC-SHA256 of timestamp and token run together, in hex (Mailgun, "Securing
    webhooks").
    """
    timestamp, token, given = (str(signature.get(name, "")) for name in ("timestamp", "token", "signature"))
    expected = hmac.digest(key.encode(), f"{timestamp}{token}".encode("utf-8", "replace"), "sha256").hex()
    return (
        bool(token)
        and hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
        and is_recent(timestamp)
    )


SOURCE = Mailgun()
