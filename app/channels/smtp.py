"""Opens SMTP connections: finds the server, encrypts and authenticates.  The conversation is in `smtp_line`."""

import logging
import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

logger = logging.getLogger(__name__)
CONNECT_SECONDS = 20.0
UNHEARD_SECONDS = 60.0
"""So long the system tries to get through what was sent; then the connection is over.  It ends before a lease does, so
that a machine that was cut off doesn't deliver, when it is back, what others have sent meanwhile.
"""

OPENING_SECONDS = 60.0
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class SmtpUnreachable(Exception):
    """No connection can be made; its text is a sentence's part that is safe to show."""


@dataclass(frozen=True, slots=True)
class SmtpSession:
    """A connection on which mail may be offered, and what the server can do.  Reading and writing never block."""

    sock: socket.socket
    takes_utf8: bool
    pipelines: bool


def open_connection(url: str, hello: str) -> SmtpSession:
    """Connect, greet as `hello`, encrypt and sign in, as `url` says.

    Raises:
        Unreachable: no connection can be made.
    """
    try:
        smtp = _connected(urlsplit(url), hello)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        reason = _why(error)
        logger.warning("mail waits: %s", reason)
        raise SmtpUnreachable(reason) from error
    assert smtp.sock is not None
    smtp.sock.setblocking(False)
    return SmtpSession(smtp.sock, bool(smtp.has_extn("smtputf8")), bool(smtp.has_extn("pipelining")))


class _Held(smtplib.SMTP):
    """Keeps a handle of its own to the connection: while it is being encrypted there is no other to cut it by."""

    handle: socket.socket | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = socket.create_connection((host, port), timeout, self.source_address)  # as smtplib does
        self.handle = made.dup()
        return made


class _Timed(smtplib.SMTP):
    """Is cut off after OPENING_SECONDS, also when the server says a byte now and then, unless the watch is ended."""

    handle: socket.socket | None
    _watch: threading.Timer | None = None
    is_cut = False

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        self._watch = threading.Timer(OPENING_SECONDS, self._cut)
        self._watch.daemon = True
        self._watch.start()
        try:
            return super().connect(host, port, source_address)
        except BaseException as error:
            self.close()
            if self.is_cut:
                raise TimeoutError from error
            raise

    def getreply(self) -> tuple[int, bytes]:
        try:
            return super().getreply()
        finally:
            if self.is_cut:  # what came before the cut may look like a whole reply
                raise TimeoutError

    def close(self) -> None:
        self.end_watch()
        super().close()

    def end_watch(self) -> None:
        """It is open: from now on each message has a time of its own, and what is said is read from the socket."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self.handle is not None:
            self.handle.close()
        if self.file is not None:
            self.file.close()

    def _cut(self) -> None:
        self.is_cut = True
        with suppress(OSError):
            if self.handle is not None:
                self.handle.shutdown(socket.SHUT_RDWR)


class _TimedPlain(_Timed, _Held):
    """In plain text until STARTTLS."""


class _TimedTls(_Timed, smtplib.SMTP_SSL, _Held):
    """Encrypted from the first byte."""


def _connected(where: SplitResult, hello: str) -> _Timed:
    host, port = where.hostname or "", where.port or PORTS[where.scheme]
    smtp = (
        _TimedTls(host, port, hello, timeout=CONNECT_SECONDS, context=ssl.create_default_context())
        if where.scheme == "smtps"
        else _TimedPlain(host, port, hello, timeout=CONNECT_SECONDS)
    )
    try:
        smtp.ehlo_or_helo_if_needed()
        _encrypt(smtp, where)
        if where.username:
            smtp.login(unquote(where.username), unquote(where.password or ""))
        if smtp.sock is not None:
            smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux has it
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNHEARD_SECONDS * 1000))
        smtp.end_watch()
    except BaseException as error:
        smtp.close()
        if smtp.is_cut and isinstance(error, OSError):
            raise TimeoutError from error
        raise
    return smtp


def _encrypt(smtp: smtplib.SMTP, where: SplitResult) -> None:
    if where.scheme == "smtps":
        return
    is_required = where.scheme == "smtp+starttls"
    if not is_required and not smtp.has_extn("starttls"):
        return
    context = ssl.create_default_context()
    if not is_required and not where.username:
        # As mail servers do among themselves: encrypting to an unverified server beats plain text, and no password goes
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    smtp.starttls(context=context)
    smtp.ehlo()


def _is_timeout(error: BaseException) -> bool:
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (smtplib.SMTPAuthenticationError, "the mail server refused the user name or password"),
    (smtplib.SMTPNotSupportedError, "the mail server does not offer what SMTP_URL asks for (STARTTLS or a login)"),
    (ssl.SSLCertVerificationError, "the mail server's certificate isn't trusted"),
    (ssl.SSLError, "the mail server's encryption does not work"),
    (socket.gaierror, "the mail server's host name can't be resolved"),
)


def _why(error: Exception) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server refused the connection ({error.smtp_code})"
    return "the mail server didn't respond in time" if _is_timeout(error) else "the mail server can't be reached"
