"""The cryptography of web push: a message only one browser can read (RFC 8291), and who sends it (RFC 8292).

The library is loaded at first use: whoever sends no such message does without it.
"""

import base64
import hmac
import json
import os
import struct
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
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(plain) > LONGEST:
        raise ValueError("too long for a push message")
    ours = ec.generate_private_key(ec.SECP256R1())
    sender = _bytes(ours.public_key())
    shared = hmac.digest(keys.auth, ours.exchange(ec.ECDH(), _point(keys.public)), "sha256")
    secret = hmac.digest(shared, b"WebPush: info\0" + keys.public + sender + b"\x01", "sha256")
    salt = os.urandom(16)
    pseudo = hmac.digest(salt, secret, "sha256")
    key = hmac.digest(pseudo, b"Content-Encoding: aes128gcm\0\x01", "sha256")[:16]
    nonce = hmac.digest(pseudo, b"Content-Encoding: nonce\0\x01", "sha256")[:12]
    header = salt + struct.pack("!IB", RECORD_SIZE, len(sender)) + sender
    return header + AESGCM(key).encrypt(nonce, plain + b"\x02", None)


def _point(public: bytes) -> "ec.EllipticCurvePublicKey":
    """The key that these bytes stand for.  Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)


def _bytes(public: "ec.EllipticCurvePublicKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@lru_cache(maxsize=4)
def _private(vapid_key: str) -> "ec.EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.derive_private_key(int.from_bytes(decode(vapid_key), "big"), ec.SECP256R1())


@lru_cache(maxsize=4)
def public_key(vapid_key: str) -> str:
    """What browsers are told to expect messages from.  Raises ValueError for what is no key."""
    return encode(_bytes(_private(vapid_key).public_key()))


def authorization(vapid_key: str, origin: str, contact: str, at: float) -> str:
    """The header that proves to the push service at `origin` who sends; it holds for some hours.

    `contact` is a mailto: or https: address that the service may complain to; `at` is in seconds since 1970.
    """
    return _authorization(vapid_key, origin, contact, int(at // (TOKEN_SECONDS / 2)))


@lru_cache(maxsize=256)
def _authorization(vapid_key: str, origin: str, contact: str, half: int) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    until = int((half + 2) * TOKEN_SECONDS / 2)
    claims = {"aud": origin, "exp": until, "sub": contact}
    signed = f"{_part({'typ': 'JWT', 'alg': 'ES256'})}.{_part(claims)}"
    r, s = decode_dss_signature(_private(vapid_key).sign(signed.encode(), ec.ECDSA(SHA256())))
    token = f"{signed}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    return f"vapid t={token}, k={public_key(vapid_key)}"


def _part(value: dict[str, Any]) -> str:
    return encode(json.dumps(value, separators=(",", ":")).encode())
