"""Email over one warm SMTP connection, or into the outbox when no mail server is configured."""

import ipaddress
import logging
import re
import unicodedata
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from app.channels import mime, outbox
from app.channels.base import A_DAY, TICK, AddedBy, Channel, Sender, Size, Wording
from app.channels.names import EMAIL
from app.channels.smtp_line import Copy, SmtpConnection
from app.channels.smtp_lines import Lines
from app.channels.smtp_reply import SmtpReply
from app.clock import now
from app.errors import Invalid
from app.mail_address import LONGEST_ADDRESS, ascii_domain, is_host, is_local_part
from app.mail_verdict import MailVerdict, verdict
from app.settings import Settings
from app.shapes import MAY_HAVE_ARRIVED, Letter, Outcome, Recipient
from app.vocabulary import DeliveryState

logger = logging.getLogger(__name__)
MOST_BREAKS = 3
LOGIN_NEEDED = 530
TICK_SECONDS = 0.1
NOT_SENT = "not sent: no mail server is configured"
IN_DOUBT = f"{MAY_HAVE_ARRIVED}: the mail server did not answer after the whole message was sent"
_QUEUED_AS = re.compile(r"queued as ([\w.-]{1,64})", re.IGNORECASE)


class EmailChannel(Channel):
    """Mail to one mailbox a message."""

    name = EMAIL
    label = "Email"
    wording = Wording.EMAIL
    position = 10
    added_by = AddedBy.READERS
    address_name = "an email address"
    address_hint = "An email address, such as name@example.com."
    statuspage_type = "email"
    reaches_people = True
    size = Size(1, 1)  # one thread looks after all connections
    retries = replace(A_DAY, longest=timedelta(hours=1))  # mail servers don't say when to try again

    def normalise(self, raw: str, settings: Settings) -> str:
        """The address in lower case, its domain in ASCII.  Raises Invalid."""
        address = unicodedata.normalize("NFC", raw.strip()) if len(raw) <= 1000 else ""
        local, at, domain = address.lower().rpartition("@")
        host = ascii_domain(domain)
        if not (at and is_local_part(local) and _is_domain(host, settings)):
            raise _invalid()
        if len(f"{local}@{host}".encode()) > LONGEST_ADDRESS:
            raise _invalid()
        return f"{local}@{host}"

    def is_configured(self, settings: Settings) -> bool:
        return bool(settings.smtp_url)

    def open(self, settings: Settings) -> Sender:
        return SmtpSender(settings) if settings.smtp_url else MailOutboxSender(settings)

    def destination(self, address: str) -> str:
        """The mail domain."""
        return address.rpartition("@")[2]

    def shown(self, address: str, label: str, *, full: bool) -> str:
        """Whole, or like "c•••@e•••.com"."""
        local, _, domain = address.rpartition("@")
        name, _, ending = domain.rpartition(".")
        if full:
            return address
        return f"{local[:1]}•••@{name[:1]}•••.{ending}" if local else "•••"

    def shown_to_owner(self, address: str) -> str:
        """Like "c…@example.com"."""
        local, _, domain = address.rpartition("@")
        return f"{local[:1]}…@{domain}"


class SmtpSender:
    """Sends over several connections at once, all from one thread."""

    def __init__(self, settings: Settings) -> None:
        self._mail_from = settings.mail_from
        self._count = settings.send_connections
        self._lines = Lines(settings.smtp_url, _hello(settings), self._count)
        self._breaks = 0

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`.  When the server is gone, what comes in the next seconds fails, to be tried again; what
        another call brings asks the server again.
        """
        self._lines.forgive()
        work = _Work(mime.prepare(letter, self._mail_from), iter(recipients))
        while True:
            yield from self._give(work)
            if work.is_over and not self._lines.is_busy:
                break
            yield TICK
            for line in self._lines.ready(TICK_SECONDS):
                yield from self._hear(line, work)
            for line in self._lines.late():
                yield from self._lose(line, work, "the mail server didn't respond in time")
            for line in self._lines.stalled():
                work.put_back(line.take_back())
        self._lines.close(keep=self._count)

    def close(self) -> None:
        """Say QUIT."""
        self._lines.close()

    def _give(self, work: "_Work") -> Iterator[Outcome]:
        """Give copies to idle lines; while there is no server to be had, give them up for now."""
        while not work.is_over:
            lost = self._lines.lost
            line = None if lost else self._lines.idle()
            if line is None and not lost:
                return
            copy = yield from work.take(line)
            if copy is None:
                return
            if line is None:
                yield _failed(copy.recipient, lost)
                continue
            line.offer(copy)
            if line.is_closed:
                yield from self._lose(line, work)

    def _hear(self, line: SmtpConnection, work: "_Work") -> Iterator[Outcome]:
        """Take what a server said; where it waits for a message, send it, and the next envelope with it."""
        for decided in line.read():
            self._breaks = 0
            if decided.reply.step == "message":
                self._lines.learn(line.took)
            yield self._outcome(decided.copy.recipient, decided.reply)
        if line.accepted is not None and not line.is_closed:
            if not line.accepted.recipient.may_go():
                yield from self._withhold(line)
                return
            following = None
            if line.pipelines and not work.is_over:
                following = yield from work.take(line)
            line.send(following)
        if line.is_closed:
            yield from self._lose(line, work)

    def _withhold(self, line: SmtpConnection) -> Iterator[Outcome]:
        """The server waits for a message that isn't ours to send any more: only hanging up ends that."""
        line.close()
        self._lines.drop(line)
        yield from (_given_back(copy.recipient) for copy, _ in line.lost())

    def _lose(self, line: SmtpConnection, work: "_Work", why: str = "the mail server hung up") -> Iterator[Outcome]:
        """A line has ended.  What wasn't sent on it is tried once on another, if this one had worked before."""
        self._lines.drop(line)
        lost = line.lost()
        self._breaks += bool(lost)
        if self._breaks >= MOST_BREAKS:
            self._breaks = 0
            self._lines.fail(why)
        for copy, is_in_doubt in lost:
            if not is_in_doubt and line.has_served and work.may_try_again(copy):
                work.put_back(copy)
            else:
                yield _failed(copy.recipient, IN_DOUBT if is_in_doubt else why)

    def _outcome(self, recipient: Recipient, reply: SmtpReply) -> Outcome:
        if reply.is_accepted:
            queued = _QUEUED_AS.search(reply.text)
            return Outcome(recipient.delivery_id, DeliveryState.SENT, provider_id=queued[1] if queued else "")
        reason = f"the mail server refused the {_what(reply)} ({reply.shown})"
        if reply.code < 500 or reply.code == LOGIN_NEEDED or reply.step == "RSET":
            return _failed(recipient, reason)
        return _failed(recipient, reason, permanent=True, suppress=_is_address_gone(reply))


class _Work:
    """The copies of one letter still to be sent: those put back first, then the next recipients'."""

    def __init__(self, mail: mime.Mail, recipients: Iterator[Recipient]) -> None:
        self._mail = mail
        self._recipients = recipients
        self._again: deque[Copy] = deque()
        self._tried: set[int] = set()
        self._is_drained = False

    @property
    def is_over(self) -> bool:
        return self._is_drained and not self._again

    def put_back(self, copy: Copy) -> None:
        """This copy wasn't handed over after all."""
        self._again.append(copy)

    def may_try_again(self, copy: Copy) -> bool:
        """Once."""
        is_first = copy.recipient.delivery_id not in self._tried
        self._tried.add(copy.recipient.delivery_id)
        return is_first

    def take(self, line: SmtpConnection | None) -> Generator[Outcome, None, Copy | None]:
        """The next copy that can go out on `line`; those that can't are told as outcomes.  None: there is no more."""
        while True:
            copy = self._again.popleft() if self._again else None
            if copy is not None and not copy.recipient.may_go():
                yield _given_back(copy.recipient)
                continue
            if copy is None:
                recipient = next(self._recipients, None)
                if recipient is None:
                    self._is_drained = True
                    return None
                address = _envelope(recipient.address)
                if not address or any(character in address for character in "\r\n<> "):
                    yield _failed(recipient, "the address can't receive mail", permanent=True)
                    continue
                message = self._mail.addressed(address, recipient.personal, now())
                copy = Copy(recipient, recipient.return_path or self._mail.sender, address, message)
            if line is not None and not line.takes_utf8 and not copy.address.isascii():
                yield _failed(
                    copy.recipient, "the mail server does not take addresses with such letters", permanent=True
                )
                continue
            return copy


class MailOutboxSender:
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
                logger.exception("the outbox isn't writable")
                yield _failed(recipient, "the outbox folder isn't writable")

    def close(self) -> None:
        """Nothing to let go of."""


def _failed(recipient: Recipient, reason: str, *, permanent: bool = False, suppress: bool = False) -> Outcome:
    return Outcome(recipient.delivery_id, DeliveryState.FAILED, reason, permanent=permanent, suppress=suppress)


def _is_address_gone(reply: SmtpReply) -> bool:
    """Whether the server says that the address doesn't exist.  After the message itself only its code can."""
    if reply.step == "MAIL":
        return False
    said = reply.text if reply.step == "RCPT" or verdict(reply.enhanced, "") is MailVerdict.ADDRESS_GONE else ""
    return verdict(reply.enhanced, said) is MailVerdict.ADDRESS_GONE


def _given_back(recipient: Recipient) -> Outcome:
    return Outcome(recipient.delivery_id, DeliveryState.PENDING)


def _what(reply: SmtpReply) -> str:
    return {"MAIL": "sender", "RCPT": "address"}.get(reply.step, "message")


def _invalid() -> Invalid:
    return Invalid.field("address", "Enter a valid email address, such as name@example.com.")


def _is_domain(host: str, settings: Settings) -> bool:
    if host == "localhost":
        return urlsplit(settings.base_url).hostname == "localhost"
    return "." in host and is_host(host)


def _envelope(address: str) -> str:
    local, _, domain = address.rpartition("@")
    host = ascii_domain(domain)
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
