"""Texts: through our own sender to a Twilio that behaves as its documents say, and through apprise to others."""

import base64
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest

from app import twilio_account
from app.channels import pinned_http, twilio
from app.channels.registry import channel
from app.channels.sms import NOT_SENT
from app.clock import frozen
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Outcome
from app.vocabulary import DeliveryState
from tests.channels.helpers import Web, answer, letter, recipient
from tests.fake_twilio import SENDER, SID, TOKEN, URL, Answered, FakeTwilio, fake_twilio, refuse

SMS = channel("sms")
NUMBER = "+14155552671"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def fake() -> Iterator[FakeTwilio]:
    with fake_twilio() as running:
        yield running


@pytest.fixture
def configured(settings: Settings, fake: FakeTwilio) -> Settings:
    return settings.with_changes(sms_url=URL, twilio_api=fake.url, base_url="https://status.example.com")


def send(settings: Settings, text: str = "API is slow", **changes: object) -> Outcome:
    made = letter("sms", text=text, **changes)
    with frozen(NOON), closing(SMS.open(settings)) as sender:
        (outcome,) = sender.send(made, [recipient(1, NUMBER)])
    return outcome


def test_the_text_reaches_the_number_whole(fake: FakeTwilio, configured: Settings) -> None:
    words = "Wörter & *more* \\n +1 100% " + "x" * 300
    outcome = send(configured, words)
    assert outcome == Outcome(1, DeliveryState.SENT, provider_id=fake.messages[0]["sid"])
    (form,) = fake.asked
    assert (form["To"], form["From"], form["Body"]) == (NUMBER, SENDER, words)
    assert fake.logins == {"Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()}


def test_one_connection_carries_all(fake: FakeTwilio, configured: Settings) -> None:
    with closing(SMS.open(configured)) as sender:
        outcomes = list(sender.send(letter("sms"), [recipient(number, NUMBER) for number in range(20)]))
    assert {one.state for one in outcomes} == {DeliveryState.SENT}
    assert (len(fake.asked), len(fake.connections)) == (20, 1)


@pytest.mark.parametrize(
    ("until", "seconds"),
    [(None, 1800), (timedelta(minutes=20), 1200), (timedelta(hours=3), 1800), (timedelta(seconds=5), 60),
     (timedelta(minutes=-1), 1800)],
)  # fmt: skip
def test_a_text_that_is_held_back_is_dropped_before_it_is_stale(
    fake: FakeTwilio, configured: Settings, until: timedelta | None, seconds: int
) -> None:
    send(configured, valid_until=NOON + until if until is not None else None)
    assert fake.asked[0]["ValidityPeriod"] == str(seconds)


def test_the_callback_names_the_delivery_so_that_nobody_else_can(fake: FakeTwilio, configured: Settings) -> None:
    send(configured)
    callback = fake.asked[0]["StatusCallback"]
    assert callback.startswith("https://status.example.com/hooks/twilio/status?d=d1.")
    told = callback.rpartition("=")[2]
    assert twilio_account.referred(configured, told) == ("d", 1)
    assert twilio_account.referred(configured, "d2" + told[2:]) is None
    assert twilio_account.referred(configured, told + "ü") is None
    assert twilio_account.referred(configured.with_changes(secret_key="z" * 40), told) is None


@pytest.mark.parametrize(
    "base_url", ["http://localhost:8000", "http://10.0.0.7", "http://status", "http://a_b.example"]
)
def test_a_callback_that_twilio_can_not_reach_is_not_asked_for(
    fake: FakeTwilio, configured: Settings, base_url: str
) -> None:
    """Twilio refuses the whole text otherwise (21609)."""
    send(configured.with_changes(base_url=base_url))
    assert "StatusCallback" not in fake.asked[0]


@pytest.mark.parametrize(
    ("answered", "permanent", "disable", "retry_after"),
    [
        (refuse(400, 21610), True, twilio.STOPPED, None),
        (refuse(400, 21614), True, twilio.NOT_A_MOBILE, None),
        (refuse(400, 21408), True, "", None),
        (refuse(429, 20429, "7"), False, "", 7),
        (refuse(503, 0, "9"), False, "", 9),
        (refuse(401, 20003), False, "", None),
        (refuse(307), False, "", None),
    ],
)
def test_what_twilio_answers_decides(
    fake: FakeTwilio, configured: Settings, answered: Answered, permanent: bool, disable: str, retry_after: int | None
) -> None:
    fake.behave = lambda _form: answered
    outcome = send(configured)
    assert (outcome.state, outcome.permanent, outcome.disable, outcome.retry_after, outcome.status) == (
        DeliveryState.FAILED, permanent, disable, retry_after, answered.status,
    )  # fmt: skip
    assert len(fake.asked) == 1


@pytest.mark.parametrize("answered", [Answered(says=False), refuse(500), refuse(502)])
def test_what_may_have_been_taken_is_unknown_and_not_sent_again(
    fake: FakeTwilio, configured: Settings, answered: Answered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinned_http, "TOTAL_SECONDS", 0.3)
    fake.behave = lambda form: Answered() if form["Body"] == "first" else answered
    with closing(SMS.open(configured)) as sender:
        list(sender.send(letter("sms", text="first"), [recipient(1, NUMBER)]))
        (outcome,) = sender.send(letter("sms"), [recipient(2, NUMBER)])  # over a warm connection
    assert (outcome.state, outcome.provider_id) == (DeliveryState.UNKNOWN, "")
    assert "unknown whether accepted" in outcome.reason
    assert len(fake.asked) == 2


def test_a_twilio_that_is_not_there_was_not_asked(configured: Settings) -> None:
    outcome = send(configured.with_changes(twilio_api="http://127.0.0.1:9"))
    assert (outcome.state, outcome.permanent) == (DeliveryState.FAILED, False)
    assert outcome.reason == "the connection to the SMS provider failed"


@pytest.mark.parametrize(
    ("url", "sender", "field"),
    [
        (f"twilio://{SID}:{TOKEN}@15551230000", "+15551230000", "From"),
        (f"twilio://{SID}:{TOKEN}@12345", "12345", "From"),
        (f"twilio://{SID}:{TOKEN}@Acme%20Status", "Acme Status", "From"),
        (f"twilio://{SID}:{TOKEN}@MG{'c' * 32}", f"MG{'c' * 32}", "MessagingServiceSid"),
    ],
)
def test_the_sender_is_a_number_a_name_or_a_service(
    fake: FakeTwilio, configured: Settings, url: str, sender: str, field: str
) -> None:
    send(configured.with_changes(sms_url=url))
    assert fake.asked[0][field] == sender


def test_an_api_key_signs_in_and_does_not_sign_callbacks(fake: FakeTwilio, configured: Settings) -> None:
    keyed = configured.with_changes(sms_url=f"{URL}?apikey=SK123")
    assert send(keyed).state is DeliveryState.SENT
    assert fake.logins == {"Basic " + base64.b64encode(f"SK123:{TOKEN}".encode()).decode()}
    assert [twilio_account.auth_token(one) for one in (configured, keyed)] == [TOKEN, ""]
    assert twilio_account.auth_token(keyed.with_changes(twilio_auth_token="t")) == "t"


@pytest.mark.parametrize(
    "url", [f"twilio://broken:{TOKEN}@x", f"twilio://{SID}@x", f"twilio://{SID}:{TOKEN}@", "twilio://"]
)
def test_an_address_that_is_none_sends_nothing_and_says_so(fake: FakeTwilio, configured: Settings, url: str) -> None:
    outcome = send(configured.with_changes(sms_url=url))
    assert (outcome.state, outcome.reason) == (DeliveryState.FAILED, twilio.NOT_AN_ADDRESS)
    assert fake.asked == []


def test_a_country_that_was_taken_off_the_list_is_not_sent_to(fake: FakeTwilio, configured: Settings) -> None:
    outcome = send(configured.with_changes(sms_countries=("DE",)))
    assert (outcome.state, outcome.reason) == (DeliveryState.SKIPPED, "text messages aren't sent to that country")
    assert fake.asked == []


def test_neither_token_nor_number_is_shown_or_logged(fake: FakeTwilio, configured: Settings) -> None:
    heard = StringIO()  # not caplog: it listens at silenced loggers too
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        fake.behave = lambda _form: refuse(400, 30001)
        shown = repr(send(configured)) + repr(send(configured.with_changes(sms_url=f"twilio://broken:{TOKEN}@x")))
        shown += repr(twilio_account.account(configured.sms_url))
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert TOKEN not in shown + heard.getvalue()
    assert NUMBER.lstrip("+") not in shown + heard.getvalue()
    assert "rejected the message (30001)" in shown


@pytest.mark.parametrize(("status", "state"), [(200, DeliveryState.SENT), (500, DeliveryState.FAILED)])
def test_other_providers_are_reached_through_apprise(
    settings: Settings, web: Web, status: int, state: DeliveryState
) -> None:
    web.answer = answer(status)
    outcome = send(settings.with_changes(sms_url=f"json://127.0.0.1:{web.port}?x=1"))
    assert outcome.state is state
    assert web.requests[0][0].startswith(f"/{NUMBER}") or NUMBER.strip("+") in web.requests[0][0]


def test_without_a_provider_texts_are_kept_in_the_outbox(settings: Settings) -> None:
    assert send(settings, "Hello {{manage_url}}") == Outcome(1, DeliveryState.SKIPPED, NOT_SENT)
    (kept,) = (settings.outbox / "sms").glob("*.txt")
    assert kept.read_text().startswith(f"To: {NUMBER}\n\nHello http://localhost")


@pytest.mark.parametrize(("typed", "stored"), [("+1 (415) 555-2671", NUMBER), ("+49 30 901820", "+4930901820")])
def test_numbers_are_stored_in_one_way(typed: str, stored: str, settings: Settings) -> None:
    assert SMS.normalise(typed, settings) == stored


@pytest.mark.parametrize("typed", ["", "415 555 2671", "+1", "+1 415 555 2671 ext. 5", "x" * 100, "+1٤15"])
def test_what_is_not_a_number_is_refused(typed: str, settings: Settings) -> None:
    with pytest.raises(Invalid, match="valid phone number"):
        SMS.normalise(typed, settings)


def test_other_countries_are_refused_with_a_way_out(settings: Settings) -> None:
    with pytest.raises(Invalid, match="Subscribe by email instead"):
        SMS.normalise("+442079460958", settings)
