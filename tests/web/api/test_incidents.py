"""Incidents and maintenance by Statuspage's Manage API: what scripts do with them, and what is refused."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import Client

from app import clock
from app.db import session
from app.models.audit import AuditEntry
from app.models.component import ComponentChange
from app.models.delivery import Dispatch
from app.models.page import Page
from app.models.post import Post, PostComponent, Update
from app.settings import Settings
from tests.factories import make_component, make_page
from tests.publish.test_calendar import NOON
from tests.web.api.conftest import Script

pytestmark = pytest.mark.database
SCHEMAS = json.loads(
    (Path(__file__).parent.parent.parent / "data" / "statuspage" / "openapi" / "schemas.json").read_text()
)
HOUR = timedelta(hours=1)


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def fits(document: dict[str, Any], schema: str) -> None:
    """Every key that Statuspage's own document names is there."""
    assert set(SCHEMAS[schema]) <= set(document), set(SCHEMAS[schema]) - set(document)


def test_an_outage_from_the_first_word_to_the_last(script: Script, page_id: int, reader: Client) -> None:
    api, web = make_component(page_id, "API"), make_component(page_id, "Website")
    made = script.send(
        "POST", "/incidents.json",
        {"incident": {
            "name": "Slow answers", "status": "investigating", "body": "We **look** into it.",
            "impact_override": "major",
            "components": {api: "partial_outage"}, "component_ids": [api, web], "metadata": {"jira": {"key": "OPS-1"}},
        }},
    )  # fmt: skip
    fits(made, "Incident")
    fits(made["incident_updates"][0], "IncidentUpdate")
    assert (made["name"], made["status"], made["impact"]) == ("Slow answers", "investigating", "major")
    assert [(one["id"], one["status"]) for one in made["components"]] == [(api, "partial_outage"), (web, "operational")]
    assert made["metadata"] == {"jira": {"key": "OPS-1"}}
    assert "We <strong>look</strong> into it." in reader.get("/").text
    one = f"/incidents/{made['id']}"
    found = script.send("PATCH", one, {"incident": {"status": "identified", "body": "Found."}})
    assert [update["status"] for update in found["incident_updates"]] == ["identified", "investigating"]
    over = script.send("PUT", f"{one}.json", {"incident": {"status": "resolved", "components": {api: "operational"}}})
    assert over["resolved_at"] and over["incident_updates"][0]["body"] == "This incident has been resolved."
    assert json.loads(reader.get("/api/v2/status.json").data)["status"]["indicator"] == "none"
    assert script.get("/incidents/unresolved") == []
    assert [one["id"] for one in script.get("/incidents")] == [made["id"]]
    assert count(Dispatch) == 3, "each of them goes through the ledger"
    assert {row for row in session().scalars(select(AuditEntry.actor)) if row.startswith("token")} == {
        "token script admin"
    }


def test_a_form_says_the_same_as_json(script: Script, page_id: int) -> None:
    api = make_component(page_id)
    made = script.send(
        "POST", "/incidents.json",
        data={
            "incident[name]": "Slow", "incident[status]": "identified", "incident[body]": "Text.",
            f"incident[components][{api}]": "major_outage", "incident[component_ids][]": [api],
            "incident[deliver_notifications]": "false",
        },
    )  # fmt: skip
    assert (made["status"], made["impact"], made["components"][0]["status"]) == (
        "identified",
        "critical",
        "major_outage",
    )
    assert count(Dispatch) == 0


def test_planned_work(script: Script, page_id: int, reader: Client) -> None:
    api = make_component(page_id)
    with clock.frozen(NOON):
        made = script.send(
            "POST", "/incidents",
            {"incident": {
                "name": "New disks",
                "scheduled_for": "2026-03-21T12:00:00Z", "scheduled_until": "2026-03-21T15:00:00+01:00",
                "component_ids": [api], "scheduled_auto_in_progress": True, "scheduled_auto_completed": True,
            }},
        )  # fmt: skip
        one = f"/incidents/{made['id']}"
        assert (made["status"], made["impact"]) == ("scheduled", "maintenance")
        assert made["scheduled_until"] == "2026-03-21T14:00:00.000Z"
        assert made["scheduled_auto_in_progress"] is made["scheduled_auto_completed"] is True
        assert [x["id"] for x in script.get("/incidents/upcoming")] == [made["id"]]
        moved = script.send("PATCH", one, {"incident": {"scheduled_until": "2026-03-21T16:00:00Z"}})
        assert moved["scheduled_until"] == "2026-03-21T16:00:00.000Z" and len(moved["incident_updates"]) == 1
        assert script.refused("PATCH", one, {"incident": {"scheduled_until": "2026-03-21T11:00:00Z"}})[0] == 422
        begun = script.send("PATCH", one, {"incident": {"status": "in_progress"}})
        assert begun["components"][0]["status"] == "under_maintenance"
        assert [x["id"] for x in script.get("/incidents/active_maintenance")] == [made["id"]]
        assert [x["id"] for x in script.get("/incidents/scheduled")] == [made["id"]]
        assert script.send("DELETE", one)["id"] == made["id"], "what has begun is withdrawn"
        assert script.refused("GET", one)[0] == 404
        assert script.get("/incidents/active_maintenance") == []
        other = {"name": "X", "scheduled_for": "2026-03-22T12:00:00Z", "scheduled_until": "2026-03-22T13:00:00Z"}
        second = script.send("POST", "/incidents", {"incident": other})
        assert script.send("DELETE", f"/incidents/{second['id']}")["id"] == second["id"]
        assert script.get("/incidents/upcoming") == []
    assert "was canceled" in reader.get(f"/incidents/{second['id']}").text


def test_what_is_written_down_later_stands_in_its_past(script: Script, page_id: int, reader: Client) -> None:
    body = {"name": "Long ago", "backfilled": True, "backfill_date": "2026-01-15", "body": "It was over in an hour."}
    with clock.frozen(NOON):
        made = script.send("POST", "/incidents", {"incident": body})
        assert (made["status"], made["backfilled"]) == ("resolved", True)
        assert made["created_at"] == made["resolved_at"] == "2026-01-15T00:00:00.000Z"
        assert "Long ago" in reader.get("/history/2026-01").text
        for change in ({"backfill_date": "2027-01-01"}, {"status": "investigating"}, {"backfill_date": None}):
            assert script.refused("POST", "/incidents", {"incident": {**body, **change}})[0] == 422
    assert count(Dispatch) == 0


def test_what_is_written_down_later_names_components_and_leaves_them(
    script: Script, page_id: int, reader: Client
) -> None:
    api, web = (make_component(page_id, name) for name in ("API", "Website"))
    body = {"name": "Long ago", "backfilled": True, "backfill_date": "2026-01-15", "body": "It was over in an hour."}
    with clock.frozen(NOON):
        named = {"component_ids": [api], "components": {web: "major_outage"}}
        made = script.send("POST", "/incidents", {"incident": {**body, **named}})
        assert [(one["id"], one["status"]) for one in made["components"]] == [
            (api, "operational"),
            (web, "operational"),
        ]
        assert made["incident_updates"][0]["affected_components"] is None
        assert json.loads(reader.get("/api/v2/status.json").data)["status"]["indicator"] == "none"
        assert script.refused("POST", "/incidents", {"incident": {**body, "component_ids": ["nothere"]}})[0] == 422
    assert count(ComponentChange) == 0


def test_component_ids_are_all_that_an_incident_is_about(script: Script, page_id: int, reader: Client) -> None:
    api, web, old = (make_component(page_id, name) for name in ("API", "Website", "Old"))
    body = {"name": "Slow", "body": "Text.", "components": {api: "major_outage"}, "component_ids": [api, old]}
    one = f"/incidents/{script.send('POST', '/incidents', {'incident': body})['id']}"
    script.call("DELETE", f"/components/{old}")

    def about(change: dict[str, Any]) -> list[str]:
        return [part["name"] for part in script.send("PATCH", one, {"incident": change})["components"]]

    assert about({"component_ids": [web]}) == ["Website"]
    assert "Slow" in reader.get(f"/components/{web}/feed.atom").text
    assert "Slow" not in reader.get(f"/components/{api}/feed.atom").text
    assert about({"component_ids": []}) == []
    assert count(Update) == count(Dispatch) == 1, "it says nothing by itself"
    assert about({"body": "More.", "component_ids": [web], "components": {api: "operational"}}) == ["API", "Website"]
    assert about({"body": "Still more."}) == ["API", "Website"]
    assert script.refused("PATCH", one, {"incident": {"component_ids": ["nothere"]}})[0] == 422
    answer = script.call("PATCH", one, data={"incident[component_ids][]": ""})
    assert answer.json is not None and answer.json["components"] == []
    session().rollback()
    assert session().scalar(select(func.count()).select_from(PostComponent)) == 1, "what was put away stays"


def test_a_postmortem_is_drafted_and_published(script: Script, page_id: int, reader: Client) -> None:
    made = script.send("POST", "/incidents", {"incident": {"name": "Slow", "body": "Text."}})
    one = f"/incidents/{made['id']}"
    draft = {"postmortem": {"body_draft": "## What we learned"}}
    assert script.refused("PUT", f"{one}/postmortem", draft)[0] == 422, "it is still open"
    script.send("PATCH", one, {"incident": {"status": "resolved"}})
    assert script.refused("GET", f"{one}/postmortem")[0] == 404
    fits(script.send("PUT", f"{one}/postmortem", draft), "Postmortem")
    assert "What we learned" not in reader.get(one).text
    told = script.send("PUT", f"{one}/postmortem/publish", {"postmortem": {"notify_subscribers": False}})
    assert (told["body"], told["body_draft"]) == ("## What we learned", None)
    assert "What we learned" in reader.get(one).text
    assert script.get(one)["postmortem_body"] == "## What we learned"
    assert script.refused("PUT", f"{one}/postmortem/revert")[0] == 422
    assert script.refused("DELETE", f"{one}/postmortem")[0] == 409


def test_a_correction_is_seen(script: Script, page_id: int, reader: Client) -> None:
    made = script.send("POST", "/incidents", {"incident": {"name": "Slow", "body": "Teh text."}})
    update = f"/incidents/{made['id']}/incident_updates/{made['incident_updates'][0]['id']}"
    assert script.send("PATCH", update, {"incident_update": {"body": "The text."}})["body"] == "The text."
    assert "Corrected at" in reader.get(f"/incidents/{made['id']}").text
    assert (
        script.refused("PATCH", "/incidents/nothere/incident_updates/x", {"incident_update": {"body": "x"}})[0] == 404
    )


def test_the_same_key_opens_one_incident(script: Script, page_id: int) -> None:
    body = {"incident": {"name": "Slow", "body": "Text."}}
    ids = {script.send("POST", "/incidents", body, headers={"Idempotency-Key": "abc-1"})["id"] for _ in range(3)}
    assert (len(ids), count(Post), count(Update)) == (1, 1, 1)


def test_what_looks_internal_is_asked_about(script: Script, page_id: int) -> None:
    body = {"name": "Slow", "body": "See https://grafana.internal/d/1 with password=hunter2hunter2"}
    status, sentence = script.refused("POST", "/incidents", {"incident": body})
    assert status == 422 and "acknowledged" in sentence
    assert count(Post) == 0
    assert script.send("POST", "/incidents", {"incident": {**body, "acknowledged": True}})["name"] == "Slow"


def test_lists_come_in_parts_and_are_searched(script: Script, page_id: int) -> None:
    with clock.frozen(NOON):
        for number in range(5):
            body = {"name": f"Trouble {number}", "body": f"About 100% of {number}.", "deliver_notifications": False}
            script.send("POST", "/incidents", {"incident": body})

    def names(query: str) -> list[str]:
        return [one["name"] for one in script.get(f"/incidents?{query}")]

    assert names("limit=2") == ["Trouble 4", "Trouble 3"]
    assert names("limit=2&page=3") == ["Trouble 0"]
    assert names("q=trouble 3") == ["Trouble 3"]
    assert names("q=100%25") == [f"Trouble {number}" for number in (4, 3, 2, 1, 0)]
    assert names("q=100_") == []
    assert names("page=0&limit=2") == names("page=1&limit=2"), "scripts that count from 0 get the first, as there"
    assert len(names("limit=0")) == len(names("per_page=1000")) == 5, "as there, 100 is the default and the most"
    assert len(names("q=investigat")) == 5, "by their status too"
    for query in ("limit=x", "page=-1", "per_page=-1", "limit=-1", "page=99999999999"):
        assert script.refused("GET", f"/incidents?{query}")[0] == 422


BAD = [
    {}, {"incident": None}, {"incident": []}, {"incident": {"name": ""}}, {"incident": {"name": ["x"]}},
    {"incident": {"name": "x" * 5000}}, {"incident": {"name": "x", "status": "nonsense"}},
    {"incident": {"name": "x", "status": "postmortem"}}, {"incident": {"name": "x", "status": "scheduled"}},
    {"incident": {"name": "x", "impact_override": "huge"}}, {"incident": {"name": "x", "components": ["a"]}},
    {"incident": {"name": "x", "components": {"nothere": "operational"}}},
    {"incident": {"name": "x", "component_ids": ["nothere"]}}, {"incident": {"name": "x", "component_ids": [1]}},
    {"incident": {"name": "x", "scheduled_for": "tomorrow"}}, {"incident": {"name": "x", "deliver_notifications": "?"}},
    {"incident": {"name": "x", "scheduled_for": "2026-01-01T00:00:00Z"}}, {"incident": {"name": "x", "metadata": "y"}},
    {"incident": {"name": "x", "components": False}},
    {"incident": {"name": "x", "status": "completed", "scheduled_for": "0610-08-01T00:00:00Z",
                  "scheduled_until": "0610-08-02T00:00:00Z"}},
    {"incident": {"name": "x", "scheduled_for": "2200-08-01T00:00:00Z", "scheduled_until": "2200-08-02T00:00:00Z"}},
    {"incident": {"name": "x", "backfilled": True, "backfill_date": "0001-01-01T00:00:00Z"}},
    {"incident": {"name": "x", "metadata": {"a": 1}}}, {"incident": {"name": "x", "body": "y" * 20_000}},
    {"incident": {"name": "x", "metadata": {"a": {"b": "c" * 20_000}}}},
]  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=lambda body: json.dumps(body)[:60])
def test_bad_input_gets_a_sentence_and_changes_nothing(script: Script, page_id: int, body: Any) -> None:
    status, sentence = script.refused("POST", "/incidents", body)
    assert status in {400, 422} and sentence.endswith(".")
    assert count(Post) == 0


@pytest.mark.parametrize(
    "raw",
    [b"[" * 50_000, b"{", b'{"incident": NaN}', b'{"incident": {"name": "a", "name": "b"}}', b"\xff\xfe", b"[]", b"7",
     b'{"a":' * 30 + b"1" + b"}" * 30],
)  # fmt: skip
def test_what_is_no_json_is_refused(script: Script, page_id: int, raw: bytes) -> None:
    answer = script.call("POST", "/incidents", data=raw, content_type="application/json")
    assert answer.status_code == 400 and answer.json is not None and answer.json["message"].endswith(".")
    assert count(Post) == 0


def test_another_pages_things_are_not_there(script: Script, page_id: int, settings: Settings) -> None:
    made = script.send("POST", "/incidents", {"incident": {"name": "Slow", "body": "Text."}})
    other = make_page(slug="other", name="Other")
    root = script.root
    elsewhere = session().get_one(Page, other).public_id
    stranger = Script(script.client, script.token, f"/v1/pages/{elsewhere}")
    assert root != stranger.root
    for method in ("GET", "PATCH", "DELETE"):
        body = {"incident": {"status": "resolved"}} if method == "PATCH" else None
        assert stranger.refused(method, f"/incidents/{made['id']}", body)[0] == 404
    mine = make_component(page_id)
    body = {"incident": {"name": "x", "components": {mine: "major_outage"}}}
    assert stranger.refused("POST", "/incidents", body)[0] == 422


@pytest.mark.parametrize("scope", ["read", "components", "subscribers"])
def test_a_token_without_the_scope_may_only_look(
    app: Flask, page_id: int, script_with: Callable[..., Script], scope: str
) -> None:
    weak = script_with(scope)
    assert weak.get("/incidents") == []
    status, sentence = weak.refused("POST", "/incidents", {"incident": {"name": "Slow"}})
    assert (status, "scope posts" in sentence) == (403, True)
    assert count(Post) == 0


def test_what_maintenance_leaves_is_not_under_maintenance_for_ever(script: Script, page_id: int) -> None:
    api, web = make_component(page_id, "API"), make_component(page_id, "Website")
    planned = {"scheduled_for": "2026-03-21T12:00:00Z", "scheduled_until": "2026-03-21T15:00:00Z"}
    with clock.frozen(NOON):
        made = script.send(
            "POST", "/incidents", {"incident": {"name": "Disks", "component_ids": [api, web], **planned}}
        )
        one = f"/incidents/{made['id']}"
        script.send("PATCH", one, {"incident": {"component_ids": [api, web]}})
        script.send("PATCH", one, {"incident": {"status": "in_progress"}})
        script.send("PATCH", one, {"incident": {"component_ids": [web]}})
        now = {part["id"]: part["status"] for part in script.get("/components")}
        assert now == {api: "operational", web: "under_maintenance"}
        script.send("PATCH", one, {"incident": {"status": "completed"}})
        assert {part["status"] for part in script.get("/components")} == {"operational"}
