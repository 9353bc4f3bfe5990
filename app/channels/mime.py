"""A letter as the bytes of an email: encoded once, then completed for each recipient by joining pieces.

Both texts are quoted-printable.  Around each personal value is a soft line break, so whatever length it has no
line grows too long and no encoded character is torn, and the rest of the text need not be encoded again.
"""

import binascii
import html
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import lru_cache

from app import mail_address
from app.channels.base import PLACEHOLDERS
from app.shapes import Letter
from app.text import header_safe

SOFT_BREAK = b"=\r\n"
_SPLIT = re.compile(r"\{\{(" + "|".join(PLACEHOLDERS) + r")\}\}")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_OWN_HEADERS = frozenset(
    {
        "from", "to", "cc", "bcc", "sender", "date", "subject", "message-id", "in-reply-to", "references",
        "mime-version", "content-type", "content-transfer-encoding", "auto-submitted", "list-unsubscribe",
        "list-unsubscribe-post", "precedence",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place in an encoded body where a personal value goes."""

    name: str
    is_html: bool

    def encode(self, value: str) -> bytes:
        return SOFT_BREAK + _quoted(html.escape(value) if self.is_html else value) + SOFT_BREAK


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter ready to be addressed.  `sender` is the bare address of the envelope."""

    sender: str
    _head: bytes
    _pieces: tuple["bytes | _Slot", ...]

    def addressed(self, to: str, personal: Mapping[str, str], at: datetime) -> bytes:
        """The whole message, lines ended by CRLF, for one recipient; not yet dot-stuffed."""
        head = [f"Date: {_date(at.replace(microsecond=0))}\r\nTo: {header_safe(to)}\r\n".encode()]
        if unsubscribe := header_safe(personal.get("unsubscribe_url", "")).replace(">", "%3E"):
            head.append(
                f"List-Unsubscribe: <{unsubscribe}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".encode()
            )
        body = (
            piece if isinstance(piece, bytes) else piece.encode(personal.get(piece.name, "")) for piece in self._pieces
        )
        return b"".join((*head, self._head, *body))


@lru_cache(maxsize=8)
def _date(at: datetime) -> str:
    """A Date header's value; a fan-out asks for the same second thousands of times."""
    return format_datetime(at)


def prepare(letter: Letter, default_sender: str) -> Mail:
    """Encode what is the same for every recipient of `letter`."""
    name, address = mail_address.split(header_safe(letter.sender or default_sender))
    address = re.sub(r"[<>\s]", "", address).encode("ascii", "ignore").decode() or "status@localhost"
    headers = [
        (
            "From",
            formataddr((name, address))
            if name.isascii() and "=?" not in name
            else f"{_words(name, 'From')} <{address}>",
        ),
        ("Subject", _words(header_safe(letter.subject), "Subject")),
        ("Message-ID", _id(letter.message_id) or _new_id(address)),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ]
    if letter.in_reply_to:
        headers += [("In-Reply-To", _id(letter.in_reply_to)), ("References", _id(letter.in_reply_to))]
    for extra, value in letter.headers:
        if _HEADER_NAME.fullmatch(extra) and extra.lower() not in _OWN_HEADERS:
            headers.append((extra, _words(header_safe(value), extra)))
    head = "".join(f"{header}: {value}\r\n" for header, value in headers).encode("ascii")
    return Mail(address, head, tuple(_body(letter)))


def _body(letter: Letter) -> list[bytes | _Slot]:
    if not letter.html:
        return _part(letter.text, "plain")
    boundary = f"=_{secrets.token_hex(16)}".encode()
    between = b"\r\n--" + boundary
    return [
        b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n' + between + b"\r\n",
        *_part(letter.text, "plain"),
        between + b"\r\n",
        *_part(letter.html, "html"),
        between + b"--\r\n",
    ]


def _part(text: str, subtype: str) -> list[bytes | _Slot]:
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    pieces: list[bytes | _Slot] = [head.encode()]
    for index, piece in enumerate(_SPLIT.split(text.replace("\r\n", "\n").replace("\r", "\n"))):
        pieces.append(_Slot(piece, subtype == "html") if index % 2 else _quoted(piece))
    return [*pieces, b"\r\n"]


def _quoted(text: str) -> bytes:
    """Quoted-printable lines of at most 76 characters, ended by CRLF."""
    return binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True).replace(b"\n", b"\r\n")


def _words(value: str, header: str) -> str:
    """A header's value in ASCII, folded; what isn't ASCII, or looks encoded already, as RFC 2047 words."""
    charset = "us-ascii" if value.isascii() and "=?" not in value else "utf-8"
    return Header(value, charset, header_name=header, maxlinelen=76).encode(linesep="\r\n")


def _id(value: str) -> str:
    bare = re.sub(r"[<>\s]", "", header_safe(value)).encode("ascii", "ignore").decode()
    return f"<{bare}>" if bare else ""


def _new_id(address: str) -> str:
    return f"<{secrets.token_hex(16)}@{address.rpartition('@')[2]}>"
