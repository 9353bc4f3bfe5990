"""Passwords: argon2id, and the same work for an account that doesn't exist."""

from functools import lru_cache
from typing import TYPE_CHECKING

from app.errors import Invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 12
LONGEST = 1000


def checked(password: str, name: str = "password") -> str:
    """`password` if it may be one.

    Raises:
        Invalid: it is too short or too long.
    """
    if len(password) < SHORTEST:
        raise Invalid.field(name, f"The password is too short: use at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise Invalid.field(name, f"The password is too long: the limit is {LONGEST:,} characters.")
    return password


def hashed(password: str) -> str:
    """The argon2id hash to keep."""
    return _hasher().hash(password.encode("utf-8", "surrogatepass"))


def matches(password_hash: str, password: str) -> bool:
    """Whether the password is the one; an empty `password_hash` costs the same time and is never right."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > LONGEST:
        password = ""
    try:
        _hasher().verify(password_hash or _nobody(), password.encode("utf-8", "surrogatepass"))
    except (InvalidHashError, VerificationError):
        return False
    return bool(password_hash)


@lru_cache(maxsize=1)
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hashed("the password of nobody")
