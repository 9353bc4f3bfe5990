"""Other status pages' documents come in whole, once, and nothing of them acts, leaks or is guessed."""

import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import session, transaction
from app.errors import Invalid
from app.models.audit import AuditEntry
from app.models.component import Component, ComponentChange, ComponentGroup
from app.models.delivery import Dispatch, Notice
from app.models.page import Page
from app.models.post import Post, PostComponent, Update, UpdateEffect
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.transfer.status_pages import Report, import_cachet, import_instatus, import_statuspage, import_uptime_kuma
from app.transfer.status_pages.texts import from_html
from app.vocabulary import Role
from tests.factories import make_page, make_subscriber
from tests.web.people import browser

pytestmark = pytest.mark.database
DATA = Path(__file__).parent.parent / "data"
Importing = Callable[..., Report]
SOURCES: dict[str, tuple[Importing, dict[str, int]]] = {
    "cachet/2": (import_cachet, {"taken": 6, "skipped": 2}),
    "cachet/3": (import_cachet, {"taken": 7}),
    "instatus": (import_instatus, {"taken": 5}),
    "uptime-kuma": (import_uptime_kuma, {"taken": 6, "skipped": 2}),
    "statuspage/v1": (import_statuspage, {"taken": 5}),
}


def bring(importing: Importing, settings: Settings, page_id: int, source: Path, **options: Any) -> Report:
    return importing(settings, COMMAND_LINE, page_id, source, **options)


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def counts() -> list[int]:
    tables = (ComponentGroup, Component, ComponentChange, Post, Update, UpdateEffect, PostComponent, AuditEntry)
    return [count(table) for table in tables]


def revision(page_id: int) -> int:
    session().rollback()
    return session().get_one(Page, page_id).revision


def post(title: str) -> Post:
    session().rollback()
    return session().scalars(select(Post).where(Post.title == title)).one()


def said(title: str) -> list[tuple[str, str, datetime]]:
    updates = select(Update).where(Update.post_id == post(title).id).order_by(Update.sequence)
    return [(update.status, update.body, update.display_at) for update in session().scalars(updates)]


def about(title: str) -> list[str]:
    names = select(Component.name).join(PostComponent, PostComponent.component_id == Component.id)
    return sorted(session().scalars(names.where(PostComponent.post_id == post(title).id)))


def grouped() -> dict[str, str | None]:
    rows = session().execute(
        select(Component.name, ComponentGroup.name).outerjoin(ComponentGroup, ComponentGroup.id == Component.group_id)
    )
    return {row[0]: row[1] for row in rows}


def statuses() -> dict[str, str]:
    return {row.name: row.status for row in session().scalars(select(Component))}


@pytest.mark.parametrize("origin", SOURCES)
def test_documents_come_in_once_and_are_shown_and_nobody_is_told(
    app: Flask, settings: Settings, page_id: int, origin: str
) -> None:
    importing, expected = SOURCES[origin]
    make_subscriber(page_id)
    tried = bring(importing, settings, page_id, DATA / origin, dry_run=True)
    assert (tried.counts(), counts()) == (expected, [0] * 8)
    report = bring(importing, settings, page_id, DATA / origin)
    assert report.counts() == expected, report.rows
    before, at = counts(), revision(page_id)
    again = bring(importing, settings, page_id, DATA / origin).counts()
    assert again == {"unchanged": expected["taken"], **{k: v for k, v in expected.items() if k == "skipped"}}
    assert (counts(), revision(page_id)) == (before, at)
    assert (count(Dispatch), count(Notice)) == (0, 0)
    ids = [*session().scalars(select(Post.public_id)), *session().scalars(select(Update.public_id))]
    assert all(re.fullmatch(r"[a-z0-9]{12}", one) for one in ids)
    site = settings.public_root / "default" / "current"
    page = (site / "index.html").read_text()
    assert all(name in page for name in statuses())
    for one in session().scalars(select(Post)):
        assert one.title in (site / "incidents" / f"{one.public_id}.html").read_text()


def test_cachet_2(app: Flask, settings: Settings, page_id: int) -> None:
    report = bring(import_cachet, settings, page_id, DATA / "cachet/2", time_zone="Europe/Berlin")
    reasons = {row.name: row.reason for row in report.rows if row.reason}
    assert reasons == {"Retired": "it is disabled there", "For ourselves": "it is not public there"}
    assert grouped() == {"API": "Services", "Website": None}
    assert statuses() == {"API": "operational", "Website": "major_outage"}
    assert said("Slow answers") == [
        ("investigating", "We are **looking** into it.", datetime(2015, 8, 1, 10, 0, tzinfo=UTC)),
        ("identified", "It is the **database**.\nWe mend it.", datetime(2015, 8, 1, 10, 30, tzinfo=UTC)),
        ("resolved", "Mended.", datetime(2015, 8, 1, 11, 0, tzinfo=UTC)),
    ]
    assert post("Slow answers").resolved_at == datetime(2015, 8, 1, 11, 0, tzinfo=UTC)
    assert about("Slow answers") == ["API"]
    assert said("Short outage")[0][0] == "resolved"
    disks = post("New disks")
    assert (disks.kind, disks.status) == ("maintenance", "completed")
    assert disks.scheduled_until == datetime(2015, 9, 1, 21, 0, tzinfo=UTC)
    assert (about("New disks"), disks.auto_start) == (["Website"], False)


def test_groups_of_the_oldest_cachet_say_nothing_of_being_collapsed(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    source = copied(tmp_path, "cachet/2", "groups.json", lambda raw: [row.pop("collapsed") for row in raw["data"]])
    report = bring(import_cachet, settings, page_id, source)
    assert [row.outcome for row in report.rows if row.kind == "group"] == ["taken"]


def test_metrics_of_cachet_are_no_groups(app: Flask, settings: Settings, page_id: int, tmp_path: Path) -> None:
    """As Cachet's API documents them: they have an order, and no status."""
    metric = {"id": 1, "name": "Answer time", "suffix": "ms", "calc_type": 1, "order": 0, "visible": 1}
    source = copied(tmp_path, "cachet/2", "groups.json", lambda raw: raw["data"].append(metric))
    bring(import_cachet, settings, page_id, source)
    session().rollback()
    assert "Answer time" not in session().scalars(select(ComponentGroup.name)).all()


def test_cachet_3(app: Flask, settings: Settings, page_id: int) -> None:
    bring(import_cachet, settings, page_id, DATA / "cachet/3")
    assert grouped() == {"API": "Cachet", "Documentation": "Cachet", "Forum": None}
    assert statuses() == {"API": "operational", "Documentation": "under_maintenance", "Forum": "unknown"}
    title = "Documentation Performance Degradation"
    assert [one[:1] for one in said(title)] == [("investigating",), ("identified",)]
    assert (about(title), post(title).status, post(title).resolved_at) == (["Documentation"], "identified", None)
    assert post("DNS Provider Outage").resolved_at == datetime(2024, 10, 26, 10, 1, 59, tzinfo=UTC)
    assert [one[1] for one in said("Database upgrade")] == ["We upgrade the database.", "It is done."]


def test_instatus(app: Flask, settings: Settings, page_id: int) -> None:
    bring(import_instatus, settings, page_id, DATA / "instatus")
    assert grouped() == {"App": "Products", "Website": None}
    assert statuses() == {"App": "operational", "Website": "partial_outage"}
    assert said("Rocket is going down")[1][:2] == (
        "resolved", "We just **resolved** the issue! See [why](https://example.com/why).",
    )  # fmt: skip
    rocket = post("Rocket is going down")
    assert rocket.resolved_at == datetime(2020, 9, 12, 19, 9, 4, 498000, tzinfo=UTC)
    planned = post("Test maintenance")
    assert planned.scheduled_until == datetime(2020, 9, 13, 19, 38, 58, 326000, tzinfo=UTC)
    assert (planned.status, planned.auto_start) == ("scheduled", False)
    assert said("Test maintenance")[0][2] == datetime(2020, 9, 12, 18, 39, 16, 606000, tzinfo=UTC)


def test_uptime_kuma(app: Flask, settings: Settings, page_id: int) -> None:
    report = bring(import_uptime_kuma, settings, page_id, DATA / "uptime-kuma")
    reasons = {row.name: row.reason for row in report.rows if row.reason}
    assert reasons["Old server"] == "it is paused there"
    assert reasons["Every week"].startswith("it repeats or is switched manually")
    assert grouped() == {"API": "Services", "Database": "Production"}
    assert statuses() == {"API": "unknown", "Database": "unknown"}
    assert said("Slow answers")[0][0] == "investigating"
    assert post("New disks").scheduled_for == datetime(2023, 6, 1, 20, 0, tzinfo=UTC)
    published = b"".join(path.read_bytes() for path in settings.public_root.rglob("*.html"))
    assert not any(word in published for word in (b"hunter2", b"10.0.0.5", b"secret.internal", b"internal notes"))


def test_what_somebody_says_of_a_monitor_stays(app: Flask, settings: Settings, page_id: int) -> None:
    bring(import_uptime_kuma, settings, page_id, DATA / "uptime-kuma")
    with transaction() as writing:
        writing.scalars(select(Component).where(Component.name == "API")).one().status = "operational"
    bring(import_uptime_kuma, settings, page_id, DATA / "uptime-kuma")
    session().rollback()
    assert statuses()["API"] == "operational"


def test_the_manage_api_of_statuspage(app: Flask, settings: Settings, page_id: int) -> None:
    bring(import_statuspage, settings, page_id, DATA / "statuspage/v1")
    assert grouped() == {"API": "Widgets"}
    slow = said("Slow answers")
    assert slow[2] == (
        "postmortem", "##### What happened\n\nA disk was **full**.", datetime(2013, 5, 2, 10, 0, tzinfo=UTC)
    )  # fmt: skip
    assert (post("Slow answers").public_id, post("Slow answers").status) == ("tks5n8x7w24h", "postmortem")
    assert count(ComponentChange) == 2
    back = post("Long ago")
    assert (back.started_at, back.status) == (datetime(2012, 1, 1, 13, 0, tzinfo=UTC), "resolved")
    assert [update.notify for update in session().scalars(select(Update).where(Update.post_id == back.id))] == [False]
    published = b"".join(path.read_bytes() for path in settings.public_root.rglob("*.html"))
    assert b"nobody may see" not in published and b"A disk was <strong>full</strong>" in published


def test_another_page_here_does_not_take_them_away(app: Flask, settings: Settings, page_id: int) -> None:
    bring(import_cachet, settings, page_id, DATA / "cachet/3")
    other = make_page("Other", slug="other")
    assert bring(import_cachet, settings, other, DATA / "cachet/3").counts() == {"skipped": 7}


@pytest.mark.parametrize("origin", ["cachet/3", "instatus", "uptime-kuma"])
def test_a_second_one_that_counts_alike_is_told_apart_by_a_name(
    app: Flask, settings: Settings, page_id: int, origin: str
) -> None:
    importing, expected = SOURCES[origin]
    for name in ("", "shop", "shop"):
        bring(importing, settings, page_id, DATA / origin, origin=name)
    taken = expected["taken"]
    assert count(Post) + count(Component) + count(ComponentGroup) == 2 * taken
    assert sorted(grouped()) == sorted(statuses())
    in_groups = session().scalars(select(Component.name).where(Component.group_id.is_not(None))).all()
    assert len(in_groups) == 2 * len(set(in_groups)) > 0
    with pytest.raises(Invalid, match="short origin"):
        bring(importing, settings, page_id, DATA / origin, origin="ü")


def copied(tmp_path: Path, origin: str, name: str, change: Callable[[Any], None]) -> Path:
    """The documents of an origin, one of them changed."""
    folder = tmp_path / "documents"
    shutil.copytree(DATA / origin, folder)
    raw = json.loads((folder / name).read_text())
    change(raw)
    (folder / name).write_text(json.dumps(raw))
    os.utime(folder / name, (1, 1))
    return folder


def setting(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(raw: Any) -> None:
        for key in path[:-1]:
            raw = raw[key]
        raw[path[-1]] = to

    return change


DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]


def test_the_console_shows_them_all_also_maintenance_whose_end_is_not_known(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    endless = setting("data", 0, to={**PLANNED, "name": "Endless", "completed_at": None, "status": 0})
    bring(import_cachet, settings, page_id, copied(tmp_path, "cachet/2", "schedules.json", endless))
    for origin in ("instatus", "uptime-kuma"):
        bring(SOURCES[origin][0], settings, page_id, DATA / origin)
    assert (post("Endless").status, post("Endless").scheduled_until) == ("scheduled", None)
    lena = browser(app, Role.LEAD)
    for public_id, title in session().execute(select(Post.public_id, Post.title)).all():
        assert title in lena.get(f"/console/default/posts/{public_id}").text
    assert "Endless" in (settings.public_root / "default" / "current" / "index.html").read_text()


PLANNED = json.loads((DATA / "cachet/2/schedules.json").read_text())["data"][0]
ZONELESS = {
    "id": 1, "title": "x", "strategy": "single", "status": "ended", "timezone": "SAME_AS_SERVER",
    "timezoneOffset": "+99:99",
    "timeslotList": [{"startDate": "2023-06-01 22:00:00", "endDate": "2023-06-01 23:00:00"}],
}  # fmt: skip
TWO, THREE, KUMA = ("cachet/2", import_cachet), ("cachet/3", import_cachet), ("uptime-kuma", import_uptime_kuma)
STATUS_PAGE, INSTATUS = "status-page.json", ("instatus", import_instatus)


@pytest.mark.parametrize(
    ("source", "name", "change", "reason"),
    [
        (TWO, "components.json", setting("data", 0, "status", to=9), "its status isn't one that Candor knows"),
        (TWO, "components.json", setting("data", 0, "status", to=[]), "its status isn't one that Candor knows"),
        (TWO, "components.json", setting("data", 0, "id", to=None), "its id isn't a valid id"),
        (TWO, "components.json", setting("data", 0, "id", to="x" * 65), "its id isn't a valid id"),
        (TWO, "components.json", setting("data", 0, "id", to=2), "its id appears twice"),
        (TWO, "components.json", setting("data", 0, "enabled", to=[]), "it is disabled there"),
        (TWO, "components.json", setting("data", 0, "created_at", to="x"), "its created_at isn't a time"),
        (TWO, "components.json", setting("data", 0, "order", to="first"), "its order isn't a whole number"),
        (TWO, "components.json", setting("data", 0, to=7), "it isn't a component, group"),
        (TWO, "components.json", setting("data", 0, to={"id": 1}), "it isn't a component, group"),
        (TWO, "components.json", setting("meta", "pagination", "links", "next_page", to="x"), "page 2 of its comp"),
        (TWO, "groups.json", setting("data", 0, "visible", to=0), "it is not public there"),
        (TWO, "incidents.json", setting("data", 0, "created_at", to=None), "its created_at isn't a time"),
        (TWO, "incidents.json", setting("data", 0, "created_at", to=1420036705), "its created_at isn't a time"),
        (TWO, "incidents.json", setting("data", 0, "status", to=0), "it is maintenance from Cachet 2.3"),
        (TWO, "incidents.json", setting("data", 0, "deleted_at", to="2015-08-02 12:00:00"), "it is deleted there"),
        (TWO, "incidents.json", setting("data", 0, "message", to={"a": DEEP}), "its message isn't text"),
        (TWO, "incidents.json", setting("data", 0, "message", to="a" * 50_000), "its message is longer than"),
        (TWO, "incidents.json", setting("data", 0, "updates", to={}), "its updates isn't a list"),
        (TWO, "incidents.json", setting("data", 0, "updates", 0, "status", to=7), "its status isn't"),
        (TWO, "schedules.json", setting("data", 0, "scheduled_at", to="soon"), "its scheduled_at isn't a time"),
        (TWO, "schedules.json", setting("data", 0, "completed_at", to="2014-01-01 00:00:00"), "it ends before it"),
        (TWO, "schedules.json", setting("data", 0, "components", 0, "component_id", to=[]), "its id isn't a valid id"),
        (THREE, "components.json", setting("data", 0, "attributes", "status", to={"value": 0}), "its status isn't"),
        (THREE, "components.json", setting("data", 0, "type", to="metrics"), "it isn't a component, group"),
        (THREE, "components.json", setting("links", "next", to="http://x/?page=2"), "page 2 of its components"),
        (
            THREE,
            "component-groups.json",
            setting("data", 0, "relationships", to=None),
            "its components aren't in the documents",
        ),
        (THREE, "incidents.json", setting("included", to=[]), "its updates aren't in the documents"),
        (THREE, "incidents.json", setting("data", 1, "relationships", to={}), "its updates aren't in the documents"),
        (THREE, "incidents.json", setting("data", 0, "attributes", "visible", to=0), "it is not public there"),
        (THREE, "incidents.json", setting("data", 0, "attributes", "created", to="x"), "its created isn't a time"),
        (THREE, "schedules.json", setting("data", 0, "attributes", "published", to={"string": None}), "not published"),
        (INSTATUS, "components.json", setting(1, "status", to="BROKEN"), "its status isn't one that Candor knows"),
        (INSTATUS, "components.json", setting(1, "group", to="cknothere"), "its group is not in the document"),
        (INSTATUS, "components.json", setting(1, "archived", to=True), "it is archived there"),
        (INSTATUS, "components.json", setting(1, "id", to=[]), "its id isn't a valid id"),
        (INSTATUS, "components.json", setting(1, to="x"), "it isn't a component"),
        (INSTATUS, "incidents.json", setting(0, "started", to="2020-09-12"), "its started isn't a time with"),
        (INSTATUS, "incidents.json", setting(0, "updates", 0, "status", to="OVER"), "its status isn't"),
        (INSTATUS, "incidents.json", setting(0, "updates", 0, "id", to="ckf01mnk9eaui0a32mmhgq68g"), "appears twice"),
        (INSTATUS, "maintenances.json", setting(0, "duration", to=1e300), "its duration isn't a number of minutes"),
        (INSTATUS, "maintenances.json", setting(0, "status", to="VERIFYING"), "its status isn't"),
        (KUMA, "backup.json", setting("monitorList", 1, "name", to=" "), "it has no name"),
        (KUMA, "backup.json", setting("monitorList", 1, "id", to="2"), "its id isn't a valid id"),
        (KUMA, STATUS_PAGE, setting("maintenanceList", 0, "strategy", to="manual"), "it repeats"),
        (KUMA, STATUS_PAGE, setting("maintenanceList", 0, to=ZONELESS), "its timezone is unknown"),
        (KUMA, STATUS_PAGE, setting("maintenanceList", 0, "status", to="unknown"), "its status isn't"),
        (KUMA, STATUS_PAGE, setting("maintenanceList", 0, "active", to=False), "it is switched off there"),
        (KUMA, STATUS_PAGE, setting("maintenanceList", 0, "timeslotList", to=[]), "it doesn't have exactly one start"),
        (KUMA, STATUS_PAGE, setting("incident", "createdDate", to=None), "its createdDate isn't a time"),
    ],
)
def test_a_row_that_can_not_be_taken_says_why_and_the_rest_comes_in(
    app: Flask,
    settings: Settings,
    page_id: int,
    tmp_path: Path,
    source: tuple[str, Importing],
    name: str,
    change: Callable[[Any], None],
    reason: str,
) -> None:
    before = bring(source[1], settings, page_id, DATA / source[0], dry_run=True)
    report = bring(source[1], settings, page_id, copied(tmp_path, source[0], name, change))
    reasons = [row.reason for row in report.rows]
    assert sum(reason in one for one in reasons) > sum(reason in row.reason for row in before.rows), reasons
    assert report.counts()["taken"] >= 2


@pytest.mark.parametrize("importing", [import_cachet, import_instatus, import_uptime_kuma])
@pytest.mark.parametrize("content", [b"", b"not json", b"\xff\xfe", b"7", b'{"error": 1}', b"[" * 100_000, b'"x"'])
def test_a_file_that_is_no_document_is_named_and_nothing_written(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path, importing: Importing, content: bytes
) -> None:
    for origin, (same, _) in SOURCES.items():
        if same is importing:
            shutil.copytree(DATA / origin, tmp_path, dirs_exist_ok=True)
    (tmp_path / "z_bad.json").write_bytes(content)
    with pytest.raises(Invalid, match=r"z_bad\.json"):
        bring(importing, settings, page_id, tmp_path)
    assert counts() == [0] * 8


def test_a_zone_that_is_none_is_refused(app: Flask, settings: Settings, page_id: int) -> None:
    with pytest.raises(Invalid, match="Enter the time zone"):
        bring(import_cachet, settings, page_id, DATA / "cachet/2", time_zone="../../etc/passwd")


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>One.</p><p>Two<br/>three.</p>", "One.\n\nTwo\nthree."),
        ("<ul><li>One</li><li>Two</li></ul>", "- One\n- Two"),
        ("a<script>alert(1)</script>b<style>*{}</style>", "ab"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<img src=x onerror=alert(1)><b onclick="x">now</b>', "**now**"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;<br>", "<script>alert(1)</script>"),
        ("5 < 6 <br> 7 & 8", "5 < 6 \n 7 & 8"),
    ],
)
def test_html_becomes_markdown_that_can_not_act(html: str, markdown: str) -> None:
    from app.text import markdown_to_html

    assert from_html(html) == "\n".join(line.rstrip() for line in markdown.split("\n"))
    shown = markdown_to_html(from_html(html))
    assert "<script" not in shown and "onclick" not in shown and "javascript:" not in shown


def test_a_file_that_is_too_large_is_refused(app: Flask, settings: Settings, page_id: int, tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    with pytest.raises(Invalid, match="larger than 50 MB"):
        bring(import_instatus, settings, page_id, large)
