"""One SMTP conversation as a state machine: bytes in, decisions out.  Nothing here blocks.

Where the server offers PIPELINING, the envelope of the next copy goes out with the message of the one before (RFC
2920, 3.1), so that a message takes one round trip.
"""

import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from app.channels.smtp import SmtpSession
from app.channels.smtp_reply import CLOSING, NotSmtp, Replies, SmtpReply
from app.shapes import Recipient

CHUNK = 64 * 1024
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER for a connection that ends at once."""

BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Copy(NamedTuple):
    """One recipient's message, ready to go, with its envelope."""

    recipient: Recipient
    sender: str
    address: str
    message: bytes


class Lost(NamedTuple):
    """A copy whose connection ended.  `is_in_doubt`: the whole message had been sent, and no answer came."""

    copy: Copy
    is_in_doubt: bool


class Decided(NamedTuple):
    """A copy and the reply that decided."""

    copy: Copy
    reply: SmtpReply


class SmtpConnection:
    """One connection and the copies on it: the one whose answer is waited for, and the one that follows."""

    def __init__(self, opened: SmtpSession) -> None:
        self.takes_utf8 = opened.takes_utf8
        self.pipelines = opened.pipelines
        self.is_closed = False
        self.has_served = False
        self.took = 0.0
        self.since = 0.0
        self.accepted: Copy | None = None
        self._sock = opened.sock
        self._replies = Replies()
        self._unsent = b""
        self._expected: deque[tuple[str, Copy]] = deque()
        self._later: deque[tuple[str, Copy]] = deque()
        self._refused: SmtpReply | None = None
        self._needs_reset = False
        self._under_way: deque[Copy] = deque()
        self._began: deque[float] = deque()
        self._envelope_bytes = 0

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def is_idle(self) -> bool:
        return not self._under_way

    @property
    def wants_to_write(self) -> bool:
        return bool(self._unsent)

    @property
    def began(self) -> float:
        """When the copy whose answer is waited for was begun (monotonic)."""
        return self._began[0] if self._began else self.since

    @property
    def may_take_back(self) -> bool:
        """Whether the copy that follows waits for nothing but the answer to the one before it."""
        return len(self._under_way) > 1

    def offer(self, copy: Copy) -> None:
        """Begin with a copy, on an idle line."""
        self._begin(copy)
        self._write(self._envelope(copy))

    def send(self, following: Copy | None) -> None:
        """Send the message of the accepted copy, and with it the envelope of the one that follows."""
        copy, self.accepted = self.accepted, None
        assert copy is not None
        self.since = time.monotonic()
        self._expected.append(("message", copy))
        envelope = b""
        if following is not None:
            self._begin(following)
            envelope = self._envelope(following)
        self._envelope_bytes = len(envelope)
        self._write(_stuffed(copy.message) + envelope)

    def take_back(self) -> Copy:
        """The copy that follows, for another line; this one is closed once the answer has come."""
        self._expected = deque(one for one in self._expected if one[1] is self._under_way[0])
        self._expected.append(("closed", self._under_way[0]))
        self._began.pop()
        return self._under_way.pop()

    def read(self) -> Iterator[Decided]:
        """Take what came: what it decided, in order.  A line that broke is closed, and holds its copies: see `lost`."""
        try:
            while received := self._sock.recv(CHUNK):
                self._replies.feed(received)
                yield from self._decide()
                if len(received) < CHUNK and not isinstance(self._sock, ssl.SSLSocket):
                    return
            self.close()
        except BLOCKED:
            return
        except (OSError, NotSmtp):
            self.close()

    def flush(self) -> None:
        """Write what could not be written before."""
        self._write(b"")

    def lost(self) -> list[Lost]:
        """The copies that were on a line when it was closed."""
        sent = {id(copy) for step, copy in self._expected if step == "message"}
        is_whole = len(self._unsent) <= self._envelope_bytes
        lost = [Lost(copy, is_whole and id(copy) in sent) for copy in self._under_way]
        self._under_way.clear()
        self._began.clear()
        self._expected.clear()
        return lost

    def close(self, *, politely: bool = False) -> None:
        """End the connection.  What is on its way must not arrive later: the copy goes out again, or is given up."""
        if not self.is_closed:
            self.is_closed = True
            with suppress(OSError):
                if not self.is_idle:
                    self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
                elif politely:
                    self._sock.send(b"QUIT\r\n")
            self._sock.close()

    def _begin(self, copy: Copy) -> None:
        self.since = time.monotonic()
        self._under_way.append(copy)
        self._began.append(self.since)

    def _envelope(self, copy: Copy) -> bytes:
        """The commands that go out now; the others follow one by one when the server doesn't pipeline."""
        self._refused = None
        utf8 = "" if copy.address.isascii() else " BODY=8BITMIME SMTPUTF8"
        steps = [("RSET", "RSET")] if self._needs_reset else []
        steps += [("MAIL", f"MAIL FROM:<{copy.sender}>{utf8}"), ("RCPT", f"RCPT TO:<{copy.address}>"), ("DATA", "DATA")]
        self._needs_reset = False
        if self.pipelines:
            self._expected.extend((step, copy) for step, _ in steps)
            return "".join(f"{command}\r\n" for _, command in steps).encode()
        self._expected.append((steps[0][0], copy))
        self._later = deque((command, copy) for _, command in steps[1:])
        return f"{steps[0][1]}\r\n".encode()

    def _decide(self) -> Iterator[Decided]:
        while self._expected and (said := self._replies.next()) is not None:
            step, copy = self._expected.popleft()
            reply = SmtpReply(step, *said)
            if reply.code == CLOSING and step != "message":  # nothing was decided about the copy
                self.close()
                return
            if step == "message":
                self._under_way.popleft()
                self.took = time.monotonic() - self._began.popleft()
                self.has_served = True
                yield Decided(copy, reply)
                if self._expected and self._expected[0][0] == "closed":
                    self.close()
            elif step == "empty":
                yield self._refuse(copy)
            elif not reply.is_accepted:
                yield from self._not_accepted(copy, reply)
            elif self._refused is not None:  # DATA was accepted all the same: the server waits for a message
                self._expected.append(("empty", copy))
                self._write(b".\r\n")
            elif step == "DATA":
                self.accepted = copy
            elif not self.pipelines:
                self._next_command()
            if reply.code == CLOSING:
                self.close()
                return

    def _not_accepted(self, copy: Copy, reply: SmtpReply) -> Iterator[Decided]:
        self._refused = self._refused or reply
        if reply.step == "DATA" or not self.pipelines:
            self._later.clear()
            yield self._refuse(copy)

    def _refuse(self, copy: Copy) -> Decided:
        reply, self._refused = self._refused, None
        assert reply is not None
        self._needs_reset = True
        self._under_way.remove(copy)
        self._began.pop()
        return Decided(copy, reply)

    def _next_command(self) -> None:
        command, copy = self._later.popleft()
        self._expected.append((command[:4], copy))
        self._write(f"{command}\r\n".encode())

    def _write(self, data: bytes) -> None:
        self._unsent += data
        try:
            while self._unsent:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BLOCKED:
            return
        except OSError:
            self.close()


def _stuffed(message: bytes) -> bytes:
    """`message` with its dots doubled at line starts and the final dot."""
    ended = message if message.endswith(b"\r\n") else message + b"\r\n"
    stuffed = ended.replace(b"\r\n.", b"\r\n..")
    return (b"." + stuffed if stuffed.startswith(b".") else stuffed) + b".\r\n"
