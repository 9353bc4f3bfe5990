"""How mail providers prove that an event is theirs.  Each check is of the provider's own documents."""

import base64
import binascii
import hmac
import http.client
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from app.clock import now

WINDOW_SECONDS = 3600
CERTIFICATE_BYTES = 64 * 1024
FETCH_SECONDS = 5
_SNS_HOST = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?")
_SNS_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


def is_recent(seconds: str) -> bool:
    """Whether a Unix time is within an hour of now."""
    try:
        return abs(now().timestamp() - float(seconds)) <= WINDOW_SECONDS
    except (ValueError, OverflowError):
        return False


def mailgun(key: str, signature: Mapping[str, Any]) -> bool:
    """HMAC-SHA256 of timestamp and token run together, in hex (documentation.mailgun.com, "Securing webhooks")."""
    timestamp, token, given = (str(signature.get(name, "")) for name in ("timestamp", "token", "signature"))
    expected = hmac.digest(key.encode(), f"{timestamp}{token}".encode(), "sha256").hex()
    return hmac.compare_digest(expected.encode(), given.encode()) and is_recent(timestamp)


def sendgrid(public_key: str, timestamp: str, body: bytes, signature: str) -> bool:
    """ECDSA over SHA-256 of timestamp and body; the key is base64 of DER (SendGrid, "Event Webhook Security")."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
        given = base64.b64decode(signature, validate=True)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(given, timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (ValueError, AssertionError, InvalidSignature):
        return False
    return is_recent(timestamp)


def sns(message: Mapping[str, Any]) -> bool:
    """RSA over the named fields, by the certificate that the message names, from Amazon's own host alone (Amazon SNS,
    "Verifying the signatures of Amazon SNS messages").
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.x509 import load_pem_x509_certificate

    names = _SNS_FIELDS.get(str(message.get("Type")), ())
    digest = {"1": hashes.SHA1, "2": hashes.SHA256}.get(str(message.get("SignatureVersion")))
    url = str(message.get("SigningCertURL", ""))
    if not names or digest is None or not is_amazons(url) or not url.endswith(".pem"):
        return False
    signed = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    try:
        key = load_pem_x509_certificate(certificate(url)).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        given = base64.b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(given, signed.encode(), padding.PKCS1v15(), digest())
    except (OSError, ValueError, AssertionError, binascii.Error, InvalidSignature):
        return False
    return True


def is_amazons(url: str) -> bool:
    """Whether an address is one of SNS itself, by https."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(_SNS_HOST.fullmatch(parts.netloc))
    except ValueError:
        return False


def fetch(url: str) -> bytes:
    """What is at an address of Amazon's own (see `is_amazons`); redirects are not followed.  Raises OSError."""
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.netloc, timeout=FETCH_SECONDS)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        response = connection.getresponse()
        if response.status != 200:
            raise OSError(f"status {response.status}")
        return response.read(CERTIFICATE_BYTES)
    except http.client.HTTPException as error:
        raise OSError("no answer that can be read") from error
    finally:
        connection.close()


@lru_cache(maxsize=8)
def certificate(url: str) -> bytes:
    """The certificate at an address of Amazon's.  Raises OSError."""
    return fetch(url)
