"""Browser notifications, through the push service of the browser's maker.

The address is the endpoint that the browser gave, and `secret` its keys: only the browser can read the message.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from email.utils import parseaddr
from urllib.parse import urlsplit

from app.channels import web_push
from app.channels.addresses import host_of, is_allowed
from app.channels.base import AddedBy, Channel, Sender, Size, Wording
from app.channels.http_line import HttpResponse
from app.channels.names import PUSH
from app.channels.pinned_http import Caller
from app.channels.time_to_live import seconds_left
from app.clock import now
from app.errors import DeliveryError, Invalid
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import DeliveryState

LONGEST_ENDPOINT = 1000
ENDED = "the browser ended the subscription"
URGENCY = "high"
"""Shown at once, also on a phone that saves its battery."""


class PushChannel(Channel):
    """One notice to one browser."""

    name = PUSH
    label = "Browser"
    wording = Wording.PUSH
    position = 60
    added_by = AddedBy.BROWSERS
    address_name = "a browser"
    size = Size(8, 64)

    def normalise(self, raw: str, settings: Settings) -> str:
        """The endpoint as given, once it is an https address and no private number.  Raises Invalid."""
        url = raw.strip()
        try:
            parts = urlsplit(url)
            is_address = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address or "@" in parts.netloc or parts.fragment or len(url) > LONGEST_ENDPOINT:
            raise _invalid()
        if not url.isascii() or not url.isprintable() or " " in url or _is_inside(parts.hostname or "", settings):
            raise _invalid()
        return url

    def open(self, settings: Settings) -> Sender:
        return PushSender(settings)

    def destination(self, address: str) -> str:
        """The push service's host."""
        return host_of(address)

    def shown(self, address: str, label: str, *, full: bool) -> str:
        """The push service's host: the rest of the address is a secret."""
        return f"browser ({host_of(address) or 'unknown'})"


class PushSender:
    """One request for each browser; there are few push services, so connections are kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._contact = f"mailto:{parseaddr(settings.mail_from)[1]}" if settings.mail_from else settings.base_url
        self._caller = Caller(settings.webhook_allowed_networks, "the push service")

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`."""
        for recipient in recipients:
            yield self._send_one(letter, recipient)

    def close(self) -> None:
        """Let go of the connections."""
        self._caller.close()

    def _send_one(self, letter: Letter, recipient: Recipient) -> Outcome:
        try:
            body = web_push.encrypt(web_push.Keys.read(recipient.secret), letter.payload)
        except ValueError:
            return _failed(recipient, "the browser's keys are damaged, or the notice is too long", permanent=True)
        try:
            answer = self._caller.call("POST", recipient.address, body, self._headers(letter, recipient))
        except DeliveryError as error:
            return _failed(recipient, error.sentence, permanent=error.permanent)
        return _judged(recipient, answer)

    def _headers(self, letter: Letter, recipient: Recipient) -> dict[str, str]:
        parts = urlsplit(recipient.address)
        headers = {
            "Authorization": web_push.authorization(
                self._settings.vapid_key, f"https://{parts.netloc}", self._contact, now().timestamp()
            ),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(seconds_left(letter.valid_until)),
            "Urgency": URGENCY,
        }
        return headers | ({"Topic": letter.message_id[:32]} if letter.message_id else {})


def subscription(text: str, settings: Settings) -> tuple[str, str]:
    """The endpoint and the keys that a browser sent as JSON (a `PushSubscription`).

    Raises:
        Invalid: it is none, or names no https address.
    """
    try:
        said = json.loads(text)
        keys = web_push.Keys.read(f"{said['keys']['p256dh']}.{said['keys']['auth']}")
        endpoint = str(said["endpoint"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _invalid() from None
    return CHANNEL.normalise(endpoint, settings), str(keys)


def page_key(settings: Settings) -> str:
    """What the page gives the browser, so that no one else can send to it."""
    return web_push.public_key(settings.vapid_key)


def _judged(recipient: Recipient, answer: HttpResponse) -> Outcome:
    if 200 <= answer.status < 300:
        return Outcome(recipient.delivery_id, DeliveryState.SENT)
    if answer.status in {404, 410}:
        return replace(_failed(recipient, ENDED, permanent=True), disable=ENDED)
    reason = f"the push service responded with {answer.status}"
    return replace(_failed(recipient, reason, permanent=answer.status == 413), retry_after=answer.retry_after)


def _failed(recipient: Recipient, reason: str, *, permanent: bool = False) -> Outcome:
    return Outcome(recipient.delivery_id, DeliveryState.FAILED, reason, permanent=permanent)


def _is_inside(host: str, settings: Settings) -> bool:
    """Whether the host is a number that isn't public."""
    try:
        return not is_allowed(host, settings.webhook_allowed_networks)
    except ValueError:
        return False


def _invalid() -> Invalid:
    return Invalid.field("address", "This isn't a browser subscription. Reload the page and try again.")


CHANNEL = PushChannel()
