"""Captured Statuspage documents come in, and what is published equals what went in, but for the listed differences."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.transfer.status_pages import import_statuspage

pytestmark = pytest.mark.database
SAMPLES = Path(__file__).parent.parent / "data" / "statuspage"
COMPONENTS = sorted(path.name for path in SAMPLES.glob("components/*.json"))
GITHUB = "incidents/github_2025-09_2026-08.json"
INSTRUCTURE = "summaries/instructure_2021-12-07_open_incident.json"
NEWEST = 50

JUSTIFIED = {
    "page.updated_at": "the page changed when it was imported",
    "incident.shortlink": "the short addresses are Statuspage's; ours leads to the same post here",
    "incident.components[].updated_at": "components are told of as they are now, not as they were with the post",
    "order among equal positions": "Statuspage's own is not defined: the captured documents follow no rule there",
}
"""What may differ and why; docs/guides/import.md says the same to those who move."""


def taken(settings: Settings, page_id: int, *names: str) -> None:
    for name in names:
        report = import_statuspage(settings, COMMAND_LINE, page_id, SAMPLES / name, take_page=True)
        assert set(report.counts()) <= {"taken", "updated", "unchanged"}, report.rows


def captured(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SAMPLES / name).read_text("utf-8"))
    return document


def published(reader: Client, address: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(reader.get(address).data)
    return document


def plain(document: dict[str, Any]) -> str:
    """The document without what is allowed to differ; as text, so that the order of keys counts."""
    made = json.loads(json.dumps(document))
    if "page" in made:
        assert made["page"].pop("updated_at")
    made["components"] = _ordered(made.get("components", []))
    for incident in [*made.get("incidents", []), *made.get("scheduled_maintenances", [])]:
        incident.pop("shortlink")
        incident["components"] = _ordered(incident["components"])
        for component in incident["components"]:
            component.pop("updated_at")
    return json.dumps(made, indent=1)


def _ordered(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert [one["position"] for one in components] == sorted(one["position"] for one in components)
    return sorted(components, key=lambda one: (one["position"], one["id"]))


@pytest.mark.parametrize("name", COMPONENTS)
def test_components(app: Flask, settings: Settings, page_id: int, reader: Client, name: str) -> None:
    taken(settings, page_id, f"components/{name}")
    assert plain(published(reader, "/api/v2/components.json")) == plain(captured(f"components/{name}"))


def test_a_summary_with_an_open_incident(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    taken(settings, page_id, INSTRUCTURE)
    document = captured(INSTRUCTURE)
    assert plain(published(reader, "/api/v2/summary.json")) == plain(document)
    listed = [{**one, "reminder_intervals": None} for one in document["incidents"]]  # as in the document of 2026
    unresolved = {"page": document["page"], "incidents": listed}
    assert plain(published(reader, "/api/v2/incidents/unresolved.json")) == plain(unresolved)
    assert published(reader, "/api/v2/status.json")["status"] == document["status"]


def test_the_fifty_newest_incidents(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    taken(settings, page_id, "components/github_2026-08.json", GITHUB)
    document = captured(GITHUB)
    made = published(reader, "/api/v2/incidents.json")
    assert list(made) == ["page", "incidents"]
    assert plain(made) == plain({**document, "incidents": document["incidents"][:NEWEST]})
    assert [list(one) for one in made["incidents"]] == [list(one) for one in document["incidents"][:NEWEST]]


@pytest.mark.parametrize("number", [0, 49, 50, 279])
def test_every_incident_has_a_document_of_its_own(
    app: Flask, settings: Settings, page_id: int, reader: Client, number: int
) -> None:
    taken(settings, page_id, "components/github_2026-08.json", GITHUB)
    document = captured(GITHUB)
    wanted = document["incidents"][number]
    made = published(reader, f"/api/v2/incidents/{wanted['id']}.json")
    assert list(made) == ["page", "incident"]
    assert plain({"page": made["page"], "incidents": [made["incident"]]}) == plain(
        {"page": document["page"], "incidents": [wanted]}
    )
    assert published(reader, f"/incidents/{wanted['id']}.json") == made


def test_a_second_time_the_page_stays_as_it_is(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    taken(settings, page_id, INSTRUCTURE)
    before = reader.get("/api/v2/summary.json").data
    report = import_statuspage(settings, COMMAND_LINE, page_id, SAMPLES / INSTRUCTURE, take_page=True)
    assert set(report.counts()) == {"unchanged"}
    assert reader.get("/api/v2/summary.json").data == before
