"""Email over one warm SMTP connection, or into the outbox when no mail server is configured."""

import ipaddress
import logging
import re
import unicodedata
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import idna

from app.channels import mime, outbox
from app.channels.base import Sender
from app.channels.smtp import LOGIN_NEEDED, Broken, Connection, Reply, Unreachable
from app.clock import now
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import ChannelName, DeliveryState

logger = logging.getLogger(__name__)
LONGEST_ADDRESS = 254
LONGEST_LOCAL_PART = 64
PATIENCE = 3
NOT_SENT = "not sent: no mail server is configured"
IN_DOUBT = "unknown whether accepted: the mail server did not answer after the whole message was sent"
_LOCAL_PART = re.compile(r"""[^\s"'(),:;<>@\[\]\\]+""")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_QUEUED_AS = re.compile(r"queued as ([\w.-]{1,64})", re.IGNORECASE)
_ABOUT_THE_SENDER = frozenset({"5.1.7", "5.1.8"})


class EmailChannel:
    """Mail to one mailbox a message."""

    name = ChannelName.EMAIL

    def normalise(self, raw: str, settings: Settings) -> str:
        """The address in lower case, its domain in ASCII.  Raises Invalid."""
        address = unicodedata.normalize("NFC", raw.strip()) if len(raw) <= 1000 else ""
        local, at, domain = address.lower().rpartition("@")
        host = _ascii_domain(domain)
        if not (at and _is_local_part(local) and _is_domain(host, settings)):
            raise _invalid()
        if len(f"{local}@{host}".encode()) > LONGEST_ADDRESS:
            raise _invalid()
        return f"{local}@{host}"

    def is_configured(self, settings: Settings) -> bool:
        return bool(settings.smtp_url)

    def open(self, settings: Settings) -> Sender:
        return SmtpSender(settings) if settings.smtp_url else OutboxSender(settings)


class SmtpSender:
    """Sends over one connection; connects anew once when the server has dropped it between messages."""

    def __init__(self, settings: Settings) -> None:
        self._mail_from = settings.mail_from
        self._connection = Connection(settings.smtp_url, _hello(settings))

    def send(self, letter: Letter, recipients: Sequence[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`.  When the server is gone, the rest of the batch fails at once, to be tried again."""
        mail = mime.prepare(letter, self._mail_from)
        breaks = 0
        lost = ""
        for recipient in recipients:
            if lost:
                yield _failed(recipient, lost)
                continue
            try:
                yield self._send_one(mail, recipient)
                breaks = 0
            except Unreachable as error:
                lost = str(error)
                yield _failed(recipient, lost)
            except Broken as error:
                breaks += 1
                lost = str(error) if breaks >= PATIENCE else ""
                yield _failed(recipient, IN_DOUBT if error.is_in_doubt else str(error))

    def close(self) -> None:
        """Say QUIT."""
        self._connection.close()

    def _send_one(self, mail: mime.Mail, recipient: Recipient) -> Outcome:
        address = _envelope(recipient.address)
        if not address or any(character in address for character in "\r\n<> "):
            return _failed(recipient, "the address is not one that mail can be sent to", permanent=True)
        if not address.isascii() and not self._connection.takes_utf8:
            return _failed(recipient, "the mail server does not take addresses with such letters", permanent=True)
        message = mail.addressed(address, recipient.personal, now())
        return self._outcome(recipient, self._deliver(mail.sender, address, message))

    def _deliver(self, sender: str, address: str, message: bytes) -> Reply:
        was_reused = self._connection.is_reused
        try:
            return self._connection.deliver(sender, address, message)
        except Broken as error:
            if error.is_in_doubt or not was_reused:
                raise
        return self._connection.deliver(sender, address, message)

    def _outcome(self, recipient: Recipient, reply: Reply) -> Outcome:
        if reply.is_accepted:
            queued = _QUEUED_AS.search(reply.text)
            return Outcome(recipient.delivery_id, DeliveryState.SENT, provider_id=queued[1] if queued else "")
        reason = f"the mail server refused the {_what(reply)} ({reply.shown})"
        if reply.code < 500 or reply.code == LOGIN_NEEDED or reply.step == "RSET":
            return _failed(recipient, reason)
        suppress = reply.enhanced.startswith("5.1.") and reply.enhanced not in _ABOUT_THE_SENDER
        return _failed(recipient, reason, permanent=True, suppress=suppress and reply.step != "MAIL")


class OutboxSender:
    """Keeps each mail as a file that any mail program opens."""

    def __init__(self, settings: Settings) -> None:
        self._mail_from = settings.mail_from
        self._folder = settings.outbox / "email"

    def send(self, letter: Letter, recipients: Sequence[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`."""
        mail = mime.prepare(letter, self._mail_from)
        for recipient in recipients:
            try:
                message = mail.addressed(_envelope(recipient.address), recipient.personal, now())
                outbox.keep(self._folder, recipient.key, ".eml", message)
                yield Outcome(recipient.delivery_id, DeliveryState.SKIPPED, NOT_SENT)
            except OSError:
                logger.exception("the outbox can not be written")
                yield _failed(recipient, "the outbox folder can not be written")

    def close(self) -> None:
        """Nothing to let go of."""


def _failed(recipient: Recipient, reason: str, *, permanent: bool = False, suppress: bool = False) -> Outcome:
    return Outcome(recipient.delivery_id, DeliveryState.FAILED, reason, permanent=permanent, suppress=suppress)


def _what(reply: Reply) -> str:
    return {"MAIL": "sender", "RCPT": "address"}.get(reply.step, "message")


def _invalid() -> Invalid:
    return Invalid.field("address", "That is not an email address. Write it like name@example.com.")


def _is_local_part(local: str) -> bool:
    return (
        len(local.encode("utf-8", "replace")) <= LONGEST_LOCAL_PART
        and bool(_LOCAL_PART.fullmatch(local))
        and all(unicodedata.category(character)[0] not in "CZ" for character in local)
        and not local.startswith(".")
        and not local.endswith(".")
        and ".." not in local
    )


def _is_domain(host: str, settings: Settings) -> bool:
    if host == "localhost":
        return urlsplit(settings.base_url).hostname == "localhost"
    labels = host.split(".")
    return len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()


def _ascii_domain(domain: str) -> str:
    """A domain as DNS knows it, or an empty string when it can not be one."""
    if domain.isascii() and "xn--" not in domain:
        return domain if len(domain) <= 253 else ""
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return ""


def _envelope(address: str) -> str:
    local, _, domain = address.rpartition("@")
    host = _ascii_domain(domain)
    return f"{local}@{host}" if local and host else ""


def _hello(settings: Settings) -> str:
    """The name to greet with: the public name of this installation."""
    host = urlsplit(settings.base_url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host if host.isascii() else "localhost"
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


CHANNEL = EmailChannel()
