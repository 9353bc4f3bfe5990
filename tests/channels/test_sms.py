"""Texts: through apprise to a local server that answers as Twilio's documents say."""

import json
import logging
from dataclasses import replace
from io import StringIO
from urllib.parse import parse_qs

import pytest

from app.channels.registry import channel
from app.channels.sms import NOT_SENT
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Outcome
from app.vocabulary import ChannelName, DeliveryState
from tests.channels.helpers import Web, answer, letter, recipient

SMS = channel(ChannelName.SMS)
TOKEN = "b" * 32
NUMBER = "+14155552671"


@pytest.fixture
def twilio(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """The real plugin, the real requests, another host."""
    from apprise.plugins.twilio import NotifyTwilio

    monkeypatch.setattr(NotifyTwilio, "notify_sms_url", web.url + "/2010-04-01/Accounts/{sid}/Messages.json")
    web.answer = answer(201, json.dumps({"sid": "SM1", "status": "queued"}).encode())
    return web


@pytest.fixture
def configured(settings: Settings) -> Settings:
    return replace(settings, sms_url=f"twilio://AC{'a' * 32}:{TOKEN}@+15551230000")


def send(settings: Settings, text: str = "API is slow") -> Outcome:
    (outcome,) = SMS.open(settings).send(letter(ChannelName.SMS, text=text), [recipient(1, NUMBER)])
    return outcome


def refusal(status: int, code: int) -> bytes:
    return json.dumps({"code": code, "message": f"To {NUMBER} token {TOKEN}", "status": status}).encode()


def test_the_text_reaches_the_number_whole(twilio: Web, configured: Settings) -> None:
    assert send(configured, "Wörter & *more* \\n " + "x" * 300).state is DeliveryState.SENT
    path, _, body = twilio.requests[0]
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    assert path == f"/2010-04-01/Accounts/AC{'a' * 32}/Messages.json"
    assert (form["To"], form["From"]) == (NUMBER, "+15551230000")
    assert form["Body"] == "Wörter & *more* \\n " + "x" * 300


@pytest.mark.parametrize(
    ("status", "code", "permanent", "suppress"),
    [(400, 21610, True, True), (400, 21614, True, True), (429, 20429, False, False), (401, 20003, False, False)],
)
def test_twilios_codes_decide(
    twilio: Web, configured: Settings, status: int, code: int, permanent: bool, suppress: bool
) -> None:
    twilio.answer = answer(status, refusal(status, code), Retry_After="1")
    outcome = send(configured)
    assert (outcome.state, outcome.permanent, outcome.suppress) == (DeliveryState.FAILED, permanent, suppress)
    assert len(twilio.requests) == 1


def test_redirects_are_not_followed(twilio: Web, configured: Settings) -> None:
    twilio.answer = answer(307, Location=f"{twilio.url}/elsewhere")
    assert send(configured).state is DeliveryState.FAILED
    assert len(twilio.requests) == 1


def test_neither_token_nor_number_is_shown_or_logged(twilio: Web, configured: Settings) -> None:
    heard = StringIO()  # not caplog: it listens at silenced loggers too
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        twilio.answer = answer(400, refusal(400, 30001))
        shown = repr(send(configured)) + repr(send(replace(configured, sms_url=f"twilio://broken:{TOKEN}@x")))
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert TOKEN not in shown + heard.getvalue()
    assert NUMBER.lstrip("+") not in shown + heard.getvalue()
    assert "did not take the message (30001)" in shown


def test_without_a_provider_texts_are_kept_in_the_outbox(settings: Settings) -> None:
    assert send(settings, "Hello {{manage_url}}") == Outcome(1, DeliveryState.SKIPPED, NOT_SENT)
    (kept,) = (settings.outbox / "sms").glob("*.txt")
    assert kept.read_text().startswith(f"To: {NUMBER}\n\nHello http://localhost")


@pytest.mark.parametrize(("typed", "stored"), [("+1 (415) 555-2671", NUMBER), ("+49 30 901820", "+4930901820")])
def test_numbers_are_stored_in_one_way(typed: str, stored: str, settings: Settings) -> None:
    assert SMS.normalise(typed, settings) == stored


@pytest.mark.parametrize("typed", ["", "415 555 2671", "+1", "+1 415 555 2671 ext. 5", "x" * 100, "+1٤15"])
def test_what_is_not_a_number_is_refused(typed: str, settings: Settings) -> None:
    with pytest.raises(Invalid, match="not a phone number"):
        SMS.normalise(typed, settings)


def test_other_countries_are_refused_with_a_way_out(settings: Settings) -> None:
    with pytest.raises(Invalid, match="Subscribe by email instead"):
        SMS.normalise("+442079460958", settings)
