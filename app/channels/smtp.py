"""One warm SMTP connection.  Where the server offers PIPELINING, a message takes one round trip."""

import logging
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from app.channels.smtp_reply import Replies, Reply

logger = logging.getLogger(__name__)
MESSAGE_SECONDS = 60.0
CONNECT_SECONDS = 20.0
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
CLOSING = 421
LOGIN_NEEDED = 530
FAILURES = (OSError, smtplib.SMTPException)


class Unreachable(Exception):
    """No connection can be made; its text is a sentence's part that is safe to show."""


class Broken(Exception):
    """The connection ended in the middle.  `is_in_doubt`: the whole message was sent and no answer came."""

    def __init__(self, reason: str, *, is_in_doubt: bool = False) -> None:
        super().__init__(reason)
        self.is_in_doubt = is_in_doubt


class Connection:
    """Connects when first used and stays open; used from one thread.

    One message is three calls: `offer` its envelope, `send` it, and read `answer`.  Where the server offers PIPELINING,
    `send` may offer the next envelope in the same write, which leaves one round trip a message (RFC 2920, 3.1).
    """

    def __init__(self, url: str, hello: str) -> None:
        self._url = urlsplit(url)
        self._hello = hello
        self._smtp: smtplib.SMTP | None = None
        self._replies = Replies()
        self._used = False
        self._needs_reset = False
        self._pipelines = False

    @property
    def is_reused(self) -> bool:
        """Whether it has carried something already, so that the server may have tired of it meanwhile."""
        return self._smtp is not None and self._used

    @property
    def takes_utf8(self) -> bool:
        """Whether the server takes addresses outside ASCII.  Connects.  Raises Unreachable."""
        return bool(self._ready().has_extn("smtputf8"))

    @property
    def pipelines(self) -> bool:
        """Whether the next envelope may go out with a message."""
        return self._pipelines

    def offer(self, sender: str, recipient: str, deadline: float) -> Reply | None:
        """Offer an envelope; the reply that refused it, None when the server waits for the message.

        Raises:
            Unreachable: no connection could be made.
            Broken: it ended on the way; the connection is closed.
        """
        self._ready()
        steps = self._steps(sender, recipient)
        self._used = True
        try:
            if self._pipelines:
                self._write(_commands(steps), deadline)
                return self._read_steps(steps, deadline)
            return self._ask_steps(steps, deadline)
        except FAILURES as error:
            raise self._broken(error) from error

    def send(self, message: bytes, deadline: float, following: tuple[str, str] | None = None) -> None:
        """Send the message of the accepted envelope, and with it the envelope (sender, recipient) of the `following`.

        Raises Broken.
        """
        try:
            self._write(_stuffed(message) + (_commands(self._steps(*following)) if following else b""), deadline)
        except FAILURES as error:
            raise self._broken(error) from error

    def answer(self, deadline: float, until: float | None = None) -> Reply | None:
        """What became of the message that was sent last; None when nothing was said until `until` (monotonic).

        Raises Broken, in doubt.
        """
        try:
            reply = self._replies.read("message", min(deadline, until or deadline))
        except FAILURES as error:
            if isinstance(error, TimeoutError) and until is not None and until < deadline:
                return None
            raise self._broken(error, is_in_doubt=True) from error
        if reply.code == CLOSING:
            self.close(quietly=True)
        return reply

    def offered(self, deadline: float) -> Reply | None:
        """As `offer`, for the envelope that went out with the message before.  Raises Broken."""
        try:
            return self._read_steps(self._steps("", ""), deadline)
        except FAILURES as error:
            raise self._broken(error) from error

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

    def _steps(self, sender: str, recipient: str) -> list[tuple[str, str]]:
        utf8 = "" if recipient.isascii() else " BODY=8BITMIME SMTPUTF8"
        steps = [("MAIL", f"MAIL FROM:<{sender}>{utf8}"), ("RCPT", f"RCPT TO:<{recipient}>"), ("DATA", "DATA")]
        return [("RSET", "RSET"), *steps] if self._needs_reset else steps

    def _ask_steps(self, steps: Sequence[tuple[str, str]], deadline: float) -> Reply | None:
        """One command after the other, for a server that does not pipeline; the first refusal."""
        for step, command in steps:
            self._write(_commands([(step, command)]), deadline)
            reply = self._read(step, deadline)
            if not reply.is_accepted:
                self._needs_reset = True
                return reply
        self._needs_reset = False
        return None

    def _read_steps(self, steps: Sequence[tuple[str, str]], deadline: float) -> Reply | None:
        """Read the replies to a pipelined envelope; the first refusal."""
        replies = [self._read(step, deadline) for step, _ in steps]
        refusal = next((reply for reply in replies if not reply.is_accepted), None)
        self._needs_reset = refusal is not None
        if refusal is not None and replies[-1].is_accepted:  # the server waits for a message that nobody gets
            self._write(b".\r\n", deadline)
            self._read("message", deadline)
        return refusal

    def _broken(self, error: Exception, *, is_in_doubt: bool = False) -> Broken:
        """Whatever goes wrong closes the connection."""
        self.close(quietly=True)
        reason = "the mail server did not answer in time" if _is_timeout(error) else "the mail server hung up"
        return Broken(reason, is_in_doubt=is_in_doubt)

    def _write(self, data: bytes, deadline: float) -> None:
        sock = self._smtp.sock if self._smtp is not None else None
        if sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        sock.settimeout(max(0.01, deadline - time.monotonic()))
        sock.sendall(data)

    def _read(self, step: str, deadline: float) -> Reply:
        reply = self._replies.read(step, deadline)
        if reply.code == CLOSING:
            raise smtplib.SMTPServerDisconnected("closing")
        return reply

    def _ready(self) -> smtplib.SMTP:
        if self._smtp is None:
            self._used = self._needs_reset = False
            try:
                self._smtp = self._connected()
                self._replies = Replies(self._smtp.sock)
                self._pipelines = self._smtp.has_extn("pipelining")
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


def _commands(steps: Sequence[tuple[str, str]]) -> bytes:
    return "".join(f"{command}\r\n" for _, command in steps).encode()


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
