"""How the text of an environment variable becomes a setting's value.

Each reader raises ValueError with the rest of a sentence that begins with the variable's name.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import unquote, urlsplit

from app import mail_address

Network = IPv4Network | IPv6Network


def text(value: str) -> str:
    """As it is."""
    return value.strip()


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def read(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"is not a whole number; give one from {low} to {high}") from None
        if not low <= number <= high:
            raise ValueError(f"is out of range; give a whole number from {low} to {high}")
        return number

    return read


def url(*schemes: str) -> Callable[[str], str]:
    """An address with one of these schemes."""

    def read(value: str) -> str:
        value = value.strip().rstrip("/")
        if not value:
            return ""
        parts = urlsplit(value)
        try:
            _ = parts.port  # reading it is what checks it
        except ValueError:
            raise ValueError("has a port that is not a number from 0 to 65535") from None
        if parts.scheme not in schemes or not (parts.hostname or "sqlite" in parts.scheme):
            raise ValueError(f"is not an address; it should begin with {' or '.join(f'{s}://' for s in schemes)}")
        return value

    return read


def database_url(value: str) -> str:
    """A database that Candor knows."""
    value = value.strip()
    if value.startswith("postgres://"):
        value = "postgresql://" + value.removeprefix("postgres://")
    if value.startswith("postgresql://"):
        value = "postgresql+psycopg://" + value.removeprefix("postgresql://")
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("is not a database Candor knows; it should begin with sqlite:/// or postgresql://")
    return value


def countries(value: str) -> tuple[str, ...]:
    """Two-letter country codes."""
    codes = tuple(code.strip().upper() for code in value.split(",") if code.strip())
    if any(len(code) != 2 or not code.isalpha() for code in codes):
        raise ValueError("is not a list of two-letter country codes such as US,GB,DE")
    return codes


def networks(value: str) -> tuple[Network, ...]:
    """Networks, as 10.1.0.0/16."""
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("is not a list of networks such as 10.1.0.0/16,fd00::/8") from None


def words(value: str) -> tuple[str, ...]:
    """Words with commas between them."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def bounce_address(value: str) -> str:
    """A bare address with room for a tag."""
    sender = mail_address.read_sender(value)
    if sender is None or sender.name or len(sender.address.partition("@")[0]) > 30:
        raise ValueError("is not an address with at most 30 characters before the @, such as bounces@example.com")
    return sender.address


def host_and_port(value: str) -> str:
    """A host and a port, as 127.0.0.1:2424."""
    host, colon, port = value.strip().rpartition(":")
    if value.strip() and not (host and colon and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("is not a host and a port such as 127.0.0.1:2424")
    return value.strip()


def mailbox(value: str) -> str:
    """A folder on an IMAP server, with who reads it."""
    parts = urlsplit(value.strip())
    is_named = parts.scheme in {"imap", "imaps"} and all((parts.hostname, parts.username, parts.password))
    try:
        is_named = is_named and parts.port != 0 and unquote(parts.path).isprintable() and not parts.query
    except ValueError:
        is_named = False
    if not is_named:
        raise ValueError(
            "is not a mailbox; write it as imaps://user:password@host/INBOX, special characters as %40 and so on"
        )
    return value.strip()


def hosts(value: str) -> tuple[str, ...]:
    """Host names, in lower case."""
    return tuple(part.strip().lower() for part in value.split(",") if part.strip())


def level(value: str) -> str:
    """A log level."""
    if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("is not a level; give DEBUG, INFO, WARNING or ERROR")
    return value.upper()


def mail_from(value: str) -> str:
    """A sender: an address, with a name or without."""
    sender = mail_address.read_sender(value)
    if sender is None:
        raise ValueError("is not a sender; write it as status@example.com or Example Status <status@example.com>")
    return str(sender)


def contact(value: str) -> str:
    """Where people can be reached: a mail address or a page on the web, as a URI (RFC 9116)."""
    value = value.strip()
    scheme, _, rest = value.partition(":")
    is_mail = scheme == "mailto" and re.fullmatch(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+", rest)
    if not (is_mail or re.fullmatch(r"https://[^\s/<>]+(/[^\s<>]*)?", value)) or not value.isprintable():
        raise ValueError("is not a contact; write it as mailto:security@example.com or https://example.com/security")
    return value


def token(value: str) -> str:
    """A secret that is sent in a header."""
    value = value.strip()
    if len(value) < 16 or not value.isascii() or any(character.isspace() for character in value):
        raise ValueError("is not a token; give at least 16 ASCII characters without spaces")
    return value
