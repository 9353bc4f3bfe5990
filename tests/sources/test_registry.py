"""Rules of the house for sources: each is one file, and what one file forgets a test finds."""

import pytest

from app.errors import Forbidden, Invalid, Unavailable
from app.settings import Settings
from app.sources import registry
from app.sources.base import Received, Source

CONFIGURED = {
    "sns_topics": ("arn:aws:sns:eu-west-1:123456789012:bounces",),
    "sendgrid_public_key": "AAAA",
    "mailgun_signing_key": "key",
    "postmark_webhook_auth": "user:password",
    "twilio_auth_token": "token",
}
GARBAGE = (b"", b"[" * 50_000, b"null", b"{}", b"\xff" * 99, b'{"signature": 1}', b"a=b&" * 10_000)


def test_every_source_is_found_by_its_name_and_its_addresses() -> None:
    assert set(registry.sources()) >= {"mail", "ses", "sendgrid", "mailgun", "postmark", "twilio"}
    addresses = [path for one in registry.sources().values() for path in one.paths]
    assert len(addresses) == len(set(addresses)), "two sources want the same address"
    for name, source in registry.sources().items():
        assert len(name) <= 32
        assert registry.source(name) is source
        assert all(registry.source_at(path) is source for path in source.paths)
        assert all(header == header.lower() for header in source.kept_headers)
    assert registry.source_at("nowhere") is None


@pytest.mark.parametrize("source", registry.sources().values(), ids=lambda one: one.name)
@pytest.mark.parametrize("body", GARBAGE)
def test_nothing_is_authentic_without_a_secret_or_with_garbage(
    plain_settings: Settings, configured_settings: Settings, source: Source, body: bytes
) -> None:
    for path in source.paths or ("",):
        received = Received(body=body, path=f"/hooks/{path}")
        with pytest.raises((Unavailable, Forbidden)):
            source.authenticate(received, plain_settings)
        with pytest.raises((Forbidden, Invalid)):
            source.authenticate(received, configured_settings)


@pytest.mark.parametrize("source", registry.sources().values(), ids=lambda one: one.name)
def test_no_secret_is_stored(source: Source) -> None:
    secret = {"authorization": "Basic x", "cookie": "x", "x-twilio-signature": "x"}
    assert set(source.redacted(Received(body=b"", headers=secret))) == set()
