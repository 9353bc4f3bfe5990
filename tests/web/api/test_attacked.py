"""What an attack on the API found, held in place: nothing half done, nothing undone, nothing that a page breaks on."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import Client

from app import clock
from app.actions.pages.pages import edit_page
from app.actions.posts import publishing
from app.actions.subscribers.managing import unsubscribe
from app.db import session
from app.models.audit import AuditEntry
from app.models.component import Component
from app.models.post import Post, Update
from app.settings import Settings
from app.vocabulary import ComponentStatus
from app.web.concurrency_limit import ConcurrencyLimit
from tests.factories import ALICE, make_component
from tests.publish.test_calendar import NOON
from tests.web.api.conftest import Script

pytestmark = pytest.mark.database


def opened(script: Script, **facts: Any) -> str:
    made = script.send("POST", "/incidents", {"incident": {"name": "Slow", "body": "We look.", **facts}})
    return f"/incidents/{made['id']}"


def test_a_day_that_no_zone_can_hold_is_refused_and_renders_all_the_same(
    app: Flask, script: Script, settings: Settings, page_id: int, reader: Client
) -> None:
    edit_page(settings, ALICE, page_id, time_zone="Europe/Berlin")
    body = {"component": {"name": "Early", "start_date": "0001-01-01"}}
    assert script.refused("POST", "/components", body)[0] == 422
    make_component(page_id, "Stored long ago", start_date=date(1, 1, 1))
    one = opened(script)
    assert reader.get(one).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": "y" * 20_000}, {"status": "completed"}, {"components": {"nothere00000": "operational"}},
        {"acknowledged": "maybe"}, {"body": "See http://10.0.0.7/admin password=hunter2hunter2"},
    ],
    ids=lambda wrong: str(wrong)[:30],
)  # fmt: skip
def test_a_refused_change_changes_nothing(script: Script, page_id: int, wrong: dict[str, Any]) -> None:
    one = opened(script)
    body = {"name": "Changed", "metadata": {"a": {}}, "status": "resolved", **wrong}
    assert script.refused("PATCH", one, {"incident": body})[0] in {404, 422}
    found = script.get(one)
    assert (found["name"], found["metadata"], len(found["incident_updates"])) == ("Slow", {}, 1)


@pytest.mark.parametrize(
    "unseen",
    ["\u200b", "\u2060\ufeff", " \u00a0\u3000", "\u00ad\u200d", "\u3164", "\u2800\ufe0f", "\u202e\u200b", "\U000e0041"],
    ids=ascii,
)
def test_what_nobody_can_see_is_no_name_and_no_text(script: Script, page_id: int, unseen: str) -> None:
    one, api = opened(script), make_component(page_id, "API")
    words = {"name": "Network", "title": "Trouble", "body": "We look."}
    for method, path, body in (
        ("POST", "/incidents", {"incident": {"name": unseen}}),
        ("POST", "/incidents", {"incident": {"name": "Slow", "body": unseen}}),
        ("PATCH", one, {"incident": {"name": unseen}}),
        ("PATCH", one, {"incident": {"body": unseen}}),
        ("POST", "/components", {"component": {"name": unseen}}),
        ("PATCH", f"/components/{api}", {"component": {"name": unseen}}),
        ("POST", "/component-groups", {"component_group": {"name": unseen, "components": [api]}}),
        ("PATCH", "", {"page": {"name": unseen}}),
        *(("POST", "/incident_templates", {"template": {**words, name: unseen}}) for name in words),
    ):
        status, sentence = script.refused(method, path, body)
        assert (status, "empty" in sentence) == (422, True), (method, path, sentence)
    assert len(script.get("/incidents")) == len(script.get("/components")) == 1


def test_what_joins_letters_stays_between_them(script: Script, page_id: int) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467 می\u200cخواهم"
    assert script.get(opened(script, name=family))["name"] == family


def test_facts_and_words_go_together(script: Script, page_id: int) -> None:
    one = opened(script)
    body = {"name": "Very slow", "metadata": {"a": {"b": 1}}, "impact_override": "major", "status": "identified"}
    found = script.send("PATCH", one, {"incident": body})
    assert (found["name"], found["metadata"], found["impact"]) == ("Very slow", {"a": {"b": 1}}, "major")
    assert [said["status"] for said in found["incident_updates"]] == ["identified", "investigating"]


def test_what_is_named_and_not_moved_stays_as_it_is(script: Script, page_id: int) -> None:
    unknown = make_component(page_id, status=ComponentStatus.UNKNOWN)
    one = opened(script, component_ids=[unknown])
    session().rollback()
    assert session().scalars(select(Component.status)).one() == ComponentStatus.UNKNOWN
    found = script.get(one)
    assert (found["impact"], [part["id"] for part in found["components"]]) == ("none", [unknown])


def test_what_is_not_given_is_not_written(script: Script, page_id: int) -> None:
    made = script.send("POST", "/components", {"component": {"name": "API", "description": "All of it"}})
    one = f"/components/{made['id']}"
    group = script.send("POST", "/component-groups", {"component_group": {"name": "EU", "components": [made["id"]]}})
    script.send("PATCH", one, {"component": {"name": "The API"}})
    found = script.send("PATCH", one, {"component": {"description": "Nearly all"}})
    assert (found["name"], found["description"], found["group_id"]) == ("The API", "Nearly all", group["id"])
    assert script.send("PATCH", one, {"component": {"group_id": None}})["group_id"] is None


def test_two_of_one_name_can_still_be_set(script: Script, page_id: int) -> None:
    names = [make_component(page_id, "DB"), make_component(page_id, "DB")]
    for one in names:
        changed = script.send("PATCH", f"/components/{one}", {"component": {"status": "major_outage"}})
        assert changed["status"] == "major_outage"
    assert script.refused("POST", "/components", {"component": {"name": "db"}})[0] == 409


def test_who_left_has_to_confirm(script: Script, settings: Settings, page_id: int) -> None:
    body = {"subscriber": {"email": "eve@example.com", "skip_confirmation_notification": True}}
    made = script.send("POST", "/subscribers", body)
    unsubscribe(settings, ALICE, page_id, [made["id"]])
    assert script.refused("POST", "/subscribers", body)[0] == 422
    assert script.get("/subscribers") == []


def test_nobody_is_asked_more_often_than_by_the_public_form(script: Script, page_id: int) -> None:
    with clock.frozen(NOON):
        made = script.send("POST", "/subscribers", {"subscriber": {"email": "eve@example.com"}})
        again = f"/subscribers/{made['id']}/resend_confirmation"
        assert [script.call("POST", again).status_code for _ in range(3)] == [201, 201, 429]


def test_a_postmortem_is_published_once_and_a_newer_draft_stays(
    script: Script, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = opened(script, status="resolved")
    script.send("PUT", f"{one}/postmortem", {"postmortem": {"body_draft": "First."}})
    script.send("PUT", f"{one}/postmortem/publish", {"postmortem": {"notify_subscribers": True}})
    assert script.refused("PUT", f"{one}/postmortem/publish")[0] == 422
    found = script.get(one)
    assert [said["status"] for said in found["incident_updates"]].count("postmortem") == 1
    script.send("PUT", f"{one}/postmortem", {"postmortem": {"body_draft": "Second."}})
    real = publishing._check

    def writing_meanwhile(writing: Any, post: Post, draft: Any) -> None:
        real(writing, post, draft)
        post.postmortem_draft = "Third."

    monkeypatch.setattr(publishing, "_check", writing_meanwhile)
    script.send("PUT", f"{one}/postmortem/publish")
    assert script.get(f"{one}/postmortem")["body_draft"] == "Third."


def test_only_who_may_publish_sees_what_is_not_published(
    script: Script, script_with: Callable[..., Script], page_id: int
) -> None:
    one = opened(script, status="resolved")
    script.send("PUT", f"{one}/postmortem", {"postmortem": {"body_draft": "Not yet."}})
    weak = script_with("read")
    assert weak.refused("GET", f"{one}/postmortem")[0] == 404
    assert weak.refused("GET", "/incident_templates")[0] == 403
    assert script_with("posts").get(f"{one}/postmortem")["body_draft"] == "Not yet."


def test_a_key_says_done_of_nothing_else(script: Script, page_id: int) -> None:
    key = {"Idempotency-Key": "one"}
    one = opened(script)
    script.send("PATCH", one, {"incident": {"body": "More."}}, headers=key)
    assert script.refused("POST", "/incidents", {"incident": {"name": "New"}}, headers=key)[0] == 409
    second = {"Idempotency-Key": "two"}
    made = script.send("POST", "/incidents", {"incident": {"name": "New"}}, headers=second)
    over = {"incident": {"status": "resolved"}}
    assert script.refused("PATCH", f"/incidents/{made['id']}", over, headers=second)[0] == 409
    for wrong in ("x" * 101, "caf\u00e9"):
        headers = {"Idempotency-Key": wrong}
        assert script.refused("POST", "/incidents", {"incident": {"name": "N"}}, headers=headers)[0] == 422


LONELY = [
    ("POST", "/incidents", {"incident": {"name": "x", "components": {"\ud800": "operational"}}}),
    ("POST", "/incidents", {"incident": {"name": "x", "component_ids": ["\x00"]}}),
    ("POST", "/incidents", {"incident": {"name": "x", "metadata": {"a": {"b": "\udfff"}}}}),
    ("POST", "/components", {"component": {"name": "x", "group_id": "\ud800"}}),
    ("POST", "/component-groups", {"component_group": {"name": "x", "components": ["\ud800"]}}),
    ("POST", "/subscribers", {"subscriber": {"endpoint": "https://example.com/\ud800"}}),
    ("POST", "/subscribers/unsubscribe", {"subscribers": "all", "type": ["email"]}),
    ("POST", "/subscribers/unsubscribe", {"subscribers": "all", "state": ["active"]}),
    ("POST", "/subscribers/reactivate", {"subscribers": "all", "state": {"a": 1}}),
    ("GET", "/incidents?q=%00", None),
    ("GET", "/subscribers?q=%00", None),
]


@pytest.mark.parametrize(("method", "path", "body"), LONELY, ids=lambda one: repr(one)[:50])
def test_what_no_database_keeps_is_refused_in_words(
    script: Script, page_id: int, method: str, path: str, body: Any
) -> None:
    status, sentence = script.refused(method, path, body)
    assert status in {400, 422} and sentence.endswith(".")


def test_numbers_that_are_none_never_come_out(script: Script, page_id: int) -> None:
    raw = b'{"incident": {"name": "x", "metadata": {"a": {"b": 1e999}}}}'
    assert script.call("POST", "/incidents", data=raw, content_type="application/json").status_code == 400
    long = b'{"incident": {"name": "x", "metadata": {"a": {"b": ' + b"9" * 5000 + b"}}}}"
    answer = script.call("POST", "/incidents", data=long, content_type="application/json")
    assert answer.status_code == 400 and "sys." not in answer.text


def test_a_title_that_was_meant_can_be_sent_again(script: Script, page_id: int) -> None:
    name = "db1 at 10.0.0.5 down"
    one = opened(script, name=name, acknowledged=True)
    assert script.send("PATCH", one, {"incident": {"name": name, "status": "resolved"}})["status"] == "resolved"


def test_a_secret_address_is_in_no_label_and_no_audit_line(script: Script, page_id: int) -> None:
    body = {"subscriber": {"endpoint": "https://example.com/hook?secret=ssss", "email": "owner@example.com"}}
    made = script.send("POST", "/subscribers", body)
    assert made["signing_secret"].startswith("whsec_")
    session().rollback()
    lines = " ".join(session().scalars(select(AuditEntry.detail)))
    assert "ssss" not in lines and "owner@" not in lines and "example.com" in lines


def test_an_impact_alone_says_nothing_and_a_text_keeps_the_status(script: Script, page_id: int) -> None:
    one = opened(script)
    changed = script.send("PATCH", one, {"incident": {"impact_override": "critical"}})
    assert (changed["impact"], len(changed["incident_updates"])) == ("critical", 1)
    script.send("PATCH", one, {"incident": {"status": "resolved"}})
    script.send("PUT", f"{one}/postmortem", {"postmortem": {"body_draft": "Learned."}})
    script.send("PUT", f"{one}/postmortem/publish")
    more = script.send("PATCH", one, {"incident": {"body": "One thing more."}})
    assert more["incident_updates"][0]["status"] == "resolved"
    lonely = {"incident": {"name": "x", "scheduled_until": "2027-01-01T00:00:00Z"}}
    assert script.refused("POST", "/incidents", lonely)[0] == 422


def test_a_window_that_moves_takes_its_promise_along(script: Script, page_id: int) -> None:
    with clock.frozen(NOON):
        window = {"scheduled_for": "2026-03-21T12:00:00Z", "scheduled_until": "2026-03-21T14:00:00Z"}
        one = opened(script, **window)
        moved = {"scheduled_for": "2026-03-22T12:00:00Z", "scheduled_until": "2026-03-22T14:00:00Z"}
        script.send("PATCH", one, {"incident": moved})
        session().rollback()
        post = session().scalars(select(Post)).one()
        assert post.next_update_by == post.scheduled_for
        script.send("PATCH", one, {"incident": {"status": "in_progress"}})
        script.send("PATCH", one, {"incident": {"status": "completed"}})
        assert script.refused("PATCH", one, {"incident": {"scheduled_until": "2026-03-23T14:00:00Z"}})[0] == 422


def test_who_saw_no_version_is_never_told_that_somebody_was_faster(script: Script, page_id: int) -> None:
    one = opened(script)
    for number in range(3):
        script.send("PATCH", one, {"incident": {"body": f"Update {number}."}})
    session().rollback()
    assert len(session().scalars(select(Update)).all()) == 4


@pytest.mark.parametrize(("path", "key"), [("/v1/pages", "error"), ("/api/v1/pages", "detail")])
def test_a_program_can_read_that_candor_is_busy(path: str, key: str) -> None:
    def never(_environ: dict[str, Any], _start: Any) -> list[bytes]:
        raise AssertionError("there is no room for it")

    answer = Client(ConcurrencyLimit(never, 0)).get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "busy" in json.loads(answer.data)[key]


@pytest.mark.parametrize(
    "url", ["https://h:abc", "https://h:99999", "https://a b/", "https://user:pw@h", 'https://x"><b>']
)
def test_an_address_that_is_none_is_refused(script: Script, page_id: int, url: str) -> None:
    assert script.refused("PATCH", "", {"page": {"url": url}})[0] == 422
