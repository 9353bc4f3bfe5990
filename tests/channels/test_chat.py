"""Chat: through apprise to a local server; the address is a secret and never shown."""

import json
import logging
from contextlib import closing

import pytest

from app.channels import slack
from app.channels.registry import channel
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Outcome
from app.vocabulary import DeliveryState
from tests.channels.helpers import Answer, Web, answer, letter, recipient

CHAT = channel("chat")


def send(settings: Settings, url: str, text: str = "It is slow: {{manage_url}}") -> Outcome:
    with closing(CHAT.open(settings)) as sender:
        (outcome,) = sender.send(letter("chat", text=text), [recipient(1, url)])
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


REFUSED = "Slack rejected the message"
BOT = "slack://xoxb-1234-5678-t0psecret/%23status"


@pytest.fixture
def fake_slack(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    monkeypatch.setattr(slack, "API", web.url)
    web.answer = answer(200, b'{"ok": true, "channel": "C024BE91L", "ts": "1405895017.000506"}')
    return web


def test_a_bot_says_where_its_message_is(fake_slack: Web, settings: Settings) -> None:
    outcome = send(settings, BOT, "**Slow & <odd>**\nIt is slow.")
    assert (outcome.state, outcome.provider_id) == (DeliveryState.SENT, "slack:C024BE91L:1405895017.000506")
    path, headers, body = fake_slack.requests[0]
    assert (path, headers["authorization"]) == ("/chat.postMessage", "Bearer xoxb-1234-5678-t0psecret")
    said = json.loads(body)
    assert (said["channel"], said["text"]) == ("#status", "*Slow &amp; &lt;odd&gt;*\nIt is slow.")


@pytest.mark.parametrize(
    ("given_answer", "reason", "retry_after"),
    [
        (answer(200, b'{"ok": false, "error": "not_in_channel"}'), f"{REFUSED}: not in channel", None),
        (answer(200, b'{"ok": false, "error": "xoxb-1234-5678-t0psecret"}'), f"{REFUSED}: unknown error", None),
        (answer(429, b"{}", Retry_After="30"), "Slack asked to slow down", 30),
        (answer(502, b"<html>"), "Slack answered 502", None),
    ],
)  # fmt: skip
def test_what_slack_says_never_shows_the_token(
    fake_slack: Web, settings: Settings, given_answer: Answer, reason: str, retry_after: int | None
) -> None:
    fake_slack.answer = given_answer
    outcome = send(settings, BOT)
    assert (outcome.state, outcome.reason, outcome.retry_after) == (DeliveryState.FAILED, reason, retry_after)


@pytest.mark.parametrize(
    ("url", "channel_name"),
    [
        (BOT, "#status"), ("slack://xoxb-1-2/status", "#status"), ("slack://Candor@xoxb-1-2/#status/", "#status"),
        ("slack://xoxb-1-2/+C024BE91L", "C024BE91L"), ("slack://xoxb-1-2/#a/#b", ""),
        ("slack://xoxb-1-2/#a?image=no", ""),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", ""), ("slack://xoxb-1-2/@jane", ""),
        ("discord://xoxb-1-2/status", ""),
    ],
)  # fmt: skip
def test_only_one_room_of_a_bot_is_spoken_to_without_apprise(url: str, channel_name: str) -> None:
    found = slack.room(url)
    assert (found.channel if found else "") == channel_name
    assert "t0psecret" not in repr(found)
