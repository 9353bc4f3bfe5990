"""Email over one warm SMTP connection, or into the outbox when no mail server is configured."""

import ipaddress
import logging
import re
import time
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

import idna

from app.channels import mime, outbox
from app.channels.base import Sender
from app.channels.smtp import LOGIN_NEEDED, MESSAGE_SECONDS, Broken, Connection, Unreachable
from app.channels.smtp_reply import Reply
from app.clock import now
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import ChannelName, DeliveryState

logger = logging.getLogger(__name__)
LONGEST_ADDRESS = 254
LONGEST_LOCAL_PART = 64
PATIENCE = 3
LOST_SECONDS = 5.0
STALLED_SECONDS = 1.0
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


class _Copy(NamedTuple):
    """One recipient's message, ready to go.  `deadline` is monotonic."""

    recipient: Recipient
    envelope: tuple[str, str]
    message: bytes
    deadline: float


class SmtpSender:
    """Sends over one connection; connects anew once when the server has dropped it between messages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = Connection(settings.smtp_url, _hello(settings))
        self._breaks = 0
        self._lost = ""
        self._lost_until = 0.0

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`.  When the server is gone, what comes in the next seconds fails, to be tried again."""
        mail = mime.prepare(letter, self._settings.mail_from)
        copies = self._copies(mail, iter(recipients))
        for made in copies:
            accepted: _Copy | Outcome | None = self._offer(made) if isinstance(made, _Copy) else made
            while isinstance(accepted, _Copy):
                following = self._following(copies)
                yield from self._hand_over(accepted, following)
                accepted = self._took_up(following)
            if accepted is not None:
                yield accepted

    def close(self) -> None:
        """Say QUIT."""
        self._connection.close()

    def _copies(self, mail: mime.Mail, recipients: Iterator[Recipient]) -> Iterator[_Copy | Outcome]:
        for recipient in recipients:
            address = _envelope(recipient.address)
            if not address or any(character in address for character in "\r\n<> "):
                yield _failed(recipient, "the address is not one that mail can be sent to", permanent=True)
                continue
            message = mail.addressed(address, recipient.personal, now())
            envelope = (recipient.return_path or mail.sender, address)
            yield _Copy(recipient, envelope, message, time.monotonic() + MESSAGE_SECONDS)

    def _following(self, copies: Iterator[_Copy | Outcome]) -> "_Following":
        """The next copy, whose envelope may go out with a message that is being sent."""
        if not self._connection.pipelines:
            return _Following(None)
        made = next(copies, None)
        plain = isinstance(made, _Copy) and made.envelope[1].isascii()
        return _Following(made, is_offered=plain)

    def _offer(self, copy: _Copy) -> _Copy | Outcome:
        """The copy when the server waits for its message, and else what became of it."""
        if time.monotonic() < self._lost_until:
            return _failed(copy.recipient, self._lost)
        try:
            if not copy.envelope[1].isascii() and not self._connection.takes_utf8:
                return _failed(
                    copy.recipient, "the mail server does not take addresses with such letters", permanent=True
                )
            refusal = self._offer_twice(copy)
        except (Unreachable, Broken) as error:
            return self._break(copy, error)
        return copy if refusal is None else self._outcome(copy.recipient, refusal)

    def _offer_twice(self, copy: _Copy) -> Reply | None:
        was_reused = self._connection.is_reused
        try:
            return self._connection.offer(*copy.envelope, copy.deadline)
        except Broken:
            if not was_reused:
                raise
        return self._connection.offer(*copy.envelope, copy.deadline)

    def _hand_over(self, copy: _Copy, following: "_Following") -> Iterator[Outcome]:
        """Send an accepted copy.  When the answer takes long, the one that follows is given back for another sender."""
        offered = following.made if following.is_offered else None
        try:
            envelope = offered.envelope if isinstance(offered, _Copy) else None
            self._connection.send(copy.message, copy.deadline, envelope)
            soon = time.monotonic() + STALLED_SECONDS if following.made is not None else None
            reply = self._connection.answer(copy.deadline, soon)
            if reply is None:
                if (given_back := following.give_back()) is not None:
                    yield given_back
                reply = self._connection.answer(copy.deadline)
                if envelope is not None:  # the server waits for a message that another sender brings
                    self._connection.close(quietly=True)
            if reply is not None:
                self._breaks = 0
                yield self._outcome(copy.recipient, reply)
        except Broken as error:
            following.is_offered = False
            yield self._break(copy, error)

    def _took_up(self, following: "_Following") -> _Copy | Outcome | None:
        """What became of the envelope that went out with the message before; the copy when its message may follow."""
        made, following.made = following.made, None
        if not isinstance(made, _Copy):
            return made
        if not following.is_offered:
            return self._offer(made)
        try:
            refusal = self._connection.offered(made.deadline)
        except Broken:
            return self._offer(made)
        return made if refusal is None else self._outcome(made.recipient, refusal)

    def _break(self, copy: _Copy, error: Unreachable | Broken) -> Outcome:
        self._breaks += 1
        if isinstance(error, Unreachable) or self._breaks >= PATIENCE:
            self._lost, self._lost_until, self._breaks = str(error), time.monotonic() + LOST_SECONDS, 0
        in_doubt = isinstance(error, Broken) and error.is_in_doubt
        return _failed(copy.recipient, IN_DOUBT if in_doubt else str(error))

    def _outcome(self, recipient: Recipient, reply: Reply) -> Outcome:
        if reply.is_accepted:
            queued = _QUEUED_AS.search(reply.text)
            return Outcome(recipient.delivery_id, DeliveryState.SENT, provider_id=queued[1] if queued else "")
        reason = f"the mail server refused the {_what(reply)} ({reply.shown})"
        if reply.code < 500 or reply.code == LOGIN_NEEDED or reply.step == "RSET":
            return _failed(recipient, reason)
        suppress = reply.enhanced.startswith("5.1.") and reply.enhanced not in _ABOUT_THE_SENDER
        return _failed(recipient, reason, permanent=True, suppress=suppress and reply.step != "MAIL")


@dataclass(slots=True)
class _Following:
    """What comes after the message being sent: a copy, or what is known of one, or nothing (None)."""

    made: _Copy | Outcome | None
    is_offered: bool = False

    def give_back(self) -> Outcome | None:
        """Let go of the copy, so that another sender may bring it."""
        if not isinstance(self.made, _Copy):
            return None
        row, self.made, self.is_offered = self.made.recipient.delivery_id, None, False
        return Outcome(row, DeliveryState.PENDING)


class OutboxSender:
    """Keeps each mail as a file that any mail program opens."""

    def __init__(self, settings: Settings) -> None:
        self._mail_from = settings.mail_from
        self._folder = settings.outbox / "email"

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
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
