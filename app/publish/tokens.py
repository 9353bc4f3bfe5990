"""Signed links: no token is stored, so none can be read from the database or a backup."""

import base64
import hmac

LENGTH = 22
PURPOSES = ("confirm", "manage", "unsubscribe")


def sign(secret_key: str, purpose: str, public_id: str, version: int) -> str:
    """The token of one purpose for one subscriber: HMAC-SHA256, urlsafe, 22 characters (132 bits)."""
    message = f"{purpose}:{public_id}:{version}".encode()
    digest = hmac.digest(secret_key.encode(), message, "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:LENGTH]


def check(secret_key: str, purpose: str, public_id: str, version: int, token: str) -> bool:
    """Whether `token` is the one; in constant time, whatever was sent."""
    expected = sign(secret_key, purpose, public_id, version)
    return hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace"))
