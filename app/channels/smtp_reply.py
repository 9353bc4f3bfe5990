"""What a mail server says: one reader over a socket, with a deadline that holds against a server that drips."""

import re
import smtplib
import socket
import time
from typing import NamedTuple

LONGEST_REPLY = 64 * 1024
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\S)")


class Reply(NamedTuple):
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


class Replies:
    """The replies that come over one connection, in order (RFC 5321, 4.2.1)."""

    def __init__(self, sock: socket.socket | None = None) -> None:
        self._sock = sock
        self._received = b""

    def read(self, step: str, deadline: float) -> Reply:
        """The next whole reply.

        Raises:
            TimeoutError: it was not whole before `deadline` (monotonic); what came of it is kept.
            OSError, smtplib.SMTPException: the connection ended, or it is not SMTP that is spoken.
        """
        while True:
            end = self._end_of_reply()
            if end:
                whole, self._received = self._received[:end], self._received[end:]
                *more, last = whole.decode("utf-8", "replace").splitlines()
                text = "\n".join([*(line[4:].strip() for line in more), last[4:].strip()]) if more else last[4:].strip()
                return Reply(step, int(last[:3]), text)
            self._receive(deadline)

    def _end_of_reply(self) -> int:
        """Where the first reply ends in what was received; 0 when it is not whole."""
        start = 0
        while (newline := self._received.find(b"\n", start)) >= 0:
            line = self._received[start : newline + 1]
            if not line[:3].isdigit() or line[3:4] not in {b" ", b"-", b"\r", b"\n"}:
                raise smtplib.SMTPServerDisconnected("not SMTP")
            start = newline + 1
            if line[3:4] != b"-":
                return start
        return 0

    def _receive(self, deadline: float) -> None:
        if self._sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        self._sock.settimeout(left)
        received = self._sock.recv(4096)
        if not received or len(self._received) > LONGEST_REPLY:
            raise smtplib.SMTPServerDisconnected("closed")
        self._received += received
