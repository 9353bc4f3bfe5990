"""A reusable HTTP connection, with a deadline for each exchange and a limit on the size of responses."""

import http.client
import io
import re
import select
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from app.clock import now

DRAIN_SECONDS = 1.0
WARM_SECONDS = 15.0
RESPONSE_LIMIT = 64 * 1024
DRAINED_LIMIT = 16 * 1024
LONGEST_WAIT = 24 * 3600
Origin = tuple[str, str, int]
"""Scheme, host and port."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response's status, for how many seconds it asks to be left alone, and its body where that was asked for."""

    status: int
    retry_after: int | None = None
    body: bytes = b""


class HttpConnection:
    """One connection, over which requests go one after the other."""

    def __init__(self, server: Origin, sock: socket.socket) -> None:
        self.server = server
        self.is_open = True
        self._sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bounded = _Bounded(sock)
        self._connection = http.client.HTTPConnection(server[1], server[2])
        self._used_at = time.monotonic()
        named = f"[{server[1]}]" if ":" in server[1] else server[1]
        self._host = named if server[2] == default_port(server[0]) else f"{named}:{server[2]}"

    @property
    def is_usable(self) -> bool:
        """Whether it was used lately and the other side hasn't said anything since, such as that it leaves."""
        if time.monotonic() - self._used_at > WARM_SECONDS:
            return False
        poll = select.poll()
        poll.register(self._sock, select.POLLIN | select.POLLHUP | select.POLLERR)
        return not poll.poll(0)

    @property
    def has_heard(self) -> bool:
        """Whether anything came back since the last request."""
        return self._bounded.left < RESPONSE_LIMIT

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        deadline: float,
        *,
        wants_body: bool,
    ) -> HttpResponse:
        """Ask and hear the answer.  Raises OSError, HTTPException, and ValueError for what can't be sent."""
        self._bounded.begin(deadline)
        self._connection.sock = self._bounded
        self._connection.request(method, path, body or None, {"Host": self._host, **headers})
        with self._connection.getresponse() as response:
            content = response.read() if wants_body else b""
            if response.will_close or not (wants_body or self._drained(response)):
                self.close()
            self._used_at = time.monotonic()
            return HttpResponse(response.status, _seconds(response.getheader("Retry-After", "")), content)

    def close(self) -> None:
        """Let go of it; it can't be used again."""
        self.is_open = False
        self._connection.close()
        self._sock.close()

    def _drained(self, response: http.client.HTTPResponse) -> bool:
        """Whether the answer's body is out of the way, so that the connection can be used again."""
        if response.length is not None and response.length > DRAINED_LIMIT:
            return False
        try:
            self._bounded.hurry(DRAIN_SECONDS)
            response.read()
        except (OSError, http.client.HTTPException):
            return False
        return True


def default_port(scheme: str) -> int:
    """The port that an address of this scheme doesn't name."""
    return 443 if scheme == "https" else 80


def left(deadline: float) -> float:
    """Seconds until then, and a little when it has passed: zero would mean "don't wait" to a socket."""
    return max(0.01, deadline - time.monotonic())


def _seconds(retry_after: str) -> int | None:
    """A Retry-After header, seconds or a date, as whole seconds from now, at most a day; None when it says nothing."""
    text = retry_after.strip()
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,12}", text):
        return min(int(text), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    wait = int(((at if at.tzinfo else at.replace(tzinfo=UTC)) - now()).total_seconds())
    return max(0, min(wait, LONGEST_WAIT))


class _Bounded:
    """The part of a socket that http.client uses, with one deadline over everything and a cap on what is read."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._unsent = bytearray()
        self.deadline = 0.0
        self.left = 0

    def begin(self, deadline: float) -> None:
        self.deadline, self.left = deadline, RESPONSE_LIMIT
        self._unsent.clear()

    def hurry(self, seconds: float) -> None:
        """Give up sooner."""
        self.deadline = min(self.deadline, time.monotonic() + seconds)

    def sendall(self, data: bytes) -> None:
        """Keep it: head and body of a request leave together, when the response is read."""
        self._unsent += data

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._sock.settimeout(left(self.deadline))
        self._sock.sendall(self._unsent)
        return io.BufferedReader(_BoundedReader(self))

    def close(self) -> None:
        """The socket is closed by the code that opened it."""

    def read_into(self, buffer: memoryview) -> int:
        """Read until the deadline or the cap, also from a server that drips single bytes."""
        if time.monotonic() >= self.deadline:
            raise TimeoutError("the deadline has passed")
        if self.left <= 0:
            raise OSError("the response is too long")
        self._sock.settimeout(left(self.deadline))
        count = self._sock.recv_into(buffer[: self.left])
        self.left -= count
        return count


class _BoundedReader(io.RawIOBase):
    def __init__(self, bounded: _Bounded) -> None:
        self._bounded = bounded

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._bounded.read_into(memoryview(buffer))
