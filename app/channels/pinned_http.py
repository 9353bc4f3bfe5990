"""HTTP to a checked address: resolved once, limited in time and size, never redirected, connection kept open."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from urllib.parse import SplitResult, urlsplit

from app.channels.addresses import is_allowed
from app.channels.http_line import HttpConnection, HttpResponse, Origin, default_port, left
from app.errors import DeliveryError
from app.settings import Network

TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 4.0
MOST_WARM = 4
MOST_ADDRESSES = 3


class NoAnswer(DeliveryError):
    """The request, or a part of it, went out and no answer came: the other side may have taken it."""


def post(url: str, body: bytes, headers: Mapping[str, str], allowed_networks: Sequence[Network]) -> HttpResponse:
    """POST `body` to `url` within 10 seconds in all, over a connection of its own.

    Raises:
        DeliveryError: no answer came, or where the name leads isn't allowed.
    """
    caller = Caller(allowed_networks)
    try:
        return caller.call("POST", url, body, {"Connection": "close", **headers})
    finally:
        caller.close()


class Caller:
    """The warm connections of one sender, to the few servers it spoke to last.  Used from one thread."""

    def __init__(self, allowed_networks: Sequence[Network] | None, whom: str = "the endpoint") -> None:
        """`allowed_networks` None: the operator named the server, and it may be anywhere.  `whom` is for reasons."""
        self._allowed = allowed_networks
        self._whom = whom
        self._warm: dict[Origin, HttpConnection] = {}

    def call(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        wants_body: bool = False,
        may_repeat: bool = True,
    ) -> HttpResponse:
        """One request, within 10 seconds in all.  No redirect is followed.

        With `may_repeat` a request that a warm connection lost without a word is sent again over a new one.

        Raises:
            NoAnswer: it went out and nothing came back.
            DeliveryError: it didn't go out, or where the name leads isn't allowed.
        """
        deadline = time.monotonic() + TOTAL_SECONDS
        try:
            parts = urlsplit(url)
            server = (parts.scheme, parts.hostname or "", parts.port or default_port(parts.scheme))
        except ValueError:
            raise DeliveryError(f"{self._whom}'s address is invalid", permanent=True) from None
        line = self._warm_line(server)
        if line is not None:
            try:
                return self._call(line, method, parts, body, headers, deadline, wants_body=wants_body)
            except NoAnswer:
                if not may_repeat or line.has_heard or time.monotonic() >= deadline:
                    raise
        line = self._new_line(server, deadline)
        return self._call(line, method, parts, body, headers, deadline, wants_body=wants_body)

    def close(self) -> None:
        """Let go of every connection."""
        while self._warm:
            self._warm.popitem()[1].close()

    def _warm_line(self, server: Origin) -> HttpConnection | None:
        line = self._warm.pop(server, None)
        if line is None or line.is_usable:
            return line
        line.close()
        return None

    def _new_line(self, server: Origin, deadline: float) -> HttpConnection:
        scheme, host, port = server
        try:
            sock = _connected(self._addresses(host, port, deadline), port, deadline)
            if scheme == "https":
                sock.settimeout(left(deadline))
                sock = _tls().wrap_socket(sock, server_hostname=host)
            return HttpConnection(server, sock)
        except ssl.SSLCertVerificationError:
            raise DeliveryError(f"{self._whom}'s certificate isn't trusted", permanent=False) from None
        except OSError as error:
            raise self._lost(error, deadline, DeliveryError) from None
        except ValueError:
            raise DeliveryError(f"{self._whom}'s address is invalid", permanent=True) from None

    def _call(
        self,
        line: HttpConnection,
        method: str,
        parts: SplitResult,
        body: bytes,
        headers: Mapping[str, str],
        deadline: float,
        *,
        wants_body: bool,
    ) -> HttpResponse:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            answer = line.exchange(method, path, body, headers, deadline, wants_body=wants_body)
        except (OSError, http.client.HTTPException) as error:
            line.close()
            raise self._lost(error, deadline, NoAnswer) from None
        except ValueError:
            line.close()
            raise DeliveryError(f"{self._whom}'s address is invalid", permanent=True) from None
        if line.is_open:
            self._warm[line.server] = line
            while len(self._warm) > MOST_WARM:
                self._warm.pop(next(iter(self._warm))).close()
        return answer

    def _lost(self, error: Exception, deadline: float, kind: type[DeliveryError]) -> DeliveryError:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
            return kind(f"{self._whom} did not answer in time", permanent=False)
        return kind(f"the connection to {self._whom} failed", permanent=False)

    def _addresses(self, host: str, port: int, deadline: float) -> list[str]:
        """Where the name leads, if all of it is allowed: one private address among public ones is a trap."""
        found = _resolved(host, port, deadline)
        if not found:
            raise DeliveryError(f"{self._whom}'s host name can't be resolved", permanent=False)
        if self._allowed is not None and not all(is_allowed(address, self._allowed) for address in found):
            raise DeliveryError(f"{self._whom}'s name leads to an address that is not public", permanent=True)
        return found[:MOST_ADDRESSES]


def _resolved(host: str, port: int, deadline: float) -> list[str]:
    """Every address of a name.  The resolver takes no time limit, so it runs beside us and may be left behind."""
    found: list[str] = []

    def resolve() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(str(row[4][0]) for row in rows))

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(left(deadline))
    return list(found)


def _connected(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    """A connection to the first address that takes one.  The addresses are literals: nothing is looked up again."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout=min(CONNECT_SECONDS, left(deadline)))
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout=left(deadline))


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
