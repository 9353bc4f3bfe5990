"""Pages, components, groups, subscribers and templates by Statuspage's Manage API; and who may use it at all."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select, update
from werkzeug.test import Client

from app import clock
from app.actions.accounts.api_tokens import create_token, revoke_token
from app.db import db, session, transaction
from app.models.api_token import ApiToken
from app.models.component import Component
from app.models.delivery import Notice
from app.models.page import Page
from app.models.subscriber import Subscriber, Suppression
from app.settings import Settings
from app.states.subscribers import address_hash
from app.vocabulary import SubscriberState
from tests.factories import ALICE, make_component, make_page, make_subscriber
from tests.publish.test_calendar import NOON
from tests.web.api.conftest import Script
from tests.web.api.test_incidents import SCHEMAS, fits

pytestmark = pytest.mark.database
CONFIRMED = {"subscriber[skip_confirmation_notification]": "1"}


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def test_pages(script: Script, page_id: int, reader: Client) -> None:
    pages = Script(script.client, script.token, "/v1").get("/pages.json")
    assert [page["name"] for page in pages] == ["Acme Status"]
    assert script.root.endswith(pages[0]["id"])
    changed = script.send(
        "PATCH", ".json", {"page": {"name": "Novel Status", "time_zone": "Asia/Tokyo", "css_reds": "red"}}
    )
    assert (changed["name"], changed["time_zone"]) == ("Novel Status", "Asia/Tokyo")
    assert "Novel Status" in reader.get("/").text
    assert script.refused("PUT", "", {"page": {"time_zone": "Mars"}})[0] == 422
    sender = {"notifications_from_email": "Novel <status@novel.example>"}
    assert script.send("PATCH", "", {"page": sender})["notifications_from_email"] == "Novel <status@novel.example>"
    assert script.refused("PATCH", "", {"page": {"notifications_from_email": "nobody"}})[0] == 422


def test_a_component_from_beginning_to_end(script: Script, page_id: int, reader: Client) -> None:
    body = {
        "name": "API", "description": "All of it", "status": "degraded_performance", "showcase": False,
        "only_show_if_degraded": True, "start_date": "2025-03-01",
    }  # fmt: skip
    made = script.send("POST", "/components.json", {"component": body})
    fits(made, "Component")
    assert {name: made[name] for name in body} == body
    one = f"/components/{made['id']}"
    changed = script.send("PATCH", one, {"component": {"status": "major_outage"}})
    assert (changed["status"], changed["name"], changed["showcase"]) == ("major_outage", "API", False)
    assert "Major System Outage" in reader.get("/").text
    for wrong in (
        {"status": "broken"},
        {"name": ""},
        {"start_date": "soon"},
        {"group_id": "nothere"},
        {"showcase": {}},
    ):
        assert script.refused("PATCH", one, {"component": {**wrong, "description": "Changed"}})[0] in {404, 422}
        assert script.get(one)["description"] == "All of it", "nothing is half done"
    assert script.refused("POST", "/components", {"component": {"name": "api"}})[0] == 409
    assert script.call("DELETE", one).status_code == 204
    assert script.refused("GET", one)[0] == 404
    assert script.get("/components") == []


def test_groups(script: Script, page_id: int) -> None:
    first, second, third = (make_component(page_id, name) for name in ("One", "Two", "Three"))
    body = {"description": "Here", "component_group": {"name": "Europe", "components": [first, second]}}
    made = script.send("POST", "/component-groups", body)
    fits(made, "GroupComponent")
    assert (made["name"], made["description"], made["components"]) == ("Europe", "Here", [first, second])
    one = f"/component-groups/{made['id']}"
    changed = script.send("PUT", one, {"component_group": {"components": [third]}})
    assert (changed["name"], changed["components"]) == ("Europe", [third])
    assert script.get(f"/components/{first}")["group_id"] is None
    assert script.get(f"/components/{third}")["group_id"] == made["id"]
    assert (
        script.refused("POST", "/component-groups", {"component_group": {"name": "X", "components": ["no"]}})[0] == 422
    )
    assert [group["name"] for group in script.get("/component-groups")] == ["Europe"], "a refused one leaves nothing"
    assert script.send("DELETE", one)["id"] == made["id"]
    assert script.get("/component-groups") == [] and len(script.get("/components")) == 3


def test_people_are_added_asked_and_ended(script: Script, page_id: int) -> None:
    api = make_component(page_id)
    asked = script.send("POST", "/subscribers", {"subscriber": {"email": "Eve@Example.com", "component_ids": [api]}})
    assert set(asked) < set(SCHEMAS["Subscriber"]), "what belongs to other kinds is left out, as there"
    assert (asked["email"], asked["mode"], asked["components"]) == ("eve@example.com", "email", [api])
    assert count(Notice) == 1
    trusted = script.send(
        "POST", "/subscribers", {"subscriber": {"email": "bob@example.com", "skip_confirmation_notification": "true"}}
    )
    phone = script.send(
        "POST", "/subscribers", {"subscriber": {"phone_number": "020 7946 0018", "phone_country": "gb"}}
    )
    assert (phone["phone_number"], phone["phone_country"]) == ("+442079460018", "gb")
    assert count(Notice) == 2, "who is vouched for is not asked"
    assert script.get("/subscribers/count") == {
        "email": 1, "sms": 0, "webhook": 0, "integration_partner": 0, "slack": 0, "teams": 0,
    }  # fmt: skip
    assert script.get("/subscribers/histogram_by_state")["email"] == {
        "active": 1, "unconfirmed": 1, "quarantined": 0, "total": 2,
    }  # fmt: skip
    assert [one["id"] for one in script.get("/subscribers")] == [trusted["id"]]
    assert len(script.get("/subscribers?state=all")) == 3
    assert [one["id"] for one in script.get("/subscribers?state=all&q=EVE")] == [asked["id"]]
    assert [one["id"] for one in script.get("/subscribers?state=unconfirmed&type=sms")] == [phone["id"]]
    assert script.call("POST", f"/subscribers/{asked['id']}/resend_confirmation").status_code == 201
    assert script.call("POST", "/subscribers/resend_confirmation", {"subscribers": "all"}).status_code == 201
    assert count(Notice) == 5
    changed = script.send("PATCH", f"/subscribers/{trusted['id']}", {"component_ids": [api]})
    assert changed["components"] == [api]
    assert script.send("DELETE", f"/subscribers/{trusted['id']}")["id"] == trusted["id"]
    assert [one["id"] for one in script.get("/subscribers/unsubscribed")] == [trusted["id"]]
    ids = [asked["id"], phone["id"]]
    assert script.call("POST", "/subscribers/unsubscribe", {"subscribers": ids}).status_code == 201
    assert script.get("/subscribers?state=all") == []


def test_subscribers_are_counted_off_as_there_and_as_here(script: Script, page_id: int) -> None:
    ids = []
    for name in ("ann", "bob", "eve"):
        make_subscriber(page_id, f"{name}@example.com")
        ids.append(f"{name}@example.com")

    def found(root: str, query: str) -> list[str]:
        return [one["email"] for one in Script(script.client, script.token, root).get(f"/subscribers?{query}")]

    theirs, ours = script.root, f"/api{script.root}"
    assert [found(theirs, f"limit=2&page={page}") for page in (0, 1, 2)] == [ids[:2], ids[2:], []], "from 0, as there"
    assert [found(ours, f"per_page=2&page={page}") for page in (1, 2)] == [ids[:2], ids[2:]]
    for query in ("page=0", "per_page=0", "per_page=101"):
        assert Script(script.client, script.token, ours).call("GET", f"/subscribers?{query}").status_code == 422
    api = make_component(page_id)
    one = f"/subscribers/{script.get('/subscribers')[0]['id']}"
    assert script.send("PATCH", one, {"component_ids": [api]})["components"] == [api]
    assert script.send("PATCH", one, {})["components"] is None, "none named means all, as there"
    assert Script(script.client, script.token, ours).call("PATCH", one, {}).status_code == 422


@pytest.mark.parametrize(("number", "country"), [("2025550123", "us"), ("6135550123", "ca"), ("020 7946 0018", "gb")])
def test_the_country_of_a_phone_comes_back(script: Script, page_id: int, number: str, country: str) -> None:
    form = {"subscriber[phone_number]": number, "subscriber[phone_country]": country, **CONFIRMED}
    assert script.send("POST", "/subscribers", data=form)["phone_country"] == country
    assert script.get("/subscribers?state=all")[0]["phone_country"] == country
    assert script.refused("POST", "/subscribers", data=form)[0] == 409


def test_a_webhook_and_its_secret(script: Script, page_id: int) -> None:
    body = {"subscriber": {"endpoint": "https://1.1.1.1/hook", "email": "owner@example.com"}}
    made = script.send("POST", "/subscribers", body)
    assert (made["mode"], made["endpoint"], made["email"]) == ("webhook", "https://1.1.1.1/hook", "owner@example.com")
    session().rollback()
    secret = session().scalars(select(Subscriber.secret)).one()
    assert secret and secret not in str(script.get("/subscribers?type=webhook"))
    assert script.refused("POST", "/subscribers", {"subscriber": {"endpoint": "ftp://1.1.1.1/"}})[0] == 422
    assert script.refused("POST", "/subscribers", body)[0] == 409


def test_who_must_not_be_written_to_is_not_let_in_by_a_script(script: Script, settings: Settings, page_id: int) -> None:
    hashed = address_hash(settings, "email", "eve@example.com")
    with transaction() as writing:
        writing.add(Suppression(channel="email", address_hash=hashed, why="unsubscribed"))
    body = {"email": "eve@example.com", "skip_confirmation_notification": True}
    assert script.refused("POST", "/subscribers", {"subscriber": body})[0] == 422
    assert script.get("/subscribers?state=all") == []
    asked = {"subscriber": {"email": "eve@example.com"}}
    assert script.send("POST", "/subscribers", asked)["id"], "they may still be asked"


def test_the_quarantined_are_let_in_again(script: Script, page_id: int) -> None:
    make_subscriber(page_id, "eve@example.com", state=SubscriberState.QUARANTINED)
    (one,) = script.get("/subscribers?state=quarantined")
    assert one["quarantined_at"]
    assert script.call("POST", "/subscribers/reactivate", {"subscribers": [one["id"]]}).status_code == 201
    assert [found["id"] for found in script.get("/subscribers?state=active")] == [one["id"]]


@pytest.mark.parametrize(
    "body",
    [{}, {"subscriber": {}}, {"subscriber": {"email": "nonsense"}}, {"subscriber": {"phone_number": "12"}},
     {"subscriber": {"phone_number": "12", "phone_country": "XX"}}, {"subscriber": {"email": ["a@example.com"]}},
     {"subscriber": {"email": "a@example.com", "component_ids": ["nothere"]}}],
)  # fmt: skip
def test_a_subscriber_that_can_not_be_taken(script: Script, page_id: int, body: Any) -> None:
    assert script.refused("POST", "/subscribers", body)[0] in {400, 422}
    assert count(Subscriber) == 0


def test_templates(script: Script, page_id: int) -> None:
    api = make_component(page_id)
    body = {
        "name": "Network", "title": "Network trouble", "body": "We look.", "update_status": "identified",
        "should_send_notifications": False, "component_ids": [api],
    }  # fmt: skip
    made = script.send("POST", "/incident_templates", {"template": body})
    fits(made, "IncidentTemplate")
    assert script.get("/incident_templates") == [made]
    assert (made["update_status"], made["components"][0]["id"]) == ("identified", api)
    for wrong in ({"name": ""}, {"update_status": "x"}, {"component_ids": ["nothere"]}):
        assert script.refused("POST", "/incident_templates", {"template": {**body, **wrong}})[0] == 422


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "OAuth "}, {"Authorization": "OAuth candor_nonsense"}, {"Authorization": "Basic YTpi"},
     {"Authorization": "OAuth " + "x" * 5000}, {"Authorization": "OAuth candor_\u00ff\u00fe"}],
)  # fmt: skip
def test_without_a_token_there_is_nothing(app: Flask, script: Script, headers: dict[str, str]) -> None:
    for path in ("/v1/pages.json", f"{script.root}/incidents", f"{script.root}/subscribers"):
        answer = app.test_client().get(path, headers=headers)
        assert (answer.status_code, answer.json["error"]) == (401, answer.json["message"])  # type: ignore[index]
    assert app.test_client().post(f"{script.root}/incidents", headers=headers, json={}).status_code == 401


def test_a_token_may_stand_in_the_query_as_there(app: Flask, script: Script) -> None:
    assert app.test_client().get(f"/v1/pages.json?api_key={script.token}").status_code == 200
    answer = app.test_client().get("/v1/pages", headers={"Authorization": f"Bearer {script.token}"})
    assert answer.status_code == 200


def test_a_token_ends(app: Flask, page_id: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with clock.frozen(NOON):
        public_id, token = create_token(ALICE, name="one", scopes=["read"], days=2)
        _, second = create_token(ALICE, name="two", scopes=["read"])

    def ask() -> int:
        return app.test_client().get("/v1/pages", headers={"Authorization": f"OAuth {token}"}).status_code

    with clock.frozen(NOON + timedelta(days=1, hours=23)):
        assert ask() == 200
        session().rollback()
        row = session().scalars(select(ApiToken).where(ApiToken.public_id == public_id)).one()
        assert row.last_used_at == clock.now()
        assert token not in str(vars(row)) and row.begins == token[: len(row.begins)]
    with clock.frozen(NOON + timedelta(days=2)):
        assert ask() == 401
    with clock.frozen(NOON + timedelta(days=1)):
        revoke_token(ALICE, public_id)
        assert ask() == 401
        assert app.test_client().get("/v1/pages", headers={"Authorization": f"OAuth {second}"}).status_code == 200
    assert token not in caplog.text


def test_who_asks_too_often_waits(script: Script, page_id: int, settings: Settings) -> None:
    with clock.frozen(NOON):
        for _ in range(settings.api_requests_per_minute):
            assert script.call("GET", "/components").status_code == 200
        answer = script.call("GET", "/components")
    assert answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 60
    with clock.frozen(NOON + timedelta(minutes=1)):
        assert script.call("GET", "/components").status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/nothing", 404), ("DELETE", "/incidents", 405), ("POST", "/components/x", 405),
    ("GET", "/incidents/x", 404), ("GET", "/subscribers/%00", 404), ("PUT", "/incidents/x", 404),
])  # fmt: skip
def test_wrong_addresses_and_methods(script: Script, method: str, path: str, status: int) -> None:
    answer = script.call(method, path, {} if method in {"PUT", "POST"} else None)
    assert answer.status_code == status
    assert answer.json is not None and answer.json["error"] == answer.json["message"]


@pytest.mark.parametrize(
    ("scope", "path"), [("posts", "/subscribers"), ("read", "/subscribers/count"), ("components", "/subscribers")]
)
def test_people_are_shown_only_to_those_who_may_see_them(
    app: Flask, page_id: int, script_with: Callable[..., Script], scope: str, path: str
) -> None:
    assert script_with(scope).refused("GET", path)[0] == 403


def test_a_list_costs_the_same_queries_however_long_it_is(script: Script, page_id: int) -> None:
    def queries(path: str) -> int:
        seen: list[str] = []

        def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", listen)
        script.get(path)
        event.remove(db.engine, "before_cursor_execute", listen)
        return len(seen)

    paths = ("/incidents", "/components", "/component-groups", "/subscribers?state=all")
    script.get("/components")  # notes when the token was last used
    few = {path: queries(path) for path in paths}
    for number in range(4):
        api = make_component(page_id, f"Part {number}")
        script.send("POST", "/incidents", {"incident": {"name": "Slow", "body": "Text.", "component_ids": [api]}})
        script.send("POST", "/component-groups", {"component_group": {"name": f"Group {number}", "components": [api]}})
        script.send("POST", "/subscribers", {"subscriber": {"email": f"p{number}@example.com", "component_ids": [api]}})
    assert count(Component) == 4
    assert {path: queries(path) for path in paths} == few


def test_a_token_of_one_page_opens_no_other(app: Flask, page_id: int) -> None:
    other = make_page("Other", slug="other", public_id="otherpage123")
    _, token = create_token(ALICE, name="of one page", scopes=["admin"])
    with transaction() as writing:
        writing.execute(update(ApiToken).where(ApiToken.name == "of one page").values(page_id=page_id))
    public_id = session().get_one(Page, page_id).public_id
    script, client = Script(app.test_client(), token, f"/v1/pages/{public_id}"), app.test_client()
    assert script.get("/components") == []
    headers = {"Authorization": f"Bearer {token}"}
    assert [one["id"] for one in client.get("/api/v1/pages", headers=headers).json or []] == [public_id]
    for path in ("", "/components", "/incidents", "/subscribers", "/archive"):
        for root in ("/v1", "/api/v1"):
            assert client.get(f"{root}/pages/otherpage123{path}", headers=headers).status_code == 404, path
    body = {"component": {"name": "API"}}
    assert client.post("/api/v1/pages/otherpage123/components", headers=headers, json=body).status_code == 404
    session().rollback()
    assert session().scalar(select(func.count()).select_from(Component).where(Component.page_id == other)) == 0
