"""Drafts through the API: saved, scheduled, published; what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app import clock
from app.actions.pages.pages import edit_page
from app.settings import Settings
from app.worker.loop import drain
from tests.factories import ALICE
from tests.web.api.conftest import Script

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SLOW = {"title": "Checkout is slow", "body": "We are looking into it.", "promise_minutes": 20}


@pytest.fixture
def ours(script: Script) -> Script:
    return Script(script.client, script.token, "/api" + script.root)


def test_saved_scheduled_and_published_at_its_time(ours: Script, settings: Settings) -> None:
    with clock.frozen(NOON):
        made = ours.send("POST", "/drafts", {"body": "We"})
        saved = ours.send("PUT", f"/drafts/{made['id']}", {**SLOW, "version": made["version"]})
        assert (saved["state"], saved["title"], saved["publish_at"]) == ("editing", "Checkout is slow", None)
        at = (NOON + timedelta(minutes=5)).isoformat()
        scheduled = ours.send("POST", f"/drafts/{made['id']}/schedule", {"publish_at": at})
        assert (scheduled["state"], scheduled["publish_at"]) == ("scheduled", "2026-03-02T12:05:00.000Z")
        assert ours.get("/incidents") == []
    with clock.frozen(NOON + timedelta(minutes=5)):
        drain(settings)
        (incident,) = ours.get("/incidents")
    assert incident["name"] == "Checkout is slow"
    assert ours.get(f"/drafts/{made['id']}")["state"] == "published"
    assert ours.get("/drafts") == []


def test_an_update_is_published_now_and_a_second_time_changes_nothing(ours: Script) -> None:
    incident = ours.send("POST", "/incidents", {"incident": {"name": "Slow", "body": "We look."}})
    body = {"incident_id": incident["id"], "status": "identified", "body": "We know."}
    made = ours.send("POST", "/drafts", body)
    first = ours.send("POST", f"/drafts/{made['id']}/publish", {})
    assert ours.send("POST", f"/drafts/{made['id']}/publish", {})["update_id"] == first["update_id"]
    after = ours.get(f"/incidents/{incident['id']}")
    assert [one["body"] for one in after["incident_updates"]] == ["We know.", "We look."]


def test_what_is_refused_leaves_the_draft_as_it_was(ours: Script) -> None:
    made = ours.send("POST", "/drafts", SLOW)
    one = f"/drafts/{made['id']}"
    past = (clock.now() - timedelta(minutes=1)).isoformat()
    for method, path, body, status in (
        ("POST", f"{one}/schedule", {"publish_at": past}, 422),
        ("POST", f"{one}/schedule", {"publish_at": "2099-01-01 12:00"}, 422),
        ("POST", f"{one}/schedule", {}, 422),
        ("POST", f"{one}/unschedule", None, 409),
        ("PUT", one, {**SLOW, "version": 7}, 409),
        ("PUT", one, {**SLOW, "version": -1}, 422),
        ("POST", "/drafts", {**SLOW, "version": -1}, 422),
        ("PUT", one, {**SLOW, "promise_minutes": 0}, 422),
        ("PUT", one, {**SLOW, "next": 1}, 422),
        ("PUT", one, {**SLOW, "incident_id": "nosuch"}, 404),
        ("POST", "/drafts/nosuch/publish", {}, 404),
    ):
        answer = ours.call(method, path, body)
        assert answer.status_code == status, (method, path, body, answer.text)
    assert ours.get(one) == made
    assert ours.send("DELETE", one)["state"] == "discarded"
    assert ours.call("POST", f"{one}/publish", {}).status_code == 409


def published(settings: Settings) -> dict[str, bytes]:
    """Every published file of every revision."""
    root = settings.public_root
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_through_the_api_an_update_waits_and_is_undone(
    app: Flask, ours: Script, settings: Settings, page_id: int
) -> None:
    app.config["SETTINGS"] = settings = settings.with_changes(hold_seconds=10)
    incident = ours.send("POST", "/incidents", {"incident": {"name": "Slow", "body": "We look."}})
    edit_page(settings, ALICE, page_id, waits_for_hold=True)
    before = published(settings)
    body = {"incident_id": incident["id"], "status": "identified", "body": "We know.", "promise_minutes": 20}
    with clock.frozen(clock.now()):
        at = clock.now()
        one = f"/drafts/{ours.send('POST', '/drafts', body)['id']}"
        for _ in range(2):
            said = ours.send("POST", f"{one}/publish", {})
            assert (said["state"], said["update_id"]) == ("scheduled", None)
        assert datetime.fromisoformat(said["publish_at"]) - at <= 10 * SECOND
        assert len(ours.get(f"/incidents/{incident['id']}")["incident_updates"]) == 1
        assert ours.send("POST", f"{one}/unschedule", {})["state"] == "editing"
        with clock.frozen(at + 20 * SECOND):
            drain(settings)
        assert published(settings) == before
        ours.send("POST", f"{one}/publish", {})
    with clock.frozen(at + 10 * SECOND):
        drain(settings)
        assert ours.get(one)["state"] == "published"
        assert len(ours.get(f"/incidents/{incident['id']}")["incident_updates"]) == 2
