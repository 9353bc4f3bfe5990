"""What programs and other websites take: planned work in the API, feeds in Statuspage's shape, badges, the frame."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import feedparser
import pytest
from flask import Flask
from werkzeug.test import Client

from app import clock
from app.actions.components.components import set_component_status
from app.actions.pages.pages import edit_page
from app.actions.posts.publishing import open_post, publish_update
from app.publish import feeds
from app.publish.refresh import refresh
from app.settings import Settings
from app.shapes import ComponentEffect, UpdateDraft
from app.vocabulary import ComponentStatus, Language, PostStatus
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, make_component
from tests.judge import judge
from tests.publish.test_calendar import NOON, plan, say
from tests.publish.test_pages import HOSTILE

pytestmark = pytest.mark.database
SAMPLE = Path(__file__).parent.parent / "data" / "statuspage" / "feeds" / "github_2026-08-22.atom"
HOUR = timedelta(hours=1)
ATOM = "{http://www.w3.org/2005/Atom}"
API = "/api/v2"
LISTS = {
    "incidents": "incidents",
    "incidents/unresolved": "incidents",
    "scheduled-maintenances": "scheduled_maintenances",
    "scheduled-maintenances/upcoming": "scheduled_maintenances",
    "scheduled-maintenances/active": "scheduled_maintenances",
}


def ids(reader: Client, name: str) -> list[str]:
    document: dict[str, Any] = json.loads(reader.get(f"{API}/{name}.json").data)
    assert list(document) == ["page", LISTS[name]]
    assert list(document["page"]) == ["id", "name", "url", "time_zone", "updated_at"]
    return [one["id"] for one in document[LISTS[name]]]


def test_without_anything_every_list_is_empty(settings: Settings, page_id: int, reader: Client) -> None:
    refresh(settings, page_id)
    assert {name: ids(reader, name) for name in LISTS} == {name: [] for name in LISTS}
    assert json.loads(reader.get(f"{API}/components.json").data)["components"] == []


def test_each_stage_of_planned_work_is_in_its_list(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    made = {}
    for number, (stages, name) in enumerate(
        (
            ((), "upcoming"),
            ((PostStatus.IN_PROGRESS,), "underway"),
            ((PostStatus.IN_PROGRESS, PostStatus.VERIFYING), "verified"),
            ((PostStatus.IN_PROGRESS, PostStatus.COMPLETED), "over"),
            ((PostStatus.CANCELLED,), "called off"),
        )
    ):
        with clock.frozen(NOON + number * HOUR):
            made[name] = plan(settings, page_id, f"plan-{number:04}", title=name)
            for version, status in enumerate(stages, 1):
                say(settings, made[name], status, version)
    with clock.frozen(NOON + 9 * HOUR):
        incident = open_post(settings, LENA, page_id, draft()).post_id
    assert ids(reader, "scheduled-maintenances") == list(reversed(made.values()))
    assert ids(reader, "scheduled-maintenances/upcoming") == [made["upcoming"]]
    assert ids(reader, "scheduled-maintenances/active") == [made["verified"], made["underway"]]
    assert ids(reader, "incidents") == ids(reader, "incidents/unresolved") == [incident]
    listed = json.loads(reader.get(f"{API}/scheduled-maintenances.json").data)["scheduled_maintenances"]
    assert {one["status"] for one in listed} <= {"scheduled", "in_progress", "verifying", "completed"}
    assert all(one["scheduled_for"] and one["scheduled_until"] for one in listed)
    assert json.loads(reader.get(f"{API}/incidents/{made['over']}.json").data)["incident"]["id"] == made["over"]


def test_a_component_of_which_nothing_is_known_has_a_status_that_clients_know(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    component = make_component(page_id)
    set_component_status(settings, LENA, page_id, component, ComponentStatus.UNKNOWN)
    told = json.loads(reader.get(f"{API}/components.json").data)["components"]
    assert [one["status"] for one in told] == ["degraded_performance"]


def test_no_more_than_fifty_and_the_newest_of_each_kind(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON - 400 * HOUR):
        first = plan(settings, page_id, start=NOON - 399 * HOUR)
        say(settings, first, PostStatus.IN_PROGRESS, 1)
        say(settings, first, PostStatus.COMPLETED, 2)
    made = []
    for number in range(52):
        with clock.frozen(NOON + number * HOUR):
            about = draft(f"many-{number:06}", status=PostStatus.RESOLVED, notify=False)
            made.append(open_post(settings, LENA, page_id, about).post_id)
    with clock.frozen(NOON + 3000 * HOUR):
        refresh(settings, page_id)
    assert ids(reader, "incidents") == list(reversed(made))[:50]
    assert ids(reader, "scheduled-maintenances") == [first]


@pytest.mark.parametrize("address", ["/api/v2/x.json", "/api/v2/incidents/nothere.json", "/incidents/nothere.json"])
def test_a_program_is_told_of_nothing_in_its_language(
    settings: Settings, page_id: int, reader: Client, address: str
) -> None:
    refresh(settings, page_id)
    answer = reader.get(address)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert json.loads(answer.data)["status"] == 404
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_an_entry_reads_as_the_captured_one_does(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft(body="We look into it."))
    for minutes, status, body in ((10, PostStatus.INVESTIGATING, "Still looking."), (20, PostStatus.RESOLVED, "Over.")):
        with clock.frozen(NOON + timedelta(minutes=minutes)):
            version = 1 + minutes // 10 - 1
            publish_update(settings, LENA, page_id, made.post_id, UpdateDraft(status, body, f"{body}-0000001", version))
    entry = ElementTree.fromstring(reader.get("/history.atom").data).find(f"{ATOM}entry")
    captured = ElementTree.parse(SAMPLE).getroot().find(f"{ATOM}entry")
    assert entry is not None and captured is not None
    assert {one.tag for one in entry} == {one.tag for one in captured}
    assert entry.findtext(f"{ATOM}published") == "2026-03-20T12:20:00+00:00"
    assert re.fullmatch(r"tag:[a-z.]*,2005:Incident/\d+", entry.findtext(f"{ATOM}id") or "")
    said = entry.findtext(f"{ATOM}content") or ""
    assert shape(said) == shape(captured.findtext(f"{ATOM}content") or "")[: len(shape(said))]
    assert re.findall(r"<strong>(\w+)</strong> - ([^<]*)</p>", said) == [
        ("Resolved", "Over."), ("Update", "Still looking."), ("Investigating", "We look into it."),
    ]  # fmt: skip
    assert "Mar <var data-var='date'>20</var>, <var data-var='time'>12:20</var> UTC</small><br>" in said


def shape(content: str) -> list[str]:
    """The tags of an entry in order, without what stands between them."""
    return re.findall(r"</?\w+", content)


def test_planned_work_says_when_it_is_and_when_it_ends(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    edit_page(settings, ALICE, page_id, time_zone="Europe/Berlin")
    with clock.frozen(NOON):
        plan(settings, page_id, start=NOON + 10 * HOUR)
        open_post(settings, LENA, page_id, draft("key-00000002"))
    day, at = "<var data-var='date'>{}</var>", "<var data-var='time'>{}</var>"
    banner = (
        f"<p><strong>THIS IS A SCHEDULED EVENT Mar {day.format(20)}, {at.format('23:00')} - "
        f"Mar {day.format(21)}, {at.format('01:00')} CET</strong></p>"
    )
    entries = ElementTree.fromstring(reader.get("/history.atom").data).findall(f"{ATOM}entry")
    assert sum((one.findtext(f"{ATOM}content") or "").startswith(banner) for one in entries) == 1
    raw = reader.get("/history.rss").data
    ends = [item.findtext("maintenanceEndDate") for item in ElementTree.fromstring(raw).iter("item")]
    assert sorted(ends, key=str) == sorted(["Sat, 21 Mar 2026 00:00:00 +0000", None], key=str)
    assert feedparser.parse(raw).bozo == 0


def test_the_same_feed_stands_at_every_address_that_readers_try(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    open_post(settings, LENA, page_id, draft())
    for name, others in {"/history.rss": ("/feed", "/feed.rss", "/rss.xml"), "/history.atom": ("/feed.atom",)}.items():
        first = reader.get(name)
        for other in others:
            answer = reader.get(other)
            assert (answer.data, answer.headers["ETag"]) == (first.data, first.headers["ETag"])
            assert reader.get(other, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("typed", HOSTILE, ids=lambda typed: repr(typed[:20]))
def test_the_json_feed_is_one_whatever_is_typed(
    app: Flask, settings: Settings, page_id: int, reader: Client, typed: str
) -> None:
    made = open_post(
        settings, LENA, page_id, draft(title=f"T {typed}"[:190], body=f"B {typed}"[:9_000], acknowledged=True)
    )
    document = json.loads(reader.get("/feed.json").data)
    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert document["feed_url"] == "http://localhost:8000/feed.json"
    assert document["title"] and document["home_page_url"] and document["authors"][0]["name"]
    (item,) = document["items"]
    assert item["url"].endswith(f"/incidents/{made.post_id}")
    assert item["id"] and "<script" not in item["content_html"] and all(isinstance(tag, str) for tag in item["tags"])
    for name in ("date_published", "date_modified"):
        assert datetime.fromisoformat(item[name]).tzinfo is not None  # RFC 3339, as the format asks


def test_a_feed_that_fails_leaves_the_last_good_one(
    app: Flask, settings: Settings, page_id: int, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_post(settings, LENA, page_id, draft())
    good = reader.get("/history.atom").data
    monkeypatch.setattr(feeds, "_statement", lambda *_: 1 / 0)
    second = open_post(settings, LENA, page_id, draft("key-00000002", title="Another"))
    assert reader.get("/history.atom").data == good
    assert reader.get(f"/incidents/{second.post_id}").status_code == 200
    assert "Another" in reader.get("/").text


def test_a_component_has_a_feed_of_its_own(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    mine, other = make_component(page_id, "Mine"), make_component(page_id, "Other & <more>")
    refresh(settings, page_id)
    names = {one["name"]: one["id"] for one in json.loads(reader.get(f"{API}/components.json").data)["components"]}
    made = open_post(settings, LENA, page_id, draft("key-00000001", mine, title="About mine"))
    address = f"/components/{names['Mine']}/feed.atom"
    entries = feedparser.parse(reader.get(address).data).entries
    assert [one.link for one in entries] == [f"http://localhost:8000/incidents/{made.post_id}"]
    silent = feedparser.parse(reader.get(f"/components/{names['Other & <more>']}/feed.atom").data)
    assert (silent.bozo, silent.entries, silent.feed.title) == (0, [], "Acme Status - Other & <more>")
    assert reader.get("/components/nothere00000/feed.atom").status_code == 404
    assert other


def test_a_badge_says_it_in_words_and_shape(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    component = make_component(page_id, "Sign-in")
    refresh(settings, page_id)
    well = reader.get("/badge.svg")
    assert (well.content_type, well.headers["Access-Control-Allow-Origin"]) == ("image/svg+xml", "*")
    effects = (ComponentEffect(component, ComponentStatus.MAJOR_OUTAGE),)
    open_post(settings, LENA, page_id, draft(effects=effects))
    public_id = json.loads(reader.get(f"{API}/components.json").data)["components"][0]["id"]
    down = reader.get("/badge.svg")
    for picture, words in ((well, "All Systems Operational"), (down, "Major System Outage")):
        root = ElementTree.fromstring(picture.data)
        assert root.get("aria-label") == f"Acme Status: {words}"
        assert (root.get("height"), root.get("role")) == ("20", "img")
        assert words in "".join(root.itertext())
    outlines = [re.findall(rb' d="([^"]+)"/>\s*<g fill', one.data)[0] for one in (well, down)]
    assert outlines[0] != outlines[1]
    assert json.loads(reader.get("/badge.json").data) == {
        "schemaVersion": 1, "label": "Acme Status", "message": "Major System Outage", "color": "b3261e",
    }  # fmt: skip
    own = json.loads(reader.get(f"/components/{public_id}/badge.json").data)
    assert (own["label"], own["message"]) == ("Sign-in", "Major outage")


@pytest.mark.parametrize("name", ["<b>&\"'", "日本語のとても長い名前" * 6, "W" * 200, "ש" * 5, "i"])
def test_a_badge_is_a_picture_whatever_the_page_is_called(
    app: Flask, settings: Settings, page_id: int, reader: Client, name: str
) -> None:
    edit_page(settings, ALICE, page_id, name=name[:100], locale=Language.GERMAN)
    root = ElementTree.fromstring(reader.get("/badge.svg").data)
    assert int(root.get("width", "0")) < 900
    assert json.loads(reader.get("/badge.json").data)["label"] == name[:100]


def test_the_frame_alone_may_be_framed_and_tells_of_the_worst(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    component = make_component(page_id)
    refresh(settings, page_id)
    calm = reader.get("/embed/frame")
    assert "frame-ancestors *" in calm.headers["Content-Security-Policy"]
    assert 'data-said=""' in calm.text and "All Systems Operational" in calm.text
    worst = (ComponentEffect(component, ComponentStatus.MAJOR_OUTAGE),)
    made = open_post(settings, LENA, page_id, draft(title="All is <down>", effects=worst))
    open_post(settings, LENA, page_id, draft("key-00000002", title="A small thing"))
    frame = reader.get("/embed/frame")
    judge(frame.text, "/embed/frame")
    assert "All is &lt;down&gt;" in frame.text and "A small thing" not in frame.text
    assert f"/incidents/{made.post_id}" in frame.text
    for address in ("/", "/history", f"/incidents/{made.post_id}"):
        assert "frame-ancestors 'none'" in reader.get(address).headers["Content-Security-Policy"]
    assert reader.get("/embed/script.js").content_type == "text/javascript; charset=utf-8"
    assert "StatusPage" in reader.get("/embed/statuspage.js").text
