"""A mailbox on an IMAP server, through IMAPClient: reads messages and deletes processed ones.

Nothing here waits forever: each answer has its time, and so has the whole visit, also with a server that says a byte
now and then.
"""

import imaplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from imapclient import IMAPClient, SocketTimeout
from imapclient.imap4 import IMAP4WithTimeout
from imapclient.tls import IMAP4_TLS

ANSWER_SECONDS = 20.0
VISIT_SECONDS = 120.0
PORTS = {"imap": 143, "imaps": 993}
LARGEST_BYTES = 4 * 1024 * 1024
"""More than this is never taken in one piece, whatever the server announces."""


class MailboxUnreachable(Exception):
    """The mailbox can't be read; its text is a sentence's part that is safe to show."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An open mailbox.  UIDs are the same as long as `validity` is.

    All methods raise imaplib.IMAP4.error or OSError, which `opened` turns into Unreachable.
    """

    validity: int
    _client: IMAPClient

    def waiting(self, after: int = 0) -> list[int]:
        """The UIDs above `after` of messages that aren't deleted, in order; seen or not."""
        found = self._client.search(["UID", f"{after + 1}:*", "UNDELETED"])
        return sorted(uid for uid in found if uid > after)  # "n:*" holds the last one, however small it is

    def fetch(self, uid: int, limit: int) -> bytes | None:
        """Up to `limit` bytes of a message, which stays unseen; None when it is gone."""
        found = self._client.fetch([uid], [f"BODY.PEEK[]<0.{limit}>"]).get(uid, {})
        return next((bytes(value) for name, value in found.items() if name.startswith(b"BODY[]")), None)

    def delete(self, uid: int) -> None:
        """Delete a message, and nothing that others have marked: without UIDPLUS it is marked too, and stays."""
        self._client.delete_messages([uid], silent=True)
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge([uid])


@contextmanager
def opened(url: str) -> Iterator[Mailbox]:
    """The mailbox at imaps://user:password@host:port/FOLDER, or imap:// with STARTTLS; INBOX when no folder is named.

    Raises:
        Unreachable: it can't be opened, or the conversation broke; nothing that wasn't deleted is lost.
    """
    where = urlsplit(url)
    client: IMAPClient | None = None
    try:
        client = _connected(where)
        _sign_in(client, unquote(where.username or ""), unquote(where.password or ""))
        chosen = client.select_folder(unquote(where.path.strip("/")) or "INBOX")
        yield Mailbox(int(chosen.get(b"UIDVALIDITY", 0)), client)
        with suppress(imaplib.IMAP4.error, OSError):
            client.logout()
    except (OSError, imaplib.IMAP4.error, ValueError, UnicodeError) as error:
        raise MailboxUnreachable(_why(error)) from error
    finally:
        if client is not None:
            _hang_up(client)


class _Visit(imaplib.IMAP4):
    """Ends after VISIT_SECONDS, and takes in no more than LARGEST_BYTES at once."""

    _watch: threading.Timer | None = None

    def open(self, host: str = "", port: int = PORTS["imap"], timeout: float | None = None) -> None:
        super().open(host, port, timeout)
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


class _Plain(_Visit, IMAP4WithTimeout):
    """Readable until STARTTLS."""


class _Tls(_Visit, IMAP4_TLS):
    """Encrypted from the first byte."""


class _Client(IMAPClient):
    """IMAPClient reads the server's greeting before anybody can bound it, so the connection is made here."""

    def _create_IMAP4(self) -> imaplib.IMAP4:
        kind: Any = _Tls if self.ssl else _Plain
        encryption = (self.ssl_context,) if self.ssl else ()
        made: imaplib.IMAP4 = kind(self.host, self.port, *encryption, ANSWER_SECONDS)
        return made


def _connected(where: SplitResult) -> IMAPClient:
    host, port = where.hostname or "", where.port or PORTS[where.scheme]
    context = ssl.create_default_context()
    waits = SocketTimeout(ANSWER_SECONDS, ANSWER_SECONDS)
    client = _Client(host, port, ssl=where.scheme == "imaps", ssl_context=context, timeout=waits)
    if where.scheme == "imaps":
        return client
    try:
        if not client.has_capability("STARTTLS"):
            raise MailboxUnreachable(
                "the server does not offer STARTTLS, and a password never goes over a readable connection"
            )
        client.starttls(context)
    except BaseException:
        _hang_up(client)
        raise
    return client


def _hang_up(client: IMAPClient) -> None:
    with suppress(OSError):
        client.shutdown()


def _sign_in(client: IMAPClient, user: str, password: str) -> None:
    try:
        if client.has_capability("AUTH=PLAIN"):
            client.plain_login(user, password)
        else:
            client.login(user, password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        if isinstance(error.__context__, imaplib.IMAP4.abort):  # the connection broke, which IMAPClient calls the same
            raise error.__context__ from error
        raise MailboxUnreachable("the server refused the user name or password") from error
    except UnicodeError as error:
        raise MailboxUnreachable("the server accepts only ASCII in user names and passwords") from error


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLCertVerificationError, "the server's certificate can't be trusted"),
    (ssl.SSLError, "the server's encryption does not work"),
    (socket.gaierror, "the server's name can't be found"),
    (TimeoutError, "the server did not answer in time"),
    (imaplib.IMAP4.readonly, "the folder may only be read, and what is done with has to be deleted"),
    (imaplib.IMAP4.abort, "the server broke off"),
    (OSError, "the server can't be reached"),
    (imaplib.IMAP4.error, "the server refused. Check that the folder exists and is writable"),
)


def _why(error: Exception) -> str:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "the server's responses are invalid")
