"""Uptime of components and groups by Statuspage's Manage API: the page's own figure, over whichever days."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import update
from werkzeug.test import Client

from app import clock
from app.db import session, transaction
from app.models.component import Component, ComponentGroup
from tests.factories import make_component, make_group
from tests.publish.test_calendar import NOON
from tests.web.api.conftest import Script
from tests.web.api.test_incidents import fits

pytestmark = pytest.mark.database
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TODAY = NOON.date()


def begins(day: date) -> str:
    """A day as Statuspage's clients parse it."""
    return f"{day.isoformat()}T00:00:00.000Z"


def began(public_id: str, day: date | None) -> None:
    """Nothing is known before this day; long ago when it is None."""
    with transaction() as writing:
        of_it = Component.public_id == public_id
        writing.execute(update(Component).where(of_it).values(start_date=day, created_at=NOON - 300 * DAY))


def outage(script: Script, component: str, status: str, hours: int, days_ago: int) -> str:
    """An incident some days ago, of some hours; its id."""
    at = NOON - days_ago * DAY
    with clock.frozen(at):
        facts = {"name": "Down", "components": {component: status}}
        made = script.send("POST", "/incidents", {"incident": facts})["id"]
    with clock.frozen(at + hours * HOUR):
        over = {"status": "resolved", "components": {component: "operational"}}
        script.send("PATCH", f"/incidents/{made}", {"incident": over})
    return str(made)


def test_a_component_says_what_its_bar_says(script: Script, page_id: int, reader: Client) -> None:
    api = make_component(page_id, "API")
    began(api, None)
    major = outage(script, api, "major_outage", 6, 20)
    partial = outage(script, api, "partial_outage", 4, 10)
    with clock.frozen(NOON):
        found = script.get(f"/components/{api}/uptime.json")
        script.send("PATCH", f"/components/{api}", {"component": {"description": "Shown anew"}})
        shown = reader.get("/").text
    fits(found, "ComponentUptime")
    assert (found["id"], found["name"], found["warnings"]) == (api, "API", [])
    assert (found["major_outage"], found["partial_outage"]) == (6 * 3600, 4 * 3600)
    assert (found["range_start"], found["range_end"]) == (begins(TODAY - 89 * DAY), begins(TODAY))
    assert [one["id"] for one in found["related_events"]] == [partial, major]
    whole = 89 * 24 + 12
    assert found["uptime_percentage"] == int(10_000 * (whole - 6 - 4 / 2) / whole) / 100
    assert re.search(rf"{found['uptime_percentage']:.2f}\s*%", shown), "the page and the API say the same"


def test_days_months_and_years(script: Script, page_id: int) -> None:
    api = make_component(page_id, "API")
    began(api, None)
    outage(script, api, "major_outage", 6, 20)
    one = f"/components/{api}/uptime"
    with clock.frozen(NOON):
        day = TODAY - 20 * DAY
        that_day = script.get(f"{one}?start={day}&end={day}")
        assert (that_day["uptime_percentage"], that_day["major_outage"]) == (75.0, 6 * 3600)
        after = script.get(f"{one}?start={day + DAY}&end={day + DAY}")
        assert (after["uptime_percentage"], after["related_events"]) == (100.0, [])
        month = script.get(f"{one}?start={day:%Y-%m}&end={day:%Y-%m}")
        assert (month["range_start"], month["major_outage"]) == (begins(day.replace(day=1)), 6 * 3600)
        later = script.get(f"{one}?start={TODAY}&end={TODAY.year}")
        assert (later["range_end"], len(later["warnings"])) == (begins(TODAY), 1)
        for wrong in (
            "start=soon", "start=2026-13", "start=2026-02-30", "end=1969-12-31", "end=0000", f"start={TODAY + DAY}",
            f"start={TODAY}&end={TODAY - DAY}", f"start={TODAY - 200 * DAY}", "start=2026-1-1", "end=٢٠٢٥",
        ):  # fmt: skip
            assert script.refused("GET", f"{one}?{wrong}")[0] == 422, wrong
    assert script.refused("GET", "/components/nothere00000/uptime")[0] == 404


def test_nothing_is_said_of_days_before_its_first(script: Script, page_id: int) -> None:
    api = make_component(page_id, "API")
    began(api, TODAY - 5 * DAY)
    one = f"/components/{api}/uptime"
    with clock.frozen(NOON):
        assert script.get(one)["range_start"] == begins(TODAY - 5 * DAY)
        early = script.get(f"{one}?start={TODAY - 30 * DAY}")
        assert (early["range_start"], len(early["warnings"])) == (begins(TODAY - 5 * DAY), 1)
        before = script.get(f"{one}?start={TODAY - 30 * DAY}&end={TODAY - 20 * DAY}")
        assert (before["uptime_percentage"], before["major_outage"]) == (None, 0)


def test_a_group_is_its_components_together(script: Script, page_id: int) -> None:
    group_id = make_group(page_id, "Europe")
    group = session().get_one(ComponentGroup, group_id).public_id
    api, web = (make_component(page_id, name, group_id=group_id) for name in ("API", "Web"))
    alone = make_component(page_id, "Elsewhere")
    for public_id in (api, web, alone):
        began(public_id, None)
    down = outage(script, api, "major_outage", 6, 20)
    outage(script, alone, "major_outage", 6, 20)
    day = TODAY - 20 * DAY
    with clock.frozen(NOON):
        found = script.get(f"/component-groups/{group}/uptime.json?start={day}&end={day}")
        fits(found, "ComponentGroupUptime")
        assert (found["id"], found["name"], found["uptime_percentage"]) == (group, "Europe", 87.5)
        assert (found["major_outage"], found["partial_outage"]) == (6 * 3600, 0)
        assert found["related_events"] == [
            {"component_id": api, "incidents": [{"id": down}]}, {"component_id": web, "incidents": []},
        ]  # fmt: skip
    assert script.refused("GET", "/component-groups/nothere00000/uptime")[0] == 404
    assert script.refused("GET", f"/component-groups/{api}/uptime")[0] == 404


def test_a_component_that_begins_only_tomorrow_has_no_uptime_yet(script: Script, page_id: int) -> None:
    api = make_component(page_id)
    with clock.frozen(NOON):
        began(api, TODAY + DAY)
        assert script.get(f"/components/{api}/uptime")["major_outage"] == 0
