"""`/api/openapi.json`: made of the routes and the models, and true of what is answered and published."""

import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from pydantic import TypeAdapter
from werkzeug.test import Client

from app import clock
from app.publish.statuspage_json import webhook_payload
from app.web.api import outputs
from app.web.api.openapi import PUBLISHED, described
from tests.factories import make_component, make_group
from tests.publish.test_calendar import NOON
from tests.web.api.conftest import Script

pytestmark = pytest.mark.database


@pytest.fixture
def ours(script: Script) -> Script:
    """A script at our own address."""
    return replace(script, root=f"/api{script.root}")


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_every_operation_says_what_it_takes_answers_and_refuses(app: Flask) -> None:
    document = app.test_client().get("/api/openapi.json").json
    assert document is not None and document["openapi"] == "3.1.0"
    found = operations(document)
    names = [one["operationId"] for _, _, one in found]
    assert len(names) == len(set(names)) > 60
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, one in found:
        where = f"{method} {path}"
        assert set(one["tags"]) <= tags and one["summary"] and one["description"], where
        assert all(parameter["description"] for parameter in one["parameters"]), where
        success = [code for code in one["responses"] if code.startswith("2")]
        assert len(success) == 1, where
        assert ("409" in one["responses"]) <= (method != "get"), where
        assert ("requestBody" in one) == ("413" in one["responses"]), where
        assert ("{" in path) == ("404" in one["responses"]), where
    read = document["paths"]["/api/v1/pages/{page_id}/components"]["get"]["responses"]
    assert set(read) == {"200", "400", "401", "404", "422", "429", "503"}, "only what it can answer"


def test_every_input_has_an_example_that_it_accepts_and_every_field_a_description() -> None:
    schemas = described("https://status.example.com", "1")["components"]["schemas"]
    inputs = {name: schema for name, schema in schemas.items() if name.endswith(("Input", "Change", "Draft"))}
    assert len(inputs) > 8
    for name, schema in inputs.items():
        assert schema["examples"] or name == "PersonInput", name
        for field, told in schema["properties"].items():
            assert told.get("description"), f"{name}.{field}"


def test_what_is_published_is_as_it_is_described(ours: Script, page_id: int, reader: Client) -> None:
    api = make_component(page_id, "API", group_id=make_group(page_id, "Europe"))
    with clock.frozen(NOON):
        window = {"scheduled_for": "2026-03-21T12:00:00Z", "scheduled_until": "2026-03-21T15:00:00Z"}
        ours.send("POST", "/incidents", {"incident": {"name": "Disks", **window, "component_ids": [api]}})
        down = {"name": "Down", "body": "We look.", "components": {api: "major_outage"}}
        made = ours.send("POST", "/incidents", {"incident": down})["id"]
    for path, (_, _, answer) in PUBLISHED.items():
        got = reader.get(path.replace("{incident_id}", made).replace("{component_id}", api))
        assert got.status_code == 200, path
        if isinstance(answer, str):
            assert got.mimetype == answer, path
        else:
            TypeAdapter(answer).validate_python(json.loads(got.data))


def test_a_webhooks_payload_is_as_it_is_described(ours: Script, page_id: int, reader: Client) -> None:
    made = ours.send("POST", "/incidents", {"incident": {"name": "Down", "body": "We look."}})["id"]
    document = json.loads(reader.get(f"/api/v2/incidents/{made}.json").data)["incident"]
    from app.db import session
    from app.publish.snapshot import read_page

    verdict = {"indicator": "none", "text": "All Systems Operational"}
    payload = webhook_payload(read_page(session(), page_id), verdict, document, clock.now(), "https://example.com/u")
    read = TypeAdapter(outputs.IncidentWebhookOutput).validate_python(payload)
    assert (read.incident.id, read.page.status_indicator) == (made, "none")
    assert read.meta.unsubscribe == "https://example.com/u"
