"""One mailbox on an IMAP server (RFC 3501), by the standard library: it is read, and what is done with is deleted.

Nothing here waits for ever: each answer has its time, and so has the whole visit, also with a server that says a byte
now and then.
"""

import base64
import imaplib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

ANSWER_SECONDS = 20.0
VISIT_SECONDS = 120.0
PORTS = {"imap": 143, "imaps": 993}
LARGEST_BYTES = 4 * 1024 * 1024
"""More than this is never taken in one piece, whatever the server announces."""


class Unreachable(Exception):
    """The mailbox can not be read; its text is a sentence's part that is safe to show."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An open mailbox.  UIDs are the same as long as `validity` is.

    All methods raise imaplib.IMAP4.error or OSError, which `opened` turns into Unreachable.
    """

    validity: int
    _imap: imaplib.IMAP4
    _has_uidplus: bool

    def waiting(self, after: int = 0) -> list[int]:
        """The UIDs above `after` of messages that are not deleted, in order; seen or not."""
        found = _said(self._imap.uid("SEARCH", f"UID {after + 1}:*", "UNDELETED"))
        words = b" ".join(part for part in found if isinstance(part, bytes)).split()
        return sorted(uid for uid in map(int, words) if uid > after)  # "n:*" holds the last one, however small it is

    def fetch(self, uid: int, limit: int) -> bytes | None:
        """Up to `limit` bytes of a message, which stays unseen; None when it is gone."""
        found = _said(self._imap.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{limit}>)"))
        return next((bytes(part[1]) for part in found if isinstance(part, tuple)), None)

    def delete(self, uid: int) -> None:
        """Delete a message, and nothing that others have marked: without UIDPLUS it is marked too, and stays."""
        _said(self._imap.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)"))
        if self._has_uidplus:
            _said(self._imap.uid("EXPUNGE", str(uid)))


@contextmanager
def opened(url: str) -> Iterator[Mailbox]:
    """The mailbox at imaps://user:password@host:port/FOLDER, or imap:// with STARTTLS; INBOX when no folder is named.

    Raises:
        Unreachable: it can not be opened, or the conversation broke; nothing that was not deleted is lost.
    """
    where = urlsplit(url)
    imap: _Imap | None = None
    try:
        imap = _connected(where)
        _sign_in(imap, unquote(where.username or ""), unquote(where.password or ""))
        _said(imap.select(_quoted(unquote(where.path.strip("/")) or "INBOX")))
        validity = int((imap.response("UIDVALIDITY")[1] or [b"0"])[0] or 0)
        can = b" ".join(_said(imap.capability())).upper().split()
        yield Mailbox(validity, imap, b"UIDPLUS" in can)
        with suppress(imaplib.IMAP4.error, OSError):
            imap.logout()
    except (OSError, imaplib.IMAP4.error, ValueError, UnicodeError) as error:
        raise Unreachable(_why(error)) from error
    finally:
        if imap is not None:
            _hang_up(imap)


class _Imap(imaplib.IMAP4):
    """Ends after VISIT_SECONDS, and takes in no more than LARGEST_BYTES at once."""

    _watch: threading.Timer | None = None

    def open(self, host: str = "", port: int | None = None, timeout: float | None = None) -> None:
        super().open(host, port or PORTS["imap"], timeout)
        self._watch = threading.Timer(VISIT_SECONDS, self._cut)
        self._watch.daemon = True
        self._watch.start()

    def _cut(self) -> None:
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def read(self, size: int) -> bytes:
        if size > LARGEST_BYTES:
            raise self.abort("too large")
        return super().read(size)

    def shutdown(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().shutdown()


class _Tls(_Imap, imaplib.IMAP4_SSL):
    """Encrypted from the first byte."""


def _connected(where: SplitResult) -> _Imap:
    host, port = where.hostname or "", where.port or PORTS[where.scheme]
    context = ssl.create_default_context()
    if where.scheme == "imaps":
        return _Tls(host, port, ssl_context=context, timeout=ANSWER_SECONDS)
    imap = _Imap(host, port, timeout=ANSWER_SECONDS)
    try:
        if "STARTTLS" not in imap.capabilities:
            raise Unreachable(
                "the server does not offer STARTTLS, and a password never goes over a readable connection"
            )
        imap.starttls(context)
    except BaseException:
        _hang_up(imap)
        raise
    return imap


def _hang_up(imap: imaplib.IMAP4) -> None:
    with suppress(OSError):
        imap.shutdown()


def _sign_in(imap: imaplib.IMAP4, user: str, password: str) -> None:
    try:
        if "AUTH=PLAIN" in imap.capabilities:
            imap.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        else:
            imap.login(user, password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        raise Unreachable("the server refused the user name or password") from error
    except UnicodeError as error:
        raise Unreachable("the server takes no user name or password with letters beyond ASCII") from error


def _said(answer: tuple[str, list[Any]]) -> list[Any]:
    """What an answer holds.  Raises IMAP4.error when it is not OK; its words may hold addresses and are not kept."""
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(kind)
    return [part for part in data if part is not None]


def _quoted(folder: str) -> str:
    """A folder's name as IMAP writes it: modified UTF-7 (RFC 3501, 5.1.3), in quotes."""
    name = re.sub(r"[^ -%'-~]+", lambda found: _shifted(found[0]), folder)
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _shifted(text: str) -> str:
    if text == "&":
        return "&-"
    return "&" + base64.b64encode(text.encode("utf-16-be"), b"+,").decode().rstrip("=") + "-"


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLCertVerificationError, "the server's certificate can not be trusted"),
    (ssl.SSLError, "the server's encryption does not work"),
    (socket.gaierror, "the server's name can not be found"),
    (TimeoutError, "the server did not answer in time"),
    (imaplib.IMAP4.readonly, "the folder may only be read, and what is done with has to be deleted"),
    (imaplib.IMAP4.abort, "the server broke off"),
    (OSError, "the server can not be reached"),
    (imaplib.IMAP4.error, "the server refuses: is there such a folder, and may it be changed?"),
)


def _why(error: Exception) -> str:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "its answers make no sense")
