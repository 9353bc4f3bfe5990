"""A correction takes the place of the words that a room got."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.actions.posts.correcting import correct_update
from app.actions.posts.publishing import open_post
from app.channels import slack
from app.db import session
from app.deliver import chat_edits
from app.models.delivery import Delivery, DeliveryAttempt
from app.models.post import Update
from app.settings import Settings
from app.worker.loop import drain
from tests.channels.helpers import Web, answer, http_server
from tests.deliver.conftest import draft
from tests.factories import LENA, make_subscriber, only_page

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = answer(200, b'{"ok": true, "channel": "C024BE91L", "ts": "1405895017.000506"}')


@pytest.fixture
def fake_slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with http_server() as running:
        monkeypatch.setattr(slack, "API", running.url)
        running.answer = SAID
        yield running


@pytest.fixture
def published(app: Flask, settings: Settings, page_id: int, fake_slack: Web) -> str:
    """An update that a room got; its public id."""
    make_subscriber(page_id, "slack://xoxb-1-2/status", "chat")
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft())
        drain(settings)
    return session().scalars(select(Update.public_id)).one()


def look(settings: Settings, minutes: int) -> None:
    with clock.frozen(NOON + timedelta(minutes=minutes)):
        chat_edits.edit_corrected(settings)


def delivery() -> Delivery:
    session().rollback()
    return session().scalars(select(Delivery)).one()


def correct(settings: Settings, update_id: str, minutes: int) -> None:
    with clock.frozen(NOON + timedelta(minutes=minutes)):
        correct_update(settings, LENA, only_page(), update_id, "It is the cache.", 1)


def test_a_correction_is_put_in_place_once(settings: Settings, published: str, fake_slack: Web) -> None:
    look(settings, 1)
    assert [path for path, _, _ in fake_slack.requests] == ["/chat.postMessage"]
    correct(settings, published, 5)
    look(settings, 6)
    look(settings, 7)
    assert [path for path, _, _ in fake_slack.requests] == ["/chat.postMessage", "/chat.update"]
    said = json.loads(fake_slack.requests[1][2])
    assert (said["channel"], said["ts"]) == ("C024BE91L", "1405895017.000506")
    assert "It is the cache." in said["text"]
    assert delivery().reason == "edited after a correction"


def test_a_message_that_can_not_be_edited_says_so(settings: Settings, published: str, fake_slack: Web) -> None:
    correct(settings, published, 5)
    fake_slack.answer = answer(200, b'{"ok": false, "error": "edit_window_closed"}')
    look(settings, 6)
    look(settings, 7)
    assert len(fake_slack.requests) == 2
    assert (delivery().state, delivery().reason) == ("sent", "still shows the text before a correction")
    assert "edit window closed" in session().scalars(select(DeliveryAttempt.reason)).one()
