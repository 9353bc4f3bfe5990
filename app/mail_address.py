"""Mail addresses: their parts as SMTP and DNS take them, and senders, which have a name too."""

import re
import unicodedata
from typing import NamedTuple

import idna

LONGEST_ADDRESS = 254
LONGEST_LOCAL_PART = 64
LONGEST_SENDER = 254
_LOCAL_PART = re.compile(r"""[^\s"'(),:;<>@\[\]\\]+""")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

_JOINERS = dict.fromkeys(map(ord, "\u200c\u200d"))
"""Not to be seen, but some scripts aren't written without them."""


class MailSender(NamedTuple):
    """Who a mail is from: a name, which may be empty, and a bare address."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


def split(raw: str) -> MailSender:
    """The name and the address of "Acme, Inc. <status@acme.example>", or of an address alone; nothing is checked."""
    text = raw.strip()
    if not text.endswith(">"):
        return MailSender("", text)
    name, _, address = text[:-1].rpartition("<")
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1].strip()
    return MailSender(name, address.strip())


def read_sender(raw: str) -> MailSender | None:
    """The sender in `raw`, its domain in ASCII; None when it isn't one address, with a name or without, that is safe
    in a header.  The address is in ASCII throughout, because not every server takes another as the sender.
    """
    name, address = split(re.sub(" +", " ", unicodedata.normalize("NFC", raw)))
    local, at, domain = address.rpartition("@")
    sender = MailSender(name, f"{local}@{ascii_domain(domain.lower())}")
    is_named = name.translate(_JOINERS).isprintable() and not re.search(r'[<>"\\]|\S@\S', name)
    is_address = bool(at) and local.isascii() and is_local_part(local) and is_host(sender.domain)
    return sender if is_named and is_address and len(str(sender)) <= LONGEST_SENDER else None


def is_local_part(local: str) -> bool:
    """Whether this can be the part before the @."""
    return (
        len(local.encode("utf-8", "replace")) <= LONGEST_LOCAL_PART
        and bool(_LOCAL_PART.fullmatch(local))
        and all(unicodedata.category(character)[0] not in "CZ" for character in local)
        and not local.startswith(".")
        and not local.endswith(".")
        and ".." not in local
    )


def is_host(host: str) -> bool:
    """Whether an ASCII name, in lower case, is one that DNS or a hosts file can know."""
    labels = host.split(".")
    return all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()


def ascii_domain(domain: str) -> str:
    """A domain as DNS knows it, or an empty string when it can't be one."""
    if domain.isascii() and "xn--" not in domain:
        return domain if len(domain) <= 253 else ""
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return ""
