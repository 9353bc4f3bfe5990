"""Webhooks: real requests to a local server, and the addresses that must never be reached."""

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels import pinned_http
from app.channels.addresses import is_allowed
from app.channels.registry import channel
from app.channels.webhook import new_secret
from app.clock import frozen
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Outcome
from app.vocabulary import DeliveryState
from tests.channels.helpers import LINKS, Web, answer, letter, recipient

WEBHOOK = channel("webhook")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAYLOAD = b'{"meta": {"unsubscribe": "{{unsubscribe_url}}"}, "say": "sl\xc3\xb6w"}'


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    return settings.with_changes(webhook_allowed_networks=(ip_network("127.0.0.0/8"),))


def send(settings: Settings, url: str, secret: str = "") -> Outcome:
    made = letter("webhook", payload=PAYLOAD)
    with frozen(NOON), closing(WEBHOOK.open(settings)) as sender:
        (outcome,) = sender.send(made, [recipient(1, url, secret=secret, key="msg_7")])
    return outcome


def test_the_payload_arrives_filled_and_signed(open_settings: Settings, web: Web) -> None:
    secret = new_secret()
    assert send(open_settings, f"{web.url}/hooks?x=1", secret).state is DeliveryState.SENT
    path, headers, body = web.requests[0]
    assert path == "/hooks?x=1"
    assert json.loads(body)["meta"]["unsubscribe"] == LINKS["unsubscribe_url"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert headers["webhook-id"] == "msg_7"
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    signed = f"msg_7.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["host"] == f"127.0.0.1:{web.port}"


@pytest.mark.parametrize(
    ("given_answer", "permanent", "disable", "retry_after"),
    [
        (answer(301, Location="http://169.254.169.254/"), False, "", None),
        (answer(400), False, "", None),
        (answer(410), True, "disabled: the endpoint is gone (410)", None),
        (answer(429, Retry_After="7"), False, "", 7),
        (answer(429, Retry_After="9" * 12), False, "", 86400),
        (answer(503, Retry_After="Sun, 01 Mar 2026 12:02:00 GMT"), False, "", 120),
        (answer(503, Retry_After="soon"), False, "", None),
        (answer(500), False, "", None),
    ],
)
def test_answers_decide(
    open_settings: Settings,
    web: Web,
    given_answer: Callable[[BaseHTTPRequestHandler, bytes], None],
    permanent: bool,
    disable: str,
    retry_after: int | None,
) -> None:
    web.answer = given_answer
    outcome = send(open_settings, web.url)
    assert (outcome.state, outcome.permanent, outcome.disable, outcome.retry_after) == (
        DeliveryState.FAILED, permanent, disable, retry_after,
    )  # fmt: skip
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://2130706433:{port}/", "http://0177.0.0.1:{port}/",
        "http://0x7f000001:{port}/", "http://127.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[::1]:{port}/",
    ],
)  # fmt: skip
def test_a_local_address_is_never_reached(settings: Settings, web: Web, url: str) -> None:
    outcome = send(settings, url.format(port=web.port))
    assert (outcome.permanent, outcome.reason) == (True, "the endpoint's name leads to an address that is not public")
    assert web.requests == []


def test_the_checked_address_is_the_one_that_is_reached(
    open_settings: Settings, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def once(host: str, port: int, *args: object, **more: object) -> object:
        looked_up.append(host)
        return real("127.0.0.1", port, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(pinned_http.socket, "getaddrinfo", once)
    assert send(open_settings, f"http://hooks.example:{web.port}/").state is DeliveryState.SENT
    assert looked_up.count("hooks.example") == 1
    assert web.requests[0][1]["host"] == f"hooks.example:{web.port}"


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(socket.AF_INET, 1, 6, "", (address, 80)) for address in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(pinned_http.socket, "getaddrinfo", lambda *_args, **_more: rows)
    assert "not public" in send(settings, "http://hooks.example/").reason


def test_a_server_that_drips_is_left(open_settings: Settings, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned_http, "TOTAL_SECONDS", 0.5)

    def drip(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
        try:
            for _ in range(100):
                handler.wfile.write(b"H")
                time.sleep(0.05)
        except OSError:
            pass

    web.answer = drip
    began = time.monotonic()
    assert send(open_settings, web.url).reason == "the endpoint did not answer in time"
    assert time.monotonic() - began < 2


def test_a_long_answer_is_not_read(open_settings: Settings, web: Web) -> None:
    def endless(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 60_000 + b"\r\n\r\n")
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 60_000 + b"\r\n\r\n")
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        except OSError:
            pass

    web.answer = endless
    assert send(open_settings, web.url).reason == "the connection to the endpoint failed"


def copies(settings: Settings, url: str, count: int) -> list[Outcome]:
    made = letter("webhook", payload=PAYLOAD)
    with closing(WEBHOOK.open(settings)) as sender:
        return list(sender.send(made, [recipient(number, url) for number in range(count)]))


def test_one_connection_carries_what_goes_to_one_server(open_settings: Settings, web: Web) -> None:
    assert {one.state for one in copies(open_settings, web.url, 20)} == {DeliveryState.SENT}
    assert (len(web.requests), len(web.connections)) == (20, 1)


def test_a_connection_that_the_server_left_is_opened_again(open_settings: Settings, web: Web) -> None:
    def leave(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        answer(200)(handler, body)
        handler.close_connection = True  # without having said so

    web.answer = leave
    assert {one.state for one in copies(open_settings, web.url, 5)} == {DeliveryState.SENT}
    assert len(web.requests) == len(web.connections) == 5


def test_an_answer_too_long_to_be_drained_ends_the_connection(open_settings: Settings, web: Web) -> None:
    web.answer = answer(200, b"x" * 40_000)
    assert {one.state for one in copies(open_settings, web.url, 3)} == {DeliveryState.SENT}
    assert len(web.connections) == 3


BLOCKED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1",
    "192.0.0.8", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8", "64:ff9b::a00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378::1", "2001:db8::1",
    "2002:7f00:1::", "2002:808:808::1",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1",
    "ff02::1", "2001:10::1", "2001:20::1",
]  # fmt: skip


@pytest.mark.parametrize("address", BLOCKED)
def test_what_is_not_global_is_refused(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "100.63.255.255", "2606:4700::1111", "2a00:1450::1"])
def test_what_is_global_is_allowed(address: str) -> None:
    assert is_allowed(address)


def test_allowed_networks_open_only_themselves() -> None:
    networks = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert is_allowed("10.1.2.3", networks)
    assert is_allowed("::ffff:10.1.2.3", networks)
    assert is_allowed("fd00::1", networks)
    assert not is_allowed("10.2.0.1", networks)
    assert not is_allowed("fe80::1", networks)


@given(st.ip_addresses(v=4))
def test_no_private_ipv4_passes_however_it_is_wrapped(address: IPv4Address) -> None:
    number = int(address)
    wrapped = [number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
    assert not any(is_allowed(IPv6Address(one)) for one in wrapped)
    if is_allowed(address):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=6))
def test_only_global_unicast_ipv6_passes(address: IPv6Address) -> None:
    if is_allowed(address):
        assert address in ip_network("2000::/3")
        assert address.is_global


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" HTTPS://Example.COM ", "https://example.com/"),
        ("http://example.com:80/a b?c=d#e", ""),
        ("http://example.com:80/%20a?c=ü#e", "http://example.com/%20a?c=%C3%BC"),
        ("https://bücher.example:8443/x", "https://xn--bcher-kva.example:8443/x"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x"),
        ("https://u:p@example.com/", ""),
        ("ftp://example.com/", ""),
        ("javascript:alert(1)", ""),
        ("https:///x", ""),
        ("https://example.com:99999/", ""),
        ("https://example.com/\r\nHost: x", ""),
        ("https://example.com/" + "x" * 2000, ""),
        ("https://ex ample.com/", ""),
    ],
)
def test_only_plain_web_addresses_are_taken(typed: str, stored: str, settings: Settings) -> None:
    if stored:
        assert WEBHOOK.normalise(typed, settings) == stored
        assert WEBHOOK.normalise(stored, settings) == stored
        return
    with pytest.raises(Invalid) as refused:
        WEBHOOK.normalise(typed, settings)
    assert "address" in refused.value.fields


def test_a_damaged_secret_is_a_lasting_failure(open_settings: Settings, web: Web) -> None:
    assert send(open_settings, web.url, "whsec_%%%").permanent
    assert web.requests == []


def test_secrets_are_fresh_and_long() -> None:
    assert new_secret() != new_secret()
    assert len(base64.b64decode(new_secret().removeprefix("whsec_"))) == 32
