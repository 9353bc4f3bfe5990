"""Our own API takes what it describes and nothing else, and speaks to programs; Statuspage's address is lenient."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.actions.pages.pages import edit_page
from app.db import session
from app.models.post import Post
from app.settings import Settings
from tests.factories import ALICE, make_component
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
        ({"name": "x"}, 400, "incident is missing or isn't an object."),
        ({"incident": {"name": "x", "component_ids": ["nothere"]}}, 422, "exist on this page. Choose another"),
        ({"incident": {"name": "x", "status": "scheduled"}}, 422, "scheduled_for: Enter when the maintenance"),
        ({"incident": {"name": "x", "body": "See db1.corp.internal"}}, 422, "db1.corp.internal. To publish it anyway"),
    ],
)
def test_programs_are_told_what_they_can_act_on(ours: Script, page_id: int, body: Any, status: int, said: str) -> None:
    found, sentence = problem(ours, "POST", "/incidents", body)
    assert (found, said in sentence) == (status, True), sentence
    assert not {"form", "Reload", "reload", "Go"} & set(sentence.split())


def test_a_body_that_is_no_json_is_told_to_programs(ours: Script, page_id: int) -> None:
    options = {"data": b"{", "content_type": "application/json"}
    status, sentence = problem(ours, "POST", "/incidents", **options)
    assert (status, "isn't valid JSON" in sentence) == (400, True)


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


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scheduled_remind_prior", True), ("reminder_intervals", "[1, 5]"), ("reminder_intervals", 4),
        ("auto_transition_to_maintenance_state", False), ("auto_transition_to_operational_state", "false"),
        ("auto_transition_deliver_notifications_at_start", False),
    ],
)  # fmt: skip
def test_what_statuspage_does_and_candor_does_not_is_refused(script: Script, field: str, value: Any) -> None:
    """An answer of success would say that it is done."""
    window = {"scheduled_for": "2099-03-21T12:00:00Z", "scheduled_until": "2099-03-21T14:00:00Z"}
    body = {"incident": {"name": "Disks", **window, "scheduled_auto_in_progress": True, field: value}}
    status, sentence = script.refused("POST", "/incidents", body)
    assert (status, sentence.startswith(f"{field}: ")) == (422, True)
    assert posts() == 0


def test_what_candor_does_anyway_may_be_asked_for(script: Script) -> None:
    window = {"scheduled_for": "2099-03-21T12:00:00Z", "scheduled_until": "2099-03-21T14:00:00Z"}
    asked = {
        "scheduled_remind_prior": False, "reminder_intervals": "[]", "auto_transition_to_maintenance_state": True,
        "auto_transition_to_operational_state": "true", "auto_transition_deliver_notifications_at_start": True,
    }  # fmt: skip
    assert script.send("POST", "/incidents", {"incident": {"name": "Disks", **window, **asked}})["id"]
    assert posts() == 1


def test_the_text_of_old_clients_is_published(script: Script) -> None:
    made = script.send("POST", "/incidents", data={**FORM, "incident[message]": "We look into it."})
    assert made["incident_updates"][0]["body"] == "We look into it."
    more = script.send("PATCH", f"/incidents/{made['id']}", data={"incident[message]": "We found it."})
    assert more["incident_updates"][0]["body"] == "We found it."


def test_a_list_of_components_names_them_or_moves_them(script: Script, page_id: int) -> None:
    api, web = make_component(page_id, "API"), make_component(page_id, "Website")
    listed = [api, {"id": web, "status": "major_outage"}]
    made = script.send("POST", "/incidents", {"incident": {"name": "x", "components": listed}})
    assert {one["name"]: one["status"] for one in made["components"]} == {
        "API": "operational",
        "Website": "major_outage",
    }


def test_a_time_without_a_zone_is_refused_here_and_the_pages_there(
    script: Script, ours: Script, settings: Settings, page_id: int
) -> None:
    edit_page(settings, ALICE, page_id, time_zone="Europe/Berlin")
    window = {"scheduled_for": "2099-01-21T12:00:00", "scheduled_until": "2099-01-21T14:00:00"}
    body = {"incident": {"name": "Disks", **window}}
    status, sentence = problem(ours, "POST", "/incidents", body)
    assert (status, "no time zone" in sentence, "2026-08-21T00:37:20Z" in sentence) == (422, True, True)
    assert script.send("POST", "/incidents", body)["scheduled_for"] == "2099-01-21T12:00:00.000+01:00"


def test_an_empty_status_says_nothing_there_and_is_refused_here(script: Script, ours: Script) -> None:
    body = {"incident": {"name": "x", "status": ""}}
    assert problem(ours, "POST", "/incidents", body)[0] == 422
    assert script.send("POST", "/incidents", body)["status"] == "investigating"


def test_a_problem_names_every_field(ours: Script, page_id: int) -> None:
    body = {"incident": {"name": "", "impact_override": "huge", "deliver_notifications": "no"}}
    answer = ours.call("POST", "/incidents", body)
    assert answer.status_code == 422 and answer.json is not None
    assert set(answer.json["fields"]) == {"name", "impact_override", "deliver_notifications"}
    assert all(f"{name}: {sentence}" in answer.json["detail"] for name, sentence in answer.json["fields"].items())


@pytest.mark.parametrize("address", ["a\x07@example.com", "a@exam\u202eple.com"])
def test_an_address_is_never_cleaned_into_another(script: Script, page_id: int, address: str) -> None:
    for body in ({"email": address}, {"endpoint": f"https://example.com/{address}"}):
        status, sentence = script.refused("POST", "/subscribers", {"subscriber": body})
        assert (status, "control character" in sentence) == (422, True)
