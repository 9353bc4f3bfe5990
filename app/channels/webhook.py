"""Webhooks: a payload signed as Standard Webhooks describes, posted to a checked address."""

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit, urlunsplit

import idna
from standardwebhooks import Webhook

from app.channels.addresses import host_of
from app.channels.base import Channel, Retries, Sender, Size, Wording, fill
from app.channels.http_line import HttpResponse
from app.channels.names import WEBHOOK
from app.channels.pinned_http import Caller
from app.clock import now
from app.errors import DeliveryError, Invalid
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.text import header_safe
from app.vocabulary import DeliveryState

LONGEST_URL = 2_000
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,252}[a-z0-9_.])?|\[?[0-9a-f:.]{2,45}\]?")


def new_secret() -> str:
    """A fresh signing secret: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secrets_: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header's value: one signature for each of the secrets, which a space parts.  While a
    secret is replaced, the old one and the new one both sign.

    Raises:
        ValueError: a secret isn't `whsec_` and base64.
    """
    at, text = datetime.fromtimestamp(timestamp, UTC), body.decode()
    return " ".join(Webhook(_key(secret)).sign(message_id, at, text) for secret in secrets_.split())


def _key(secret: str) -> bytes:
    """The library leaves out what isn't base64; a secret that was damaged must not sign as another one."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("the secret is not base64") from None
    if not key:
        raise ValueError("the secret is empty")
    return key


TEN_TRIES = Retries(
    steps=(
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=14),
        timedelta(hours=20),
        timedelta(hours=24),
    ),
    then=None,
    give_up_after=timedelta(days=3),
    longest=timedelta(hours=24),
    gave_up="Gave up after three days",
)
"""As Standard Webhooks recommends: ten tries over three days."""


class WebhookChannel(Channel):
    """JSON to an endpoint that a subscriber named."""

    name = WEBHOOK
    label = "Webhook"
    wording = Wording.WEBHOOK
    position = 40
    address_name = "a webhook"
    address_hint = "The endpoint's address, such as https://example.com/hooks/status."
    statuspage_type = "webhook"
    size = Size(32, 250)
    retries = TEN_TRIES
    wants_every_update = True
    is_disabled_when_failing = True
    signs_messages = True

    def normalise(self, raw: str, settings: Settings) -> str:
        """The URL with its scheme and host in lower case, ASCII, without fragment.  Raises Invalid."""
        url = raw.strip()
        if len(url) > LONGEST_URL:
            raise Invalid.field("address", f"This address is too long. The limit is {LONGEST_URL:,} characters.")
        try:
            parts = urlsplit(url)
            port = parts.port
            host = _ascii_host(parts.hostname or "")
        except (ValueError, idna.IDNAError):
            raise _invalid() from None
        if parts.scheme not in {"http", "https"} or not host or any(c <= " " or c == "\x7f" for c in url):
            raise _invalid()
        if "@" in parts.netloc:
            raise Invalid.field("address", "Remove the user name and password from the address.")
        where = host if port is None or port == {"http": 80, "https": 443}[parts.scheme] else f"{host}:{port}"
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        made = urlunsplit((parts.scheme, where, path, quote(parts.query, safe="/%:@!$&'()*+,;=~-._?"), ""))
        if len(made) > LONGEST_URL:
            raise Invalid.field("address", f"This address is too long. The limit is {LONGEST_URL:,} characters.")
        return made

    def open(self, settings: Settings) -> Sender:
        return WebhookSender(settings)

    def destination(self, address: str) -> str:
        """The endpoint's host."""
        return host_of(address)

    def shown(self, address: str, label: str, *, full: bool) -> str:
        """The label and the host: the rest of the address may be a secret."""
        host = host_of(address) or "webhook"
        return f"{label} ({host})" if label and label != host else host

    def new_secret(self) -> str:
        """`whsec_` and 32 random bytes in base64."""
        return new_secret()


class WebhookSender:
    """Posts one request after the other; a server that gets several is spoken to over one connection."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._caller = Caller(settings.webhook_allowed_networks)

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`."""
        payload = letter.payload.decode("utf-8", "replace")
        for recipient in recipients:
            begun = time.monotonic()
            outcome = self._send_one(fill(payload, recipient.personal, _json_escaped).encode(), recipient)
            yield replace(outcome, took_ms=int((time.monotonic() - begun) * 1000))

    def close(self) -> None:
        """Let go of the connections."""
        self._caller.close()

    def _send_one(self, body: bytes, recipient: Recipient) -> Outcome:
        try:
            url = self.normalised(recipient.address)
            answer = self._caller.call("POST", url, body, _headers(recipient, body))
        except DeliveryError as error:
            return _failed(recipient, error.sentence, permanent=error.permanent)
        except ValueError:
            return _failed(recipient, "the webhook's secret is damaged", permanent=True)
        return _judged(recipient, answer)

    def normalised(self, address: str) -> str:
        """The address checked again: what is stored may be older than the rules."""
        try:
            return CHANNEL.normalise(address, self._settings)
        except Invalid:
            raise DeliveryError("the endpoint's address is invalid", permanent=True) from None


def _headers(recipient: Recipient, body: bytes) -> dict[str, str]:
    timestamp = int(now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Candor",
        "webhook-id": header_safe(recipient.key),
        "webhook-timestamp": str(timestamp),
    }
    if recipient.secret:
        headers["webhook-signature"] = signature(recipient.secret, headers["webhook-id"], timestamp, body)
    return headers


def _judged(recipient: Recipient, answer: HttpResponse) -> Outcome:
    """Only 410 says that it is over (Standard Webhooks): everything else may be a mistake that someone mends."""
    status = answer.status
    if 200 <= status < 300:
        return Outcome(recipient.delivery_id, DeliveryState.SENT, status=status)
    if status == 410:
        reason = "the endpoint is gone (410)"
        return replace(_failed(recipient, reason, permanent=True), status=status, disable=f"disabled: {reason}")
    reason = f"the endpoint responded with {status}"
    if 300 <= status < 400:
        reason = f"the endpoint redirects, which Candor doesn't follow ({status})"
    wait = answer.retry_after if status in {429, 503} else None
    return replace(_failed(recipient, reason, retry_after=wait), status=status)


def _failed(
    recipient: Recipient,
    reason: str,
    *,
    permanent: bool = False,
    retry_after: int | None = None,
) -> Outcome:
    return Outcome(recipient.delivery_id, DeliveryState.FAILED, reason, permanent=permanent, retry_after=retry_after)


def _json_escaped(value: str) -> str:
    return json.dumps(value)[1:-1]


def _ascii_host(host: str) -> str:
    """The host as it goes into a URL.  Raises idna.IDNAError."""
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        host = idna.encode(host, uts46=True).decode("ascii")
    return host if _HOST.fullmatch(host) else ""


def _invalid() -> Invalid:
    return Invalid.field("address", "Enter a valid web address, such as https://example.com/hooks/status.")


CHANNEL = WebhookChannel()
