"""One HTTP POST to a checked address: resolved once, connected there, capped in time and size, never redirected."""

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from app.channels.addresses import is_allowed
from app.errors import DeliveryError
from app.settings import Network

TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 4.0
RESPONSE_LIMIT = 64 * 1024
MOST_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """A response's status and its Retry-After header, if any.  Its body is never read."""

    status: int
    retry_after: str


def post(url: str, body: bytes, headers: Mapping[str, str], allowed_networks: Sequence[Network]) -> Answer:
    """POST `body` to `url` within 10 seconds in all.

    Raises:
        DeliveryError: no answer came, or where the name leads is not allowed.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    try:
        return _post(url, body, headers, allowed_networks, deadline)
    except ssl.SSLCertVerificationError:
        raise DeliveryError("the endpoint's certificate can not be trusted", permanent=False) from None
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
            raise DeliveryError("the endpoint did not answer in time", permanent=False) from None
        raise DeliveryError("the connection to the endpoint failed", permanent=False) from None
    except ValueError:
        raise DeliveryError("the endpoint's address can not be used", permanent=True) from None


def _post(
    url: str, body: bytes, headers: Mapping[str, str], allowed_networks: Sequence[Network], deadline: float
) -> Answer:
    parts = urlsplit(url)
    host = parts.hostname or ""
    default_port = 443 if parts.scheme == "https" else 80
    port = parts.port or default_port
    named = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sock = _connected(_checked_addresses(host, port, allowed_networks, deadline), port, deadline)
    try:
        if parts.scheme == "https":
            sock.settimeout(_left(deadline))
            sock = _tls().wrap_socket(sock, server_hostname=host)
        connection = http.client.HTTPConnection(host, port)
        connection.sock = _Bounded(sock, deadline)
        shown = named if port == default_port else f"{named}:{port}"
        connection.request("POST", path, body, {"Host": shown, "Connection": "close", **headers})
        with connection.getresponse() as response:
            return Answer(response.status, response.getheader("Retry-After", ""))
    finally:
        sock.close()


def _checked_addresses(host: str, port: int, allowed_networks: Sequence[Network], deadline: float) -> list[str]:
    """Where `host` leads, provided that every one of its addresses is allowed."""
    found = _resolved(host, port, deadline)
    if not all(is_allowed(address, allowed_networks) for address in found):
        raise DeliveryError("the endpoint's name leads to an address that is not public", permanent=True)
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
    thread.join(_left(deadline))
    if not found:
        raise DeliveryError("the endpoint's name can not be found", permanent=False)
    return list(found)


def _connected(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    """A connection to the first address that takes one.  The addresses are literals: nothing is looked up again."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout=min(CONNECT_SECONDS, _left(deadline)))
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout=_left(deadline))


def _left(deadline: float) -> float:
    return max(0.01, deadline - time.monotonic())


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Bounded:
    """The part of a socket that http.client uses, with one deadline over everything and a cap on what is read."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._deadline))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self._sock, self._deadline))

    def close(self) -> None:
        """The socket is closed by whoever opened it."""


class _BoundedReader(io.RawIOBase):
    """Reads until the deadline or the cap, also from a server that drips single bytes."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._left = RESPONSE_LIMIT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if time.monotonic() >= self._deadline:
            raise TimeoutError("the deadline has passed")
        if self._left <= 0:
            raise OSError("the response is too long")
        self._sock.settimeout(_left(self._deadline))
        count = self._sock.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count
