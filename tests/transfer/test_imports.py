"""Real captured documents come in whole, once, and every artifact made from them is well-formed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser
import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import session, transaction
from app.errors import Invalid
from app.models.audit import AuditEntry
from app.models.component import Component, ComponentChange, ComponentGroup
from app.models.delivery import Dispatch
from app.models.page import Page
from app.models.post import Post, Update, UpdateEffect
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.transfer.status_pages import import_statuspage
from tests.factories import make_page, make_subscriber

pytestmark = pytest.mark.database
SAMPLES = Path(__file__).parent.parent / "data" / "statuspage"
GITHUB = SAMPLES / "incidents" / "github_2025-09_2026-08.json"
INSTRUCTURE = SAMPLES / "summaries" / "instructure_2021-12-07_open_incident.json"
DOCUMENTS = sorted([*SAMPLES.glob("components/*.json"), GITHUB, INSTRUCTURE])


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def counts() -> list[int]:
    return [count(table) for table in (ComponentGroup, Component, ComponentChange, Post, Update, UpdateEffect)]


def revision(page_id: int) -> int:
    session().rollback()
    return session().get_one(Page, page_id).revision


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_captured_document_comes_in_whole_and_once(app: Flask, settings: Settings, page_id: int, path: Path) -> None:
    make_subscriber(page_id)
    raw = json.loads(path.read_text())
    report = import_statuspage(settings, COMMAND_LINE, page_id, path)
    expected = len(raw.get("components", [])) + len(raw.get("incidents", []))
    passed_over = {"skipped": len(missing)} if (missing := named_elsewhere(raw)) else {}
    assert report.counts() == {"taken": expected, **passed_over}
    assert {row.id for row in report.rows if row.outcome == "skipped"} == missing
    statuses = {c["id"]: c["status"] for c in raw.get("components", []) if not c["group"]}
    assert {row.public_id: row.status for row in session().scalars(select(Component))} == statuses
    updates = [update["id"] for incident in raw.get("incidents", []) for update in incident["incident_updates"]]
    assert sorted(session().scalars(select(Update.public_id))) == sorted(updates)
    before, at = counts(), revision(page_id)
    assert import_statuspage(settings, COMMAND_LINE, page_id, path).counts() == {"unchanged": expected, **passed_over}
    assert (counts(), revision(page_id)) == (before, at)
    assert count(Dispatch) == 0


def named_elsewhere(raw: dict[str, Any]) -> set[str]:
    """The components that incidents speak of and that stand in another document."""
    named = {one["id"] for incident in raw.get("incidents", []) for one in incident["components"]}
    for incident in raw.get("incidents", []):
        for update in incident["incident_updates"]:
            named |= {one["code"] for one in update.get("affected_components") or []}
    return named - {one["id"] for one in raw.get("components", [])}


def test_a_dry_run_says_the_same_and_writes_nothing(app: Flask, settings: Settings, page_id: int) -> None:
    at = revision(page_id)
    report = import_statuspage(settings, COMMAND_LINE, page_id, SAMPLES / "summaries", dry_run=True)
    assert report.counts() == {"taken": 25}
    assert (counts(), revision(page_id), count(AuditEntry)) == ([0] * 6, at, 0)


def test_everything_together_renders_and_validates(app: Flask, settings: Settings, page_id: int) -> None:
    report = import_statuspage(settings, COMMAND_LINE, page_id, SAMPLES / "incidents")
    assert report.counts() == {"taken": 280, "skipped": 11}
    import_statuspage(settings, COMMAND_LINE, page_id, INSTRUCTURE)
    site = settings.public_root / "default" / "current"
    for name in ("history.atom", "history.rss"):
        feed = feedparser.parse((site / name).read_bytes())
        assert (feed.bozo, len(feed.entries)) == (0, 25)
    made = json.loads((site / "api/v2/summary.json").read_text())
    captured = json.loads(INSTRUCTURE.read_text())
    assert shapes(made) == shapes(captured)
    assert len(list((site / "incidents").glob("*.html"))) == 281
    assert made["incidents"][0]["id"] == captured["incidents"][0]["id"]


def shapes(summary: dict[str, Any]) -> list[list[str]]:
    """The keys, in order, of each kind of object in a summary."""
    incident = next(one for one in summary["incidents"] if one["incident_updates"])
    group = next(one for one in summary["components"] if one["group"])
    component = next(one for one in summary["components"] if not one["group"])
    update = incident["incident_updates"][0]
    found = [summary, summary["page"], summary["status"], group, component, incident, update]
    return [list(one) for one in found]


def test_a_changed_document_updates_what_changed(app: Flask, settings: Settings, page_id: int, tmp_path: Path) -> None:
    import_statuspage(settings, COMMAND_LINE, page_id, INSTRUCTURE)
    raw = json.loads(INSTRUCTURE.read_text())
    raw["components"][0]["status"] = "operational"
    newer = dict(raw["incidents"][0]["incident_updates"][0], id="newer0000001", body="Over.", affected_components=None)
    raw["incidents"][0]["incident_updates"].insert(0, newer)
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(raw))
    report = import_statuspage(settings, COMMAND_LINE, page_id, changed)
    assert report.counts() == {"updated": 2, "unchanged": 23}
    assert import_statuspage(settings, COMMAND_LINE, page_id, changed).counts() == {"unchanged": 25}


def test_what_belongs_to_another_page_is_left_there(app: Flask, settings: Settings, page_id: int) -> None:
    import_statuspage(settings, COMMAND_LINE, page_id, INSTRUCTURE)
    other = make_page("Other", slug="other")
    report = import_statuspage(settings, COMMAND_LINE, other, INSTRUCTURE)
    assert report.counts() == {"skipped": 25}


INCIDENT = {
    "id": "abc", "name": "x", "status": "resolved", "impact": "none", "created_at": "2026-01-01T00:00:00Z",
    "incident_updates": [], "components": [],
}  # fmt: skip
UPDATE = {"id": "u1", "status": "resolved", "body": "Said.", "created_at": "2026-01-01T00:00:00Z"}
COMPONENT = {
    "id": "c1", "name": "API", "status": "operational", "position": 1, "group": False,
    "created_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
OUTAGE = {"code": "c1", "name": "API", "old_status": "operational", "new_status": "major_outage"}


def written(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda row: row.update(id=None), "its id"),
        (lambda row: row.update(id="../../etc"), "its id"),
        (lambda row: row.update(name="\u202e\x00"), "it has no name"),
        (lambda row: row.update(name=["x"]), "it has no name"),
        (lambda row: row.update(status="exploded"), "its status"),
        (lambda row: row.update(status="scheduled"), "its status"),
        (lambda row: row.update(impact=7), "its impact"),
        (lambda row: row.update(created_at="yesterday"), "its created_at"),
        (lambda row: row.update(created_at="2026-01-01T00:00:00"), "its created_at"),
        (lambda row: row.update(created_at="0001-01-01T00:00:00+23:00"), "its created_at"),
        (lambda row: row.update(created_at="0001-01-01T00:00:00Z"), "its created_at"),
        (lambda row: row.update(incident_updates=[{**UPDATE, "body": {"a": 1}}]), "its body"),
        (lambda row: row.update(incident_updates=[{**UPDATE, "body": "a" * 10_001}]), "The text is too long"),
        (lambda row: row.update(incident_updates={"a": 1}), "its incident_updates"),
        (lambda row: row.update(incident_updates=[{"id": "u1"}]), "its created_at"),
        (lambda row: row.update(components=[None]), "its components"),
    ],
)
def test_a_row_that_can_not_be_taken_says_why_and_the_rest_comes_in(
    app: Flask,
    settings: Settings,
    page_id: int,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    reason: str,
) -> None:
    bad = dict(INCIDENT)
    change(bad)
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"incidents": [bad, {**INCIDENT, "id": "good"}, {**INCIDENT, "id": "good"}, 7]}))
    report = import_statuspage(settings, COMMAND_LINE, page_id, path)
    assert report.counts() == {"skipped": 3, "taken": 1}
    assert reason in report.rows[0].reason
    assert count(Post) == 1


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"\xff\xfe", b"[]", b"7", b'{"page": {}}', b"[" * 100_000, b'{"components": 7}']
)
def test_a_file_that_is_no_document_is_named_and_nothing_written(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a_good.json").write_bytes(INSTRUCTURE.read_bytes())
    (tmp_path / "b_bad.json").write_bytes(content)
    with pytest.raises(Invalid, match=r"b_bad\.json"):
        import_statuspage(settings, COMMAND_LINE, page_id, tmp_path)
    assert counts() == [0] * 6


def test_a_path_that_is_not_there_is_refused(app: Flask, settings: Settings, page_id: int, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        import_statuspage(settings, COMMAND_LINE, page_id, tmp_path / "nothing.json")


@pytest.mark.parametrize(
    "second",
    [
        {"incidents": [{**INCIDENT, "id": "other", "incident_updates": [UPDATE]}]},
        {"scheduled_maintenances": [{**INCIDENT, "status": "completed", "scheduled_for": "2026-01-01T00:00:00Z"}]},
    ],
    ids=["an update of two posts", "an incident and a maintenance"],
)
def test_an_id_that_stands_twice_is_skipped_the_second_time(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path, second: dict[str, Any]
) -> None:
    first = {**INCIDENT, "incident_updates": [UPDATE]}
    path = written(tmp_path, {**second, "incidents": [first, *second.get("incidents", [])]})
    assert import_statuspage(settings, COMMAND_LINE, page_id, path).counts() == {"skipped": 1, "taken": 1}


def test_effects_come_in_when_their_components_come_later_and_only_once(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    incident = {**INCIDENT, "incident_updates": [{**UPDATE, "affected_components": [OUTAGE]}]}
    for document, outcome in (
        ({"incidents": [incident]}, "taken"),
        ({"components": [COMPONENT]}, "taken"),
        ({"incidents": [incident]}, "updated"),
        ({"incidents": [incident]}, "unchanged"),
    ):
        report = import_statuspage(settings, COMMAND_LINE, page_id, written(tmp_path, document))
        passed_over = [(row.id, row.name) for row in report.rows if row.outcome == "skipped"]
        assert passed_over == ([("c1", "API")] if (count(Component), outcome) == (0, "taken") else [])
        assert report.counts()[outcome] == 1
    assert (count(UpdateEffect), count(ComponentChange)) == (1, 1)


@pytest.mark.parametrize("names", [("components", "incidents"), ("incidents", "the-components")])
@pytest.mark.parametrize("is_tried", [True, False])
def test_components_of_another_document_are_there_whatever_the_files_are_called(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path, names: tuple[str, str], is_tried: bool
) -> None:
    incident = {**INCIDENT, "incident_updates": [{**UPDATE, "affected_components": [OUTAGE]}]}
    (folder := tmp_path / "documents").mkdir()
    for name in names:
        document = {"components": [COMPONENT]} if "components" in name else {"incidents": [incident]}
        (folder / f"{name}.json").write_text(json.dumps(document))
    assert import_statuspage(settings, COMMAND_LINE, page_id, folder, dry_run=is_tried).counts() == {"taken": 2}
    if not is_tried:
        assert (count(UpdateEffect), count(ComponentChange)) == (1, 1)
        assert import_statuspage(settings, COMMAND_LINE, page_id, folder).counts() == {"unchanged": 2}


def test_a_changed_effect_replaces_the_one_before(app: Flask, settings: Settings, page_id: int, tmp_path: Path) -> None:
    for status in ("major_outage", "partial_outage"):
        update = {**UPDATE, "affected_components": [{**OUTAGE, "new_status": status}]}
        document = {"components": [COMPONENT], "incidents": [{**INCIDENT, "incident_updates": [update]}]}
        import_statuspage(settings, COMMAND_LINE, page_id, written(tmp_path, document))
    assert session().scalars(select(UpdateEffect.to_status)).all() == ["partial_outage"]
    assert session().scalars(select(ComponentChange.to_status)).all() == ["partial_outage"]


def test_what_was_said_here_meanwhile_keeps_its_place_in_time(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    first = {**INCIDENT, "incident_updates": [UPDATE]}
    import_statuspage(settings, COMMAND_LINE, page_id, written(tmp_path, {"incidents": [first]}))
    with transaction() as writing:
        post_id = writing.scalars(select(Post.id)).one()
        said = {"body": "Here.", "body_html": "<p>Here.</p>", "display_at": datetime(2026, 1, 2, tzinfo=UTC)}
        writing.add(Update(post_id=post_id, sequence=2, status="resolved", idempotency_key="here", **said))
    newer = {**UPDATE, "id": "u2", "body": "Newer.", "display_at": "2026-01-03T00:00:00Z"}
    second = {**INCIDENT, "incident_updates": [newer, UPDATE]}
    report = import_statuspage(settings, COMMAND_LINE, page_id, written(tmp_path, {"incidents": [second]}))
    assert report.counts() == {"updated": 1}
    said_in_order = session().execute(select(Update.sequence, Update.body).order_by(Update.sequence)).all()
    assert [tuple(row) for row in said_in_order] == [(1, "Said."), (2, "Here."), (3, "Newer.")]


def test_an_effect_that_changes_nothing_is_kept_but_makes_no_history(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    update = {**UPDATE, "affected_components": [{**OUTAGE, "new_status": OUTAGE["old_status"]}]}
    document = {"components": [COMPONENT], "incidents": [{**INCIDENT, "incident_updates": [update]}]}
    import_statuspage(settings, COMMAND_LINE, page_id, written(tmp_path, document))
    assert (count(UpdateEffect), count(ComponentChange)) == (1, 0)
