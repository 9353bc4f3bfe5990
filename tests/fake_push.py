"""A browser that subscribed, and the push service that its maker runs, as RFC 8030, 8188, 8291 and 8292 say."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.channels import pinned_http
from app.channels.web_push import decode, encode
from tests.certificates import certified
from tests.channels.helpers import Web, http_server

CURVE = ec.SECP256R1()


@dataclass
class FakeBrowser:
    """Its key pair and the secret it shares with the page."""

    private: ec.EllipticCurvePrivateKey
    auth: bytes

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def keys(self) -> str:
        return f"{encode(self.public)}.{encode(self.auth)}"

    def subscription(self, endpoint: str) -> dict[str, object]:
        """What the browser gives to the page's script."""
        keys = {"p256dh": encode(self.public), "auth": encode(self.auth)}
        return {"endpoint": endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> bytes:
        """The words, by the browser's own arithmetic: written from the RFCs, not from our code."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        secret = hkdf(self.auth, shared, b"WebPush: info\x00" + self.public + sender, 32)
        key = hkdf(salt, secret, b"Content-Encoding: aes128gcm\x00", 16)
        nonce = hkdf(salt, secret, b"Content-Encoding: nonce\x00", 12)
        padded = AESGCM(key).decrypt(nonce, sealed, None)
        assert padded.rstrip(b"\x00").endswith(b"\x02")
        return padded.rstrip(b"\x00")[:-1]


def new_browser() -> FakeBrowser:
    return FakeBrowser(ec.generate_private_key(CURVE), hashlib.sha256(b"shared").digest()[:16])


def hkdf(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    pseudo = hmac.new(salt, material, hashlib.sha256).digest()
    return hmac.new(pseudo, info + b"\x01", hashlib.sha256).digest()[:length]


def claims(header: str) -> dict[str, object]:
    """What a VAPID header claims, once its signature was checked against the key that it names."""
    facts = dict(part.strip().split("=", 1) for part in header.removeprefix("vapid ").split(","))
    signed, _, signature = facts["t"].rpartition(".")
    raw = decode(signature)
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decode(facts["k"]))
    made = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(made, signed.encode(), ec.ECDSA(SHA256()))
    head, body = (json.loads(decode(part)) for part in signed.split("."))
    assert head == {"typ": "JWT", "alg": "ES256"}
    return {**body, "k": facts["k"]}


@contextmanager
def push_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A push service on this machine that we trust, because its certificate is put among those we know."""
    certificate, key = certified()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate, key)
    ours = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(pinned_http, "_tls", lambda: ours)
    with http_server(theirs) as running:
        yield running
