"""When a statement is dated: in the past, visibly, and with it what an incident dates by it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import Client

from app import clock
from app.db import session
from app.models.audit import AuditEntry
from app.models.delivery import Dispatch
from app.models.post import UpdateRevision
from app.settings import Settings
from tests.factories import make_component
from tests.publish.test_calendar import NOON
from tests.web.api.conftest import Script

pytestmark = pytest.mark.database
HOUR = timedelta(hours=1)


def told(script: Script, **facts: Any) -> Any:
    """An incident that was opened at noon."""
    with clock.frozen(NOON):
        return script.send("POST", "/incidents", {"incident": {"name": "Slow", "body": "We look.", **facts}})


def redate(script: Script, incident: Any, at: datetime | str, place: int = 0, **more: Any) -> Any:
    """Date one of an incident's statements, the newest when no place is given."""
    path = f"/incidents/{incident['id']}/incident_updates/{incident['incident_updates'][place]['id']}"
    said = at if isinstance(at, str) else at.isoformat()
    return script.send("PATCH", path, {"incident_update": {"display_at": said, **more}})


def at_of(document: Any, key: str = "display_at") -> datetime:
    return datetime.fromisoformat(document[key])


def test_a_statement_is_dated_earlier_and_readers_see_that_it_was(script: Script, page_id: int, reader: Client) -> None:
    made = told(script)
    one = f"/incidents/{made['id']}"
    with clock.frozen(NOON + HOUR):
        moved = redate(script, made, NOON - 2 * HOUR)
        assert at_of(moved) == NOON - 2 * HOUR
        shown = reader.get(one).text
        assert "this update was dated" in shown and (NOON - 2 * HOUR).isoformat()[:16] in shown
        assert shown.count("We look.") <= 3, "the text that stayed as it was is not told twice"
        public = reader.get(f"/api/v2{one}.json").json["incident"]
        assert datetime.fromisoformat(public["started_at"]) == NOON - 2 * HOUR
        assert datetime.fromisoformat(public["incident_updates"][0]["display_at"]) == NOON - 2 * HOUR
        redate(script, made, NOON - 2 * HOUR)
    session().rollback()
    former = session().scalars(select(UpdateRevision)).all()
    assert [row.display_at for row in former] == [NOON], "the same again changes nothing"
    assert session().scalar(select(func.count()).where(AuditEntry.verb == "correct")) == 1


def test_text_and_time_are_corrected_together(script: Script, page_id: int, reader: Client) -> None:
    made = told(script)
    with clock.frozen(NOON + HOUR):
        moved = redate(script, made, NOON - HOUR, body="We look closer.")
    assert (moved["body"], at_of(moved)) == ("We look closer.", NOON - HOUR)
    shown = reader.get(f"/incidents/{made['id']}").text
    assert "We look." in shown and "We look closer." in shown


def test_since_when_and_until_when_move_with_it(script: Script, page_id: int, reader: Client) -> None:
    api = make_component(page_id, "API")
    made = told(script, components={api: "major_outage"})
    with clock.frozen(NOON + 3 * HOUR):
        over = {"status": "resolved", "components": {api: "operational"}}
        done = script.send("PATCH", f"/incidents/{made['id']}", {"incident": over})
        assert at_of(done, "resolved_at") == NOON + 3 * HOUR
        redate(script, done, NOON + 2 * HOUR)  # the newest first, as a script goes through them
        redate(script, done, NOON - HOUR, place=1)
        found = script.get(f"/incidents/{made['id']}")
        assert at_of(found, "resolved_at") == NOON + 2 * HOUR
        assert [update["status"] for update in found["incident_updates"]] == ["resolved", "investigating"]
        assert "3 hours" in reader.get(f"/incidents/{made['id']}").text.replace("3 h", "3 hours")
        day = NOON.date()
        counted = script.get(f"/components/{api}/uptime?start={day}&end={day}")
    assert counted["major_outage"] == 3 * 3600, "uptime counts from when the component changed"


def test_another_month_is_left_and_entered(script: Script, page_id: int, reader: Client) -> None:
    made = told(script)
    before = NOON - timedelta(days=40)
    assert f"/incidents/{made['id']}" in reader.get(f"/history/{NOON:%Y-%m}").text
    with clock.frozen(NOON + HOUR):
        redate(script, made, before)
        assert f"/incidents/{made['id']}" in reader.get(f"/history/{before:%Y-%m}").text
        assert f"/incidents/{made['id']}" not in reader.get(f"/history/{NOON:%Y-%m}").text


def test_a_statement_can_be_dated_when_it_is_made(
    script: Script, settings: Settings, page_id: int, reader: Client
) -> None:
    early = {"display_at": (NOON - HOUR).isoformat()}
    made = told(script, **early)
    assert at_of(made["incident_updates"][0]) == NOON - HOUR
    assert not made["backfilled"] and made["status"] == "investigating"
    public = reader.get(f"/api/v2/incidents/{made['id']}.json").json["incident"]
    assert at_of(public, "started_at") == NOON - HOUR
    session().rollback()
    held = session().scalars(select(Dispatch.hold_until)).one()
    assert held == NOON + timedelta(seconds=settings.hold_seconds), "a notice is held from now on, not from then"
    one = f"/incidents/{made['id']}"
    with clock.frozen(NOON + HOUR):
        later = {"status": "monitoring", "display_at": (NOON + HOUR / 2).isoformat()}
        found = script.send("PATCH", one, {"incident": later})
        assert at_of(found, "monitoring_at") == at_of(found["incident_updates"][0]) == NOON + HOUR / 2
        too_early = {"status": "resolved", "display_at": NOON.isoformat()}
        assert script.refused("PATCH", one, {"incident": too_early})[0] == 422
        assert script.get(one)["status"] == "monitoring"


@pytest.mark.parametrize("wrong", ["tomorrow", "1999-12-31T00:00:00Z", "2026-13-01", 7, "9999-12-31T23:59:59-14:00"])
def test_no_statement_is_dated_in_the_future_or_before_there_was_any(script: Script, page_id: int, wrong: Any) -> None:
    made = told(script)
    update = f"/incidents/{made['id']}/incident_updates/{made['incident_updates'][0]['id']}"
    with clock.frozen(NOON + HOUR):
        for value in (wrong, (NOON + 2 * HOUR).isoformat()):
            assert script.refused("PATCH", update, {"incident_update": {"display_at": value}})[0] == 422
            assert script.refused("POST", "/incidents", {"incident": {"name": "x", "display_at": value}})[0] == 422
            body = {"incident": {"body": "More", "display_at": value}}
            assert script.refused("PATCH", f"/incidents/{made['id']}", body)[0] == 422
    assert len(script.get("/incidents")) == 1 and len(script.get("/incidents")[0]["incident_updates"]) == 1


def test_no_statement_is_dated_past_its_neighbours(script: Script, page_id: int) -> None:
    made = told(script)
    with clock.frozen(NOON + 3 * HOUR):
        done = script.send("PATCH", f"/incidents/{made['id']}", {"incident": {"status": "resolved"}})
        for at, place, said in (
            (NOON - HOUR, 0, "after the previous update, at 2026"),
            (NOON + 4 * HOUR, 1, "in the past"),
        ):
            path = f"/incidents/{made['id']}/incident_updates/{done['incident_updates'][place]['id']}"
            status, sentence = script.refused("PATCH", path, {"incident_update": {"display_at": at.isoformat()}})
            assert (status, said in sentence) == (422, True), sentence
        redate(script, done, NOON + HOUR)
        path = f"/incidents/{made['id']}/incident_updates/{done['incident_updates'][1]['id']}"
        status, sentence = script.refused(
            "PATCH", path, {"incident_update": {"display_at": (NOON + 2 * HOUR).isoformat()}}
        )
        assert (status, "before the next update, at" in sentence) == (422, True), sentence
        found = script.get(f"/incidents/{made['id']}")
    assert at_of(found, "resolved_at") == NOON + HOUR
    assert [at_of(update) for update in found["incident_updates"]] == [NOON + HOUR, NOON]
