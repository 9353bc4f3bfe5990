"""The cryptography of web push: encryption for one browser (RFC 8291), and the sender's identity (RFC 8292).

The arithmetic is http-ece's and py-vapid's.  They are loaded at first use, because most
processes never send a push message.
"""

import base64
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

RECORD_SIZE = 4096
LONGEST = RECORD_SIZE - 16 - 1 - 86
"""Bytes that fit into the one record that push services take."""

TOKEN_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class Keys:
    """What a browser gives so that only it can read: its public key, and a secret that it shares with us."""

    public: bytes
    auth: bytes = field(repr=False)

    @classmethod
    def read(cls, text: str) -> "Keys":
        """From `public.auth`, each in base64url.

        Raises:
            ValueError: they are no such keys.
        """
        public, _, auth = text.partition(".")
        keys = cls(decode(public), decode(auth))
        if len(keys.auth) != 16 or len(keys.public) != 65:
            raise ValueError("not the keys of a push subscription")
        _point(keys.public)
        return keys

    def __str__(self) -> str:
        return f"{encode(self.public)}.{encode(self.auth)}"


def encode(value: bytes) -> str:
    """Base64url as the web writes it, without padding."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def decode(text: str) -> bytes:
    """The bytes of base64url, with or without padding.  Raises ValueError."""
    if not text.isascii():
        raise ValueError("not base64url")
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)


def encrypt(keys: Keys, plain: bytes) -> bytes:
    """The body of the request: one record of aes128gcm (RFC 8188), with a fresh key pair and salt.

    Raises:
        ValueError: it is too long, or the keys are none.
    """
    import http_ece
    from cryptography.hazmat.primitives.asymmetric import ec

    if len(plain) > LONGEST:
        raise ValueError("too long for a push message")
    ours = ec.generate_private_key(ec.SECP256R1())
    sealed: bytes = http_ece.encrypt(plain, private_key=ours, dh=keys.public, auth_secret=keys.auth, rs=RECORD_SIZE)
    return sealed


def _point(public: bytes) -> "ec.EllipticCurvePublicKey":
    """The key that these bytes represent.  Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)


@lru_cache(maxsize=4)
def _vapid(vapid_key: str) -> Any:
    """The library's signer.  It isn't strict: the contact of a page without a mail address is the page's own."""
    from py_vapid import Vapid02

    vapid: Any = Vapid02.from_raw(vapid_key.encode())
    vapid.conf = {"no-strict": True}
    return vapid


@lru_cache(maxsize=4)
def public_key(vapid_key: str) -> str:
    """What browsers are told to expect messages from.  Raises ValueError for what is no key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return encode(_vapid(vapid_key).public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def authorization(vapid_key: str, origin: str, contact: str, at: float) -> str:
    """The header that proves to the push service at `origin` who sends; it holds for some hours.

    `contact` is a mailto: or https: address that the service may complain to; `at` is in seconds since 1970.
    """
    return _authorization(vapid_key, origin, contact, int(at // (TOKEN_SECONDS / 2)))


@lru_cache(maxsize=256)
def _authorization(vapid_key: str, origin: str, contact: str, half: int) -> str:
    until = int((half + 2) * TOKEN_SECONDS / 2)
    header: str = _vapid(vapid_key).sign({"aud": origin, "exp": until, "sub": contact})["Authorization"]
    return header
