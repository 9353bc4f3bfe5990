"""Notices in the browser, from the click on the page to what the browser shows."""

import json
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.actions.posts.publishing import open_post
from app.actions.subscribers.subscriptions import TRIES_PER_IP
from app.channels.push import page_key
from app.db import session
from app.models.component import Component
from app.models.delivery import Delivery
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost
from app.settings import Settings
from app.vocabulary import DeliveryState
from app.worker.loop import drain
from tests.channels.helpers import Web, answer
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component
from tests.fake_push import FakeBrowser, new_browser, push_service
from tests.judge import Browser
from tests.web.people import browser

pytestmark = pytest.mark.database


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with push_service(monkeypatch) as running:
        running.answer = answer(201)
        yield running


@pytest.fixture
def pushing(app: Flask, settings: Settings) -> Settings:
    made = settings.with_changes(webhook_allowed_networks=(ip_network("127.0.0.0/8"),))
    app.config["SETTINGS"] = made
    return made


def tell(who: Browser, path: str, said: object, token: str | None = None) -> TestResponse:
    """What the page's script sends."""
    return who.client.post(path, json=said, headers={"X-CSRFToken": who.csrf if token is None else token})


def row() -> Subscriber:
    session().rollback()
    return session().scalars(select(Subscriber)).one()


def test_the_page_offers_it_to_a_script_and_asks_nothing_by_itself(
    app: Flask, settings: Settings, page_id: int
) -> None:
    text = browser(app).get("/subscribe").text
    assert '<section id="push" hidden' in text
    assert page_key(settings) in text
    assert "js/push.js" in text


def test_the_worker_may_speak_for_every_page(app: Flask, page_id: int) -> None:
    worker = app.test_client().get("/push-worker.js")
    assert (worker.status_code, worker.mimetype) == (200, "text/javascript")
    assert worker.headers["Service-Worker-Allowed"] == "/"
    assert worker.headers["Cache-Control"] == "no-cache"
    assert "showNotification" in worker.text


def test_a_click_subscribes_and_the_browser_can_read_what_comes(
    pushing: Settings, app: Flask, page_id: int, service: Web
) -> None:
    mine, who = new_browser(), browser(app)
    who.get("/subscribe")
    said = {"subscription": mine.subscription(f"{service.url}/send/1"), "components": []}
    assert tell(who, "/subscribe/push", said).status_code == 204
    assert (row().channel, row().state, row().domain) == ("push", "active", "127.0.0.1")
    post_id = open_post(pushing, LENA, page_id, draft()).post_id
    drain(pushing)
    (request,) = service.requests
    shown = json.loads(mine.read(request[2]))
    assert shown["title"] == "Acme Status: Investigating"
    assert shown["body"] == "Slow answers\nWe are looking into it."
    assert shown["url"].endswith(f"/incidents/{post_id}")
    assert request[1]["topic"] == post_id
    session().rollback()
    assert session().scalars(select(Delivery.state)).one() == DeliveryState.SENT


def test_only_chosen_components_are_heard_of(app: Flask, settings: Settings, page_id: int) -> None:
    api = make_component(page_id, "API")
    who = browser(app)
    who.get("/subscribe")
    said = {"subscription": new_browser().subscription("https://push.example.com/1"), "components": [api]}
    assert tell(who, "/subscribe/push", said).status_code == 204
    assert not row().everything
    chosen = session().scalars(
        select(Component.public_id).join(SubscriberComponent, SubscriberComponent.component_id == Component.id)
    )
    assert list(chosen) == [api]
    assert tell(who, "/subscribe/push", {**said, "components": []}).status_code == 204  # again, for everything
    assert row().everything


def test_a_browser_follows_one_post_and_keeps_what_it_chose(app: Flask, settings: Settings, page_id: int) -> None:
    api, who = make_component(page_id, "API"), browser(app)
    post_id = open_post(settings, LENA, page_id, draft()).post_id
    assert f"/subscribe?post={post_id}" not in who.get("/subscribe").text
    said = {"subscription": new_browser().subscription("https://push.example.com/1")}
    assert tell(who, "/subscribe/push", {**said, "post": post_id}).status_code == 204
    assert (row().state, row().everything) == ("active", False)
    assert session().scalars(select(SubscriberPost.confirmed)).all() == [True], "it asked its user itself"
    assert tell(who, "/subscribe/push", {**said, "components": [api]}).status_code == 204
    session().rollback()
    kept = [session().scalar(select(func.count()).select_from(t)) for t in (SubscriberPost, SubscriberComponent)]
    assert kept == [1, 1]
    assert tell(who, "/subscribe/push", {**said, "post": "nothere00000"}).status_code == 422


def test_a_browser_that_is_gone_is_not_sent_to_again(pushing: Settings, app: Flask, page_id: int, service: Web) -> None:
    who = browser(app)
    who.get("/subscribe")
    said = {"subscription": new_browser().subscription(f"{service.url}/send/1"), "components": []}
    tell(who, "/subscribe/push", said)
    service.answer = answer(410)
    open_post(pushing, LENA, page_id, draft())
    drain(pushing)
    assert (row().state, row().disabled_why) == ("unsubscribed", "the browser ended the subscription")
    open_post(pushing, LENA, page_id, draft("key-00000002"))
    drain(pushing)
    assert len(service.requests) == 1


def test_only_who_holds_the_keys_ends_it(app: Flask, settings: Settings, page_id: int) -> None:
    mine, who = new_browser(), browser(app)
    who.get("/subscribe")
    endpoint = "https://push.example.com/1"
    tell(who, "/subscribe/push", {"subscription": mine.subscription(endpoint), "components": []})
    stranger: FakeBrowser = new_browser()
    assert tell(who, "/unsubscribe/push", {"subscription": stranger.subscription(endpoint)}).status_code == 204
    assert row().state == "active"
    assert tell(who, "/unsubscribe/push", {"subscription": mine.subscription(endpoint)}).status_code == 204
    assert row().state == "unsubscribed"


@pytest.mark.parametrize(
    "said",
    [None, [], "x", {}, {"subscription": {}}, {"subscription": {"endpoint": "http://x.example", "keys": {}}},
     {"subscription": None, "components": "x"}],
)  # fmt: skip
def test_what_no_browser_sends_is_refused_in_words(app: Flask, page_id: int, said: object) -> None:
    who = browser(app)
    who.get("/subscribe")
    assert tell(who, "/subscribe/push", said).status_code == 422
    assert session().scalars(select(Subscriber)).all() == []


def test_another_site_can_not_subscribe_a_visitor(app: Flask, page_id: int) -> None:
    who = browser(app)
    said = {"subscription": new_browser().subscription("https://push.example.com/1"), "components": []}
    assert tell(who, "/subscribe/push", said, token="").status_code == 400


def test_limits_hold_here_too(app: Flask, page_id: int) -> None:
    who = browser(app)
    who.get("/subscribe")
    answers = [
        tell(who, "/subscribe/push", {"subscription": new_browser().subscription(f"https://push.example.com/{n}")})
        for n in range(TRIES_PER_IP + 1)
    ]
    assert [one.status_code for one in answers] == [204] * TRIES_PER_IP + [429]
