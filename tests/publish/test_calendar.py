"""The calendar of planned work, by a library that reads it and by the bytes themselves (RFC 5545)."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
from flask import Flask
from werkzeug.test import Client

from app import clock
from app.actions.pages.pages import edit_page
from app.actions.posts.publishing import open_post, publish_update
from app.publish.refresh import refresh
from app.settings import Settings
from app.shapes import COMMAND_LINE, UpdateDraft
from app.transfer.status_pages import import_statuspage
from app.vocabulary import PostKind, PostStatus
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, only_page
from tests.publish.test_pages import HOSTILE

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LINE = re.compile(r"(?P<name>[A-Z-]+)(?P<parameters>(;[A-Z-]+=[^;:,\"]+)*):(?P<value>.*)", re.DOTALL)
TEXTS = {"SUMMARY", "DESCRIPTION", "X-WR-CALNAME", "PRODID"}
ESCAPED = re.compile(r"(?:[^\\,;\n]|\\[\\,;nN])*")
ONCE = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "STATUS", "SEQUENCE"}
INSTANT = re.compile(r"\d{8}T\d{6}Z")
INJECTED = [
    "x\r\nATTENDEE:mailto:eve@example.com",
    "x\nEND:VEVENT\nBEGIN:VEVENT\nUID:eve",
    "a, b; c \\n d \\, e \\\\ : f \" g ^n '",
    "\\",
    "é" * 180,
    "日本語の作業" * 30,
    "a" * 59 + "👩🏽‍🚀" * 20,
    "\x85\x0b\x0c\x1c\u2028\u2029 END:VCALENDAR",
]


def content_lines(raw: bytes) -> list[tuple[str, str]]:
    """The unfolded lines as (name, value), after the bytes were found sound."""
    assert raw.endswith(b"\r\n")
    assert b"\r" not in raw.replace(b"\r\n", b"") and b"\n" not in raw.replace(b"\r\n", b"")
    folded = raw[:-2].split(b"\r\n")
    for line in folded:
        assert 0 < len(line) <= 75
        assert not re.search("[\x00-\x08\x0a-\x1f\x7f]", line.decode())  # decoding also fails where a letter is split
    found = [LINE.fullmatch(line) for line in raw[:-2].replace(b"\r\n ", b"").decode().split("\r\n")]
    return [(line["name"], line["value"]) for line in found if line is not None or pytest.fail("not a content line")]


def said(value: str) -> str:
    """A text as it was before it was escaped."""
    assert ESCAPED.fullmatch(value), value
    return re.sub(r"\\(.)", lambda one: "\n" if one[1] in "nN" else one[1], value)


def events_in(raw: bytes) -> list[dict[str, str]]:
    """Each event's own facts, from bytes that are sound and that the library reads in the same way."""
    lines = content_lines(raw)
    assert lines[0] == ("BEGIN", "VCALENDAR") and lines[-1] == ("END", "VCALENDAR")
    assert [value for name, value in lines if name == "VERSION"] == ["2.0"]
    assert sum(name == "PRODID" for name, _ in lines) == 1
    assert sum(name == "BEGIN" for name, _ in lines) > 1, "a calendar holds at least one component"
    found: list[dict[str, str]] = []
    within = ""
    for name, value in lines[1:-1]:
        if name in {"BEGIN", "END"}:
            within = value if name == "BEGIN" else ""
            found += [{}] if (name, value) == ("BEGIN", "VEVENT") else []
        elif within == "VEVENT":
            assert name not in found[-1], f"{name} twice"
            found[-1][name] = said(value) if name in TEXTS else value
    for one in found:
        assert set(one) >= ONCE and all(INSTANT.fullmatch(one[name]) for name in ("DTSTAMP", "DTSTART", "DTEND"))
        assert re.fullmatch(r"0|[1-9]\d*", one["SEQUENCE"])
    assert len({one["UID"] for one in found}) == len(found)
    read = icalendar.Calendar.from_ical(raw).walk("VEVENT")
    assert [(one["UID"], one["SUMMARY"], one["DTSTAMP"].dt, one["SEQUENCE"]) for one in read] == [
        (one["UID"], one["SUMMARY"], instant(one["DTSTAMP"]), int(one["SEQUENCE"])) for one in found
    ]
    return found


def instant(value: str) -> datetime:
    return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def calendar(reader: Client) -> list[dict[str, str]]:
    answer = reader.get("/calendar.ics")
    assert (answer.status_code, answer.content_type) == (200, "text/calendar; charset=utf-8")
    return events_in(answer.data)


def plan(settings: Settings, page_id: int, key: str = "plan-0001", start: datetime = NOON + DAY, **words: str) -> str:
    planned = draft(
        key, kind=PostKind.MAINTENANCE, status=PostStatus.SCHEDULED, scheduled_for=start,
        scheduled_until=start + 2 * HOUR, acknowledged=True, **words,
    )  # fmt: skip
    return open_post(settings, LENA, page_id, planned).post_id


def say(settings: Settings, post_id: str, status: PostStatus, version: int) -> None:
    publish_update(
        settings, LENA, only_page(), post_id, UpdateDraft(status, f"Now {status}.", f"{post_id}-{version}", version)
    )


def test_a_window_is_one_event_and_an_incident_is_none(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        first = plan(settings, page_id, title="New disks", body="We **swap** disks.\n\nIt is quick, we hope; bye.")
        second = plan(settings, page_id, "plan-0002", NOON + 3 * DAY, title="New cables")
        open_post(settings, LENA, page_id, draft())
    found = calendar(reader)
    assert [one["SUMMARY"] for one in found] == ["Acme Status: New disks", "Acme Status: New cables"]
    assert found[0]["DESCRIPTION"] == "We **swap** disks.\n\nIt is quick, we hope; bye."
    assert [found[0][name] for name in ("DTSTAMP", "DTSTART", "DTEND", "STATUS", "URL")] == [
        "20260320T120000Z", "20260321T120000Z", "20260321T140000Z", "CONFIRMED",
        f"http://localhost:8000/incidents/{first}",
    ]  # fmt: skip
    assert found[1]["URL"].endswith(second)


def test_without_planned_work_it_is_a_calendar_all_the_same(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    refresh(settings, page_id)
    assert calendar(reader) == []


def test_an_event_keeps_its_id_whatever_happens_to_it_and_its_page(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        post_id = plan(settings, page_id)
    before = calendar(reader)[0]
    with clock.frozen(NOON + DAY):
        say(settings, post_id, PostStatus.IN_PROGRESS, 1)
        edit_page(settings, ALICE, page_id, name="Other", url="https://other.example.com", time_zone="Asia/Tokyo")
        after = calendar(reader)[0]
    assert (after["UID"], after["STATUS"]) == (before["UID"], "CONFIRMED")
    assert (before["SEQUENCE"], after["SEQUENCE"]) == ("0", "1")
    assert (after["DTSTART"], after["DTEND"]) == (before["DTSTART"], before["DTEND"])
    assert after["DTSTAMP"] > before["DTSTAMP"] and after["DESCRIPTION"] == "Now in_progress."
    with clock.frozen(NOON + DAY + HOUR):
        say(settings, post_id, PostStatus.COMPLETED, 2)
    assert [(one["UID"], one["STATUS"]) for one in calendar(reader)] == [(before["UID"], "CONFIRMED")]


def test_a_cancelled_window_says_so_and_stays_until_it_would_be_over(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        post_id = plan(settings, page_id, start=NOON + 5 * DAY)
        uid = calendar(reader)[0]["UID"]
    with clock.frozen(NOON + HOUR):
        say(settings, post_id, PostStatus.CANCELLED, 1)
    for later in (2 * HOUR, 4 * DAY):
        with clock.frozen(NOON + later):
            refresh(settings, page_id)
        found = calendar(reader)
        assert [(one["UID"], one["STATUS"], one["SEQUENCE"]) for one in found] == [(uid, "CANCELLED", "1")]
    assert calendar(reader)[0]["DTSTAMP"] == "20260320T130000Z"
    document = json.loads(reader.get(f"/api/v2/incidents/{post_id}.json").data)["incident"]
    assert (document["status"], document["resolved_at"]) == ("completed", "2026-03-20T13:00:00.000Z")


def test_a_window_that_is_moved_is_the_same_event_with_a_higher_sequence(
    app: Flask, settings: Settings, page_id: int, reader: Client, tmp_path: Path
) -> None:
    sequences = []
    for hours in (24, 48, 48, 36):
        (tmp_path / "planned.json").write_text(json.dumps(planned_elsewhere(NOON + hours * HOUR)))
        with clock.frozen(NOON):
            import_statuspage(settings, COMMAND_LINE, page_id, tmp_path / "planned.json")
            (found,) = calendar(reader)
        assert instant(found["DTSTART"]) == NOON + hours * HOUR
        sequences.append((found["UID"], int(found["SEQUENCE"])))
    assert sequences == [("plan00000001@", 0), ("plan00000001@", 1), ("plan00000001@", 1), ("plan00000001@", 2)]


def planned_elsewhere(start: datetime) -> dict[str, object]:
    """Statuspage's document of one planned window."""
    at = NOON.isoformat()
    update = {"id": "said00000001", "status": "scheduled", "body": "New disks.", "display_at": at, "created_at": at}
    window = {"scheduled_for": start.isoformat(), "scheduled_until": (start + HOUR).isoformat()}
    about = {"id": "plan00000001", "name": "New disks", "status": "scheduled", "impact": "maintenance"}
    return {"scheduled_maintenances": [{**about, **window, "created_at": at, "incident_updates": [update]}]}


def test_times_are_instants_whatever_the_zone_does(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    start = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # Berlin goes from 02:00 to 03:00 at 01:00 UTC
    with clock.frozen(NOON):
        edit_page(settings, ALICE, page_id, time_zone="Europe/Berlin")
        plan(settings, page_id, start=start)
    assert [(one["DTSTART"], one["DTEND"]) for one in calendar(reader)] == [("20260329T003000Z", "20260329T023000Z")]


@pytest.mark.parametrize("typed", [*HOSTILE, *INJECTED], ids=lambda typed: repr(typed[:20]))
def test_whatever_is_typed_it_is_one_sound_event(
    app: Flask, settings: Settings, page_id: int, reader: Client, typed: str
) -> None:
    with clock.frozen(NOON):
        edit_page(settings, ALICE, page_id, name=f"P {typed}"[:90])
        plan(settings, page_id, title=f"Title {typed}"[:190], body=f"Body\n\n{typed}"[:10_000])
    (found,) = calendar(reader)
    assert set(found) <= {*ONCE, "DESCRIPTION", "LAST-MODIFIED", "URL"}
    assert found["DTSTART"] == "20260321T120000Z" and found["UID"] != "eve"
    assert found["DESCRIPTION"].startswith("Body") and ": Title" in found["SUMMARY"]
    assert "\n" not in found["SUMMARY"]
