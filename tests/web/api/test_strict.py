"""Our own API takes what it describes and nothing else, and speaks to programs; Statuspage's address is lenient."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import session
from app.models.post import Post
from tests.factories import make_component
from tests.web.api.conftest import Script

pytestmark = pytest.mark.database
FORM = {"incident[name]": "x"}


@pytest.fixture
def ours(script: Script) -> Script:
    """A script at our own address."""
    return replace(script, root=f"/api{script.root}")


def problem(script: Script, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
    """The status and the sentence of a refusal, in the shape of RFC 9457."""
    answer = script.call(method, path, body, **options)
    assert answer.content_type == "application/problem+json", answer.text
    return answer.status_code, str(answer.json["detail"])  # type: ignore[index]


def posts() -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(Post)) or 0


@pytest.mark.parametrize(
    "sent",
    [{"data": FORM}, {"data": FORM, "content_type": "multipart/form-data"},
     {"data": b'{"incident": {"name": "x"}}', "content_type": "text/plain"}],
)  # fmt: skip
def test_our_own_address_takes_json_alone(ours: Script, page_id: int, sent: dict[str, Any]) -> None:
    status, sentence = problem(ours, "POST", "/incidents", **sent)
    assert (status, "application/json" in sentence) == (415, True)
    assert posts() == 0


def test_the_token_of_an_older_script_stands_in_its_form(app: Flask, script: Script, ours: Script) -> None:
    client = app.test_client()
    assert client.post(f"{script.root}/incidents", data={**FORM, "api_key": script.token}).status_code == 201
    assert client.post(f"{script.root}/incidents", data={**FORM, "api_key": "candor_wrong"}).status_code == 401
    assert client.post(f"{ours.root}/incidents", data={**FORM, "api_key": script.token}).status_code == 401
    assert posts() == 1


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"name": "x"}, 400, "incident is missing, or is not an object."),
        ({"incident": {"name": "x", "component_ids": ["nothere"]}}, 422, "is no longer there. Choose among those"),
        ({"incident": {"name": "x", "status": "scheduled"}}, 422, "scheduled_for is missing"),
        ({"incident": {"name": "x", "body": "See db1.corp.internal"}}, 422, "db1.corp.internal. If it is meant"),
    ],
)
def test_programs_are_told_what_they_can_act_on(ours: Script, page_id: int, body: Any, status: int, said: str) -> None:
    found, sentence = problem(ours, "POST", "/incidents", body)
    assert (found, said in sentence) == (status, True), sentence
    assert not {"form", "Reload", "reload", "Go"} & set(sentence.split())


def test_a_body_that_is_no_json_is_told_to_programs(ours: Script, page_id: int) -> None:
    options = {"data": b"{", "content_type": "application/json"}
    status, sentence = problem(ours, "POST", "/incidents", **options)
    assert (status, "is not JSON that can be read" in sentence) == (400, True)


def test_a_field_that_is_not_described_is_named_and_refused(app: Flask, ours: Script, page_id: int) -> None:
    """Every body that is described; at Statuspage's address fields that Candor has nothing of are passed over."""
    api = make_component(page_id)
    one = f"/incidents/{ours.send('POST', '/incidents', {'incident': {'name': 'a', 'body': 'x'}})['id']}"
    said = ours.get(one)["incident_updates"][0]["id"]
    group = ours.send("POST", "/component-groups", {"component_group": {"name": "EU", "components": [api]}})["id"]
    person = ours.send("POST", "/subscribers", {"subscriber": {"email": "eve@example.com"}})["id"]
    bodies: list[tuple[str, str, Any]] = [
        ("POST", "/incidents", {"incident": {"name": "a", "bogus": 1, "body": "x"}}),
        ("POST", "/incidents", {"incident": {"name": "a"}, "bogus": 1}),
        ("PATCH", one, {"incident": {"body": "b", "bogus": None}}),
        ("PATCH", f"{one}/incident_updates/{said}", {"incident_update": {"body": "b", "bogus": 1}}),
        ("PUT", f"{one}/postmortem", {"postmortem": {"body_draft": "b", "bogus": 1}}),
        ("PUT", f"{one}/postmortem/publish", {"postmortem": {"bogus": 1}}),
        ("POST", f"{one}/subscribers", {"subscriber": {"email": "a@example.com", "bogus": 1}}),
        ("POST", "/components", {"component": {"name": "b", "bogus": 1}}),
        ("PATCH", f"/components/{api}", {"component": {"bogus": 1}}),
        ("POST", "/component-groups", {"component_group": {"name": "b", "components": [api], "bogus": 1}}),
        ("PATCH", f"/component-groups/{group}", {"component_group": {"bogus": 1}}),
        ("POST", "/subscribers", {"subscriber": {"email": "a@example.com", "bogus": 1}}),
        ("PATCH", f"/subscribers/{person}", {"component_ids": [], "bogus": 1}),
        ("POST", "/subscribers/unsubscribe", {"subscribers": "all", "bogus": 1}),
        ("POST", "/subscribers/reactivate", {"subscribers": "all", "bogus": 1}),
        ("POST", "/subscribers/resend_confirmation", {"subscribers": "all", "bogus": 1}),
        ("POST", "/incident_templates", {"template": {"name": "a", "title": "b", "body": "c", "bogus": 1}}),
        ("PATCH", "", {"page": {"bogus": 1}}),
    ]
    for method, path, body in bodies:
        status, sentence = problem(ours, method, path, body)
        assert (status, "There is no field bogus in" in sentence) == (422, True), (path, sentence)
    assert posts() == 1
    theirs = replace(ours, root=ours.root.removeprefix("/api"))
    assert theirs.send("POST", "/incidents", {"incident": {"name": "a", "bogus": 1, "body": "x"}})["name"] == "a"


def test_everything_that_is_described_is_known(ours: Script, page_id: int) -> None:
    api = make_component(page_id)
    group = {"component_group": {"name": "EU", "components": [api], "description": "In"}, "description": "Beside"}
    assert ours.send("POST", "/component-groups", group)["description"] == "Beside"
    facts = {"name": "a", "metadata": {"mine": {"any": {"thing": 1}}}, "components": {api: "major_outage"}}
    assert ours.send("POST", "/incidents", {"incident": facts})["metadata"] == facts["metadata"]
    chosen = {"subscribers": "all", "type": "email", "state": "active"}
    assert ours.call("POST", "/subscribers/unsubscribe", chosen).status_code == 201
