"""Parses a mail server's replies from bytes as they arrive (RFC 5321, 4.2.1)."""

import re
from typing import NamedTuple

LONGEST_REPLY = 64 * 1024
CLOSING = 421
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\S)")


class NotSmtp(Exception):
    """What came is no reply."""


class SmtpReply(NamedTuple):
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
    """Bytes in, replies out."""

    def __init__(self) -> None:
        self._received = b""

    def feed(self, received: bytes) -> None:
        """Take what came.  Raises NotSmtp when it is more than any reply."""
        self._received += received
        if len(self._received) > LONGEST_REPLY:
            raise NotSmtp

    def next(self) -> tuple[int, str] | None:
        """The code and text of the first reply that is whole.  Raises NotSmtp."""
        start = 0
        while (newline := self._received.find(b"\n", start)) >= 0:
            line = self._received[start:newline]
            if not line[:3].isdigit() or line[3:4] not in {b" ", b"-", b"\r", b""}:
                raise NotSmtp
            if line[3:4] != b"-":
                whole = self._received[:newline] if start else line
                self._received = self._received[newline + 1 :]
                return int(line[:3]), _text(whole)
            start = newline + 1
        return None


def _text(whole: bytes) -> str:
    said = whole.decode("utf-8", "replace")
    if "\n" not in said:
        return said[4:].strip()
    return "\n".join(line[4:].strip() for line in said.split("\n"))
