"""Web push: only the browser can read it, and the push service knows who sent it."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec

from app.channels import push, web_push
from app.channels.registry import channel
from app.channels.web_push import LONGEST, Keys, decode, encrypt
from app.clock import frozen
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Outcome
from app.vocabulary import DeliveryState
from tests.channels.helpers import Web, answer, letter, recipient
from tests.fake_push import CURVE, FakeBrowser, claims, new_browser, push_service

PUSH = channel("push")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = json.dumps({"title": "Acme: Investigating", "body": "Slöw"}).encode()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with push_service(monkeypatch) as running:
        running.answer = answer(201)
        yield running


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    return settings.with_changes(
        webhook_allowed_networks=(ip_network("127.0.0.0/8"),), mail_from="Acme <ops@acme.example>"
    )


def send(settings: Settings, service: Web, browser: FakeBrowser, count: int = 1, **changes: object) -> list[Outcome]:
    made = letter("push", payload=SAID, **{"message_id": "bcdfghjklmnp", **changes})
    people = [recipient(n + 1, f"{service.url}/send/{n}", secret=browser.keys) for n in range(count)]
    with frozen(NOON), closing(PUSH.open(settings)) as sender:
        return list(sender.send(made, people))


def test_the_arithmetic_of_this_test_is_that_of_the_standard() -> None:
    """RFC 8291, appendix A."""
    number = int.from_bytes(decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big")
    browser = FakeBrowser(ec.derive_private_key(number, CURVE), decode("BTBZMqHH6r4Tts7J_aSIgg"))
    body = decode(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert browser.read(body) == b"When I grow up, I want to be a watermelon"


def test_only_the_browser_can_read_it(service: Web, open_settings: Settings) -> None:
    browser = new_browser()
    assert [one.state for one in send(open_settings, service, browser)] == [DeliveryState.SENT]
    path, headers, body = service.requests[0]
    assert (path, headers["content-encoding"]) == ("/send/0", "aes128gcm")
    assert browser.read(body) == SAID
    with pytest.raises(InvalidTag):
        new_browser().read(body)
    assert b"Acme" not in body


def test_the_service_is_told_who_sends_and_how_long_to_keep_it(service: Web, open_settings: Settings) -> None:
    send(open_settings, service, new_browser(), valid_until=NOON + timedelta(minutes=20))
    _, headers, _ = service.requests[0]
    claimed = claims(headers["authorization"])
    assert (claimed["aud"], claimed["sub"]) == (service.url, "mailto:ops@acme.example")
    assert 0 < int(str(claimed["exp"])) - NOON.timestamp() <= 24 * 3600
    assert claimed["k"] == push.page_key(open_settings)
    assert (headers["ttl"], headers["urgency"], headers["topic"]) == ("1200", "high", "bcdfghjklmnp")


def test_one_connection_and_one_proof_carry_all(
    service: Web, open_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {one.state for one in send(open_settings, service, new_browser(), 10)} == {DeliveryState.SENT}
    assert len(service.connections) == 1
    assert len({headers["authorization"] for _, headers, _ in service.requests}) == 1
    assert len({body for _, _, body in service.requests}) == 10


@pytest.mark.parametrize(
    ("given_answer", "permanent", "disable", "retry_after"),
    [
        (answer(410), True, push.ENDED, None),
        (answer(404), True, push.ENDED, None),
        (answer(413), True, "", None),
        (answer(429, Retry_After="9"), False, "", 9),
        (answer(500), False, "", None),
        (answer(307, Location="http://169.254.169.254/"), False, "", None),
    ],
)
def test_what_the_service_answers_decides(
    service: Web,
    open_settings: Settings,
    given_answer: Callable[[BaseHTTPRequestHandler, bytes], None],
    permanent: bool,
    disable: str,
    retry_after: int | None,
) -> None:
    service.answer = given_answer
    (outcome,) = send(open_settings, service, new_browser())
    assert (outcome.state, outcome.permanent, outcome.disable, outcome.retry_after) == (
        DeliveryState.FAILED, permanent, disable, retry_after,
    )  # fmt: skip


def test_an_endpoint_inside_is_never_reached(service: Web, settings: Settings) -> None:
    (outcome,) = send(settings, service, new_browser())
    assert outcome.permanent
    assert "not public" in outcome.reason
    assert service.requests == []


@pytest.mark.parametrize("secret", ["", "x", "x.y", f"{'A' * 87}.{'A' * 22}"])
def test_damaged_keys_are_a_lasting_failure(service: Web, open_settings: Settings, secret: str) -> None:
    with closing(PUSH.open(open_settings)) as sender:
        (outcome,) = sender.send(letter("push", payload=SAID), [recipient(1, service.url, secret=secret)])
    assert outcome.permanent
    assert service.requests == []


def test_the_longest_message_fits_into_one_record() -> None:
    browser = new_browser()
    keys = Keys.read(browser.keys)
    body = encrypt(keys, b"x" * LONGEST)
    assert len(body) == 4096
    assert browser.read(body) == b"x" * LONGEST
    with pytest.raises(ValueError, match="too long"):
        encrypt(keys, b"x" * (LONGEST + 1))


def test_a_new_installation_has_a_key_of_its_own_and_keeps_it(settings: Settings) -> None:
    kept = settings.home / "vapid_key"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_text() == settings.vapid_key
    point = decode(push.page_key(settings))
    assert (len(point), point[0]) == (65, 4)
    assert web_push.public_key("A" * 42 + "E") != push.page_key(settings)


ENDPOINT = "https://push.example.com/send/abc"


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "http://push.example.com/x"}, {"endpoint": "https:///x"}, {"endpoint": "https://u:p@x.example/"},
        {"endpoint": "https://x.example/ü"}, {"endpoint": f"https://x.example/{'x' * 1000}"}, {"endpoint": None},
        {"endpoint": "https://[::1/"},
        {"endpoint": "https://127.0.0.1/x"}, {"endpoint": "https://[::ffff:7f00:1]/"},
        {"keys": None}, {"keys": {}}, {"keys": {"p256dh": "x", "auth": "y"}},
        {"keys": {"p256dh": ["x"], "auth": 7}}, {"keys": {"p256dh": "A" * 87, "auth": "A" * 22}},
    ],
)  # fmt: skip
def test_what_no_browser_sends_is_refused(settings: Settings, changes: dict[str, object]) -> None:
    with pytest.raises(Invalid, match="isn't a browser subscription"):
        push.subscription(json.dumps(new_browser().subscription(ENDPOINT) | changes), settings)


def test_what_a_browser_sends_is_taken(settings: Settings) -> None:
    browser = new_browser()
    taken = push.subscription(json.dumps(browser.subscription(ENDPOINT)), settings)
    assert taken == (ENDPOINT, browser.keys)
    assert PUSH.normalise(f" {ENDPOINT} ", settings) == ENDPOINT
