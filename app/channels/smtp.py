"""One warm SMTP connection.  Commands go out together when the server offers PIPELINING: two round trips a message."""

import logging
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

logger = logging.getLogger(__name__)
MESSAGE_SECONDS = 60.0
CONNECT_SECONDS = 20.0
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
CLOSING = 421
LOGIN_NEEDED = 530
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\S)")


class Unreachable(Exception):
    """No connection can be made; its text is a sentence's part that is safe to show."""


class Broken(Exception):
    """The connection ended in the middle.  `is_in_doubt`: the whole message was sent and no answer came."""

    def __init__(self, reason: str, *, is_in_doubt: bool = False) -> None:
        super().__init__(reason)
        self.is_in_doubt = is_in_doubt


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said, and to which step: RSET, MAIL, RCPT, DATA or the message itself."""

    step: str
    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """The RFC 3463 status such as "5.1.1", or an empty string."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else ""

    @property
    def is_accepted(self) -> bool:
        return self.code == 354 if self.step == "DATA" else 200 <= self.code < 300

    @property
    def shown(self) -> str:
        """The codes alone: the text may hold addresses."""
        return f"{self.code} {self.enhanced}".strip()


class Connection:
    """Connects when first used and stays open; used from one thread."""

    def __init__(self, url: str, hello: str) -> None:
        self._url = urlsplit(url)
        self._hello = hello
        self._smtp: smtplib.SMTP | None = None
        self._used = False
        self._needs_reset = False

    @property
    def is_reused(self) -> bool:
        """Whether it has carried something already, so that the server may have tired of it meanwhile."""
        return self._smtp is not None and self._used

    @property
    def takes_utf8(self) -> bool:
        """Whether the server takes addresses outside ASCII.  Connects.  Raises Unreachable."""
        return bool(self._ready().has_extn("smtputf8"))

    def deliver(self, sender: str, recipient: str, message: bytes) -> Reply:
        """Hand over one message for one recipient; the reply that decided.

        Raises:
            Unreachable: no connection could be made.
            Broken: it ended on the way; the connection is closed.
        """
        smtp = self._ready()
        deadline = time.monotonic() + MESSAGE_SECONDS
        utf8 = "" if recipient.isascii() else " BODY=8BITMIME SMTPUTF8"
        steps = [("MAIL", f"MAIL FROM:<{sender}>{utf8}"), ("RCPT", f"RCPT TO:<{recipient}>"), ("DATA", "DATA")]
        if self._needs_reset:
            steps.insert(0, ("RSET", "RSET"))
        self._used = True
        is_in_doubt = False
        try:
            replies = self._exchange(smtp, steps, deadline)
            refusal = next((reply for reply in replies if not reply.is_accepted), None)
            if refusal is not None:
                self._refuse(smtp, replies, deadline)
                return refusal
            self._needs_reset = False
            self._write(smtp, _stuffed(message), deadline)
            is_in_doubt = True
            reply = self._read(smtp, "message", deadline)
        except (OSError, smtplib.SMTPException) as error:
            self.close(quietly=True)
            reason = "the mail server did not answer in time" if _is_timeout(error) else "the mail server hung up"
            raise Broken(reason, is_in_doubt=is_in_doubt) from error
        if reply.code == CLOSING:
            self.close(quietly=True)
        return reply

    def close(self, *, quietly: bool = False) -> None:
        """End the connection, politely unless `quietly`."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        with suppress(OSError, smtplib.SMTPException):
            if not quietly and smtp.sock is not None:
                smtp.sock.settimeout(5)
                smtp.quit()
        smtp.close()

    def _exchange(self, smtp: smtplib.SMTP, steps: Sequence[tuple[str, str]], deadline: float) -> list[Reply]:
        if smtp.has_extn("pipelining"):
            self._write(smtp, "".join(f"{command}\r\n" for _, command in steps).encode(), deadline)
            replies = []
            for step, _ in steps:
                replies.append(self._read(smtp, step, deadline))
                self._check_open(replies[-1])
            return replies
        replies = []
        for step, command in steps:
            self._write(smtp, f"{command}\r\n".encode(), deadline)
            replies.append(self._read(smtp, step, deadline))
            self._check_open(replies[-1])
            if not replies[-1].is_accepted:
                break
        return replies

    def _refuse(self, smtp: smtplib.SMTP, replies: Sequence[Reply], deadline: float) -> None:
        """Leave a refused transaction: an empty message when the server waits for one though nobody gets it."""
        self._needs_reset = True
        if replies[-1].step == "DATA" and replies[-1].is_accepted:
            self._write(smtp, b".\r\n", deadline)
            self._check_open(self._read(smtp, "message", deadline))

    @staticmethod
    def _check_open(reply: Reply) -> None:
        if reply.code == CLOSING:
            raise smtplib.SMTPServerDisconnected("closing")

    @staticmethod
    def _write(smtp: smtplib.SMTP, data: bytes, deadline: float) -> None:
        if smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        smtp.sock.settimeout(max(0.01, deadline - time.monotonic()))
        smtp.sock.sendall(data)

    @staticmethod
    def _read(smtp: smtplib.SMTP, step: str, deadline: float) -> Reply:
        if smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        smtp.sock.settimeout(max(0.01, deadline - time.monotonic()))
        code, text = smtp.getreply()
        if code < 0:
            raise smtplib.SMTPServerDisconnected("not SMTP")
        return Reply(step, code, text.decode("utf-8", "replace"))

    def _ready(self) -> smtplib.SMTP:
        if self._smtp is None:
            self._used = self._needs_reset = False
            try:
                self._smtp = self._connected()
            except (OSError, smtplib.SMTPException, ValueError) as error:
                reason = _why(error)
                logger.warning("mail waits: %s", reason)
                raise Unreachable(reason) from error
        return self._smtp

    def _connected(self) -> smtplib.SMTP:
        host, port = self._url.hostname or "", self._url.port or PORTS[self._url.scheme]
        smtp = (
            smtplib.SMTP_SSL(host, port, self._hello, timeout=CONNECT_SECONDS, context=ssl.create_default_context())
            if self._url.scheme == "smtps"
            else smtplib.SMTP(host, port, self._hello, timeout=CONNECT_SECONDS)
        )
        try:
            smtp.ehlo_or_helo_if_needed()
            self._encrypt(smtp)
            if self._url.username:
                smtp.login(unquote(self._url.username), unquote(self._url.password or ""))
            if smtp.sock is not None:
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _encrypt(self, smtp: smtplib.SMTP) -> None:
        if self._url.scheme == "smtps":
            return
        is_required = self._url.scheme == "smtp+starttls"
        if not is_required and not smtp.has_extn("starttls"):
            return
        context = ssl.create_default_context()
        if not is_required and not self._url.username:
            # As mail servers do among themselves: encrypting to whoever answers beats plain text, and no password goes
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        smtp.starttls(context=context)
        smtp.ehlo()


def _stuffed(message: bytes) -> bytes:
    """`message` with its dots doubled at line starts and the final dot."""
    ended = message if message.endswith(b"\r\n") else message + b"\r\n"
    stuffed = ended.replace(b"\r\n.", b"\r\n..")
    return (b"." + stuffed if stuffed.startswith(b".") else stuffed) + b".\r\n"


def _is_timeout(error: BaseException) -> bool:
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (smtplib.SMTPAuthenticationError, "the mail server refused the user name or password"),
    (smtplib.SMTPNotSupportedError, "the mail server does not offer what SMTP_URL asks for (STARTTLS or a login)"),
    (ssl.SSLCertVerificationError, "the mail server's certificate can not be trusted"),
    (ssl.SSLError, "the mail server's encryption does not work"),
    (socket.gaierror, "the mail server's name can not be found"),
)


def _why(error: Exception) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server refused the connection ({error.smtp_code})"
    return "the mail server did not answer in time" if _is_timeout(error) else "the mail server can not be reached"
