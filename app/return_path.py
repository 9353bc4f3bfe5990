"""The return path of each mail (VERP): an address of its own, so that what comes back says which delivery it is about.

`bounces+d123-9f2c4a81d0@example.com`: after the plus come the kind of row, its number and a signature, so that no one
can make a delivery look bounced by writing to us.
"""

import hmac
import re
from typing import NamedTuple

LONGEST_LOCAL_PART = 64
SIGNATURE_LENGTH = 12
_LETTERS = {"delivery": "d", "notice": "n", "account_notice": "a"}
_TABLES = {letter: table for table, letter in _LETTERS.items()}
_TAGGED = re.compile(rf"[^@\s]+\+([dna])([0-9]{{1,18}})-([0-9a-f]{{{SIGNATURE_LENGTH}}})@[^@\s]+", re.IGNORECASE)


class RowReference(NamedTuple):
    """A row of the ledger: the table's name and the row's number."""

    table: str
    number: int


def make(secret_key: str, bounce_address: str, table: str, number: int) -> str:
    """Where this row's mail comes back to; `bounce_address` itself when there is no room for more (RFC 5321, 4.5.3)."""
    local, _, domain = bounce_address.rpartition("@")
    tag = f"{_LETTERS[table]}{number}"
    made = f"{local}+{tag}-{_sign(secret_key, tag)}"
    return f"{made}@{domain}" if len(made) <= LONGEST_LOCAL_PART else bounce_address


def read(secret_key: str, address: str) -> RowReference | None:
    """The row that an address was made for; None when we didn't make it."""
    found = _TAGGED.fullmatch(address.strip())
    if found is None:
        return None
    tag = f"{found[1].lower()}{found[2]}"
    if not hmac.compare_digest(_sign(secret_key, tag), found[3].lower()):
        return None
    return RowReference(_TABLES[found[1].lower()], int(found[2]))


def _sign(secret_key: str, tag: str) -> str:
    return hmac.digest(secret_key.encode(), f"return-path:{tag}".encode(), "sha256").hex()[:SIGNATURE_LENGTH]
