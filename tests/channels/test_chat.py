"""Chat: through apprise to a local server; the address is a secret and never shown."""

import json
import logging

import pytest

from app.channels.registry import channel
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Outcome
from app.vocabulary import ChannelName, DeliveryState
from tests.channels.helpers import Web, answer, letter, recipient

CHAT = channel(ChannelName.CHAT)


def send(settings: Settings, url: str) -> Outcome:
    (outcome,) = CHAT.open(settings).send(
        letter(ChannelName.CHAT, text="It is slow: {{manage_url}}"), [recipient(1, url)]
    )
    return outcome


def test_the_words_arrive(settings: Settings, web: Web) -> None:
    assert send(settings, f"json://127.0.0.1:{web.port}/room").state is DeliveryState.SENT
    body = json.loads(web.requests[0][2])
    assert body["title"] == "API is slow"
    assert body["message"].startswith("It is slow: http://localhost:8000/manage/")


@pytest.mark.parametrize("status", [302, 404, 429, 500])
def test_a_failure_never_shows_the_address(
    status: int, settings: Settings, web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    web.answer = answer(status, b"t0psecret", Location=f"{web.url}/elsewhere")
    outcome = send(settings, f"json://user:t0psecret@127.0.0.1:{web.port}/t0psecret")
    assert (outcome.state, outcome.permanent) == (DeliveryState.FAILED, False)
    assert "t0psecret" not in repr(outcome) + caplog.text
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "typed",
    [
        "", "hello", "nothing://x", "file:///etc/passwd", "syslog://", "dbus://", "gnome://",
        "windows://", "macosx://", "exec://ls",
        "mailto://u:p@example.com", "mailtos://u:p@example.com", "MAILTO://u:p@example.com",
        "json://h/\r\nx", "json://[",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?template=/etc/passwd",
        "json://host/?x=file:///etc/passwd",
    ],
)  # fmt: skip
def test_what_acts_on_this_machine_or_is_not_chat_is_refused(typed: str, settings: Settings) -> None:
    with pytest.raises(Invalid) as refused:
        CHAT.normalise(typed, settings)
    assert "address" in refused.value.fields
    assert typed == "" or typed not in refused.value.sentence


def test_an_address_gone_bad_is_a_lasting_failure(settings: Settings) -> None:
    assert send(settings, "file:///etc/passwd").permanent
