"""What stands on the front page and when: groups that open, announcements by the clock, posts kept on top."""

from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

import pytest
from flask import Flask
from werkzeug.test import Client

from app import clock
from app.actions.components.components import create_component, set_component_status
from app.actions.pages.announcements import create_announcement, end_announcement, show_due
from app.actions.posts.editing import pin_post
from app.actions.posts.publishing import open_post, publish_update
from app.publish.refresh import refresh
from app.settings import Settings
from app.shapes import AnnouncementDraft, UpdateDraft
from app.vocabulary import ComponentStatus, Impact, PostStatus
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, make_component, make_group
from tests.judge import judge
from tests.publish.test_pages import HOSTILE

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def words(element: Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def front(reader: Client) -> Element:
    return judge(reader.get("/").text)


def groups(page: Element) -> dict[str, bool]:
    """Which groups there are, and which of them are open."""
    return {
        words(one.find("summary/span")): one.get("open") is not None
        for one in page.iter("details")
        if one.get("class") == "group"
    }


def announced(page: Element) -> list[str]:
    return [words(one.find("h2")) for one in page.iter("article") if one.get("class") == "announcement"]


def headings(page: Element) -> list[str]:
    return [words(one.find("h2")) for one in page.iter("section") if one.find("h2") is not None]


@pytest.mark.parametrize("status", [one for one in ComponentStatus if one is not ComponentStatus.OPERATIONAL])
def test_a_group_opens_by_itself_while_a_member_is_not_well(
    app: Flask, settings: Settings, page_id: int, reader: Client, status: ComponentStatus
) -> None:
    well, troubled = make_group(page_id, "Well", 0), make_group(page_id, "Troubled", 1)
    for number in range(12):
        make_component(page_id, f"Part {number}", group_id=well, position=number)
    part = make_component(page_id, "Part 12", group_id=troubled, position=12)
    refresh(settings, page_id)
    assert groups(front(reader)) == {"Well": False, "Troubled": False}
    set_component_status(settings, LENA, page_id, part, status)
    assert groups(front(reader)) == {"Well": False, "Troubled": True}
    heading = next(one for one in front(reader).iter("summary") if words(one).startswith("Troubled"))
    assert words(heading) == f"Troubled {status.label}"
    set_component_status(settings, LENA, page_id, part, ComponentStatus.OPERATIONAL)
    assert groups(front(reader)) == {"Well": False, "Troubled": False}


def test_a_member_that_is_hidden_opens_nothing_and_a_short_page_folds_nothing(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    group = make_group(page_id, "Group")
    for number in range(12):
        make_component(page_id, f"Part {number}", group_id=group, position=number)
    make_component(page_id, "Bastion", ComponentStatus.MAJOR_OUTAGE, group_id=group, visible=False)
    refresh(settings, page_id)
    assert groups(front(reader)) == {"Group": True}
    make_component(page_id, "Part 12", group_id=group, position=12)
    refresh(settings, page_id)
    assert groups(front(reader)) == {"Group": False}
    assert "Bastion" not in reader.get("/").text


def test_an_announcement_begins_and_ends_by_the_clock(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        said = AnnouncementDraft("We move to Oslo", "On **Monday**.", NOON + HOUR, NOON + 3 * HOUR)
        create_announcement(settings, LENA, page_id, said)
    seen = []
    for minute in (0, 59, 60, 61, 179, 180, 181):
        with clock.frozen(NOON + minute * MINUTE):
            show_due(settings)
        seen.append((minute, announced(front(reader))))
    oslo = ["We move to Oslo"]
    assert seen == [(0, []), (59, []), (60, oslo), (61, oslo), (179, oslo), (180, []), (181, [])]


def test_announcements_stand_above_all_but_the_verdict_newest_first(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    for day, title in ((3, "First"), (2, "Second")):
        with clock.frozen(NOON - day * DAY):
            kept = create_announcement(settings, LENA, page_id, AnnouncementDraft(title, f"{title} **word**."))
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft())
    page = front(reader)
    assert announced(page) == ["Second", "First"]
    assert [one.text for one in page.iter("strong") if one.text == "word"] == ["word"] * 2
    order = [one.get("class") or one.get("aria-labelledby") or "" for one in page.iter("section")]
    assert order[0].startswith("verdict") and order[1:4] == ["announcements", "happening", "components"]
    with clock.frozen(NOON + HOUR):
        end_announcement(settings, LENA, page_id, kept)
    assert announced(front(reader)) == ["First"]


def test_the_gravest_open_post_stands_first_and_of_those_alike_the_newest(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    told = (Impact.MINOR, Impact.CRITICAL, Impact.NONE, Impact.MAJOR, Impact.MINOR)
    for hour, impact in enumerate(told):
        with clock.frozen(NOON + hour * HOUR):
            open_post(settings, LENA, page_id, draft(f"grave-{hour:04}", title=f"{impact} {hour}", impact=impact))
    happening = next(one for one in front(reader).iter("section") if one.get("aria-labelledby") == "happening")
    seen = [words(one.find("h3")) for one in happening.iter("article")]
    assert seen == ["critical 1", "major 3", "minor 4", "minor 0", "none 2"]
    assert "critical 1" in reader.get("/embed/frame").text


def test_a_pinned_post_stays_above_the_components_however_old(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON - 60 * DAY):
        post_id = open_post(settings, LENA, page_id, draft(title="Old wound")).post_id
        pin_post(settings, LENA, page_id, post_id, True)
    assert "Still worth reading" not in headings(front(reader))  # it is open, and on top anyway
    with clock.frozen(NOON - 59 * DAY):
        publish_update(settings, LENA, page_id, post_id, UpdateDraft(PostStatus.RESOLVED, "Over.", "pin-000002", 1))
    with clock.frozen(NOON):
        refresh(settings, page_id)
    page = front(reader)
    assert headings(page) == ["Still worth reading", "Components", "Past days"]
    pinned = next(one for one in page.iter("section") if one.get("aria-labelledby") == "pinned")
    assert words(pinned) == "Still worth reading Old wound Resolved Jan 19, 12:00 UTC, 1 day Over."
    assert [one.get("href") for one in pinned.iter("a")] == [f"/incidents/{post_id}"]
    pin_post(settings, LENA, page_id, post_id, False)
    assert "Old wound" not in words(front(reader))


def test_a_pinned_post_tells_how_it_ended_and_not_how_its_post_mortem_begins(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        post_id = open_post(settings, LENA, page_id, draft(title="Old wound")).post_id
        for version, status, body in ((1, PostStatus.RESOLVED, "Over."), (2, PostStatus.POSTMORTEM, "# What was")):
            said = UpdateDraft(status, body, f"pin-{version:06}", version)
            publish_update(settings, LENA, page_id, post_id, said)
        pin_post(settings, LENA, page_id, post_id, True)
    page = front(reader)
    told = [words(one) for one in page.iter("article")]
    assert told and all(one.endswith("Over.") for one in told)


def test_a_pinned_post_of_these_days_is_sound_in_both_places(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        post_id = open_post(settings, LENA, page_id, draft(title="New wound")).post_id
        publish_update(settings, LENA, page_id, post_id, UpdateDraft(PostStatus.RESOLVED, "Over.", "pin-000002", 1))
        pin_post(settings, LENA, page_id, post_id, True)
    assert [words(one.find("*")) for one in front(reader).iter("article")] == ["New wound"] * 2


@pytest.mark.parametrize("typed", HOSTILE, ids=lambda typed: repr(typed[:20]))
def test_hostile_names_and_announcements_are_text(
    app: Flask, settings: Settings, page_id: int, reader: Client, typed: str
) -> None:
    said = AnnouncementDraft(f"News {typed}"[:190], f"Body {typed}"[:9_000], acknowledged=True)
    create_announcement(settings, LENA, page_id, said)
    create_component(
        settings, ALICE, page_id, name=f"Part {typed}"[:90], description=f"About {typed}"[:400],
        status=ComponentStatus.PARTIAL_OUTAGE,
    )  # fmt: skip
    page = front(reader)
    told = words(page)
    assert "News" in told and "Part" in told and "About" in told and "Body" in told
    for one in page.iter():
        assert one.tag not in {"x", "img", "b", "iframe"} and (
            one.tag != "script" or one.get("src", "").endswith(".js")
        )
        assert one.get("href", "/").startswith(("/", "#", "http", "data:image/svg+xml,", "mailto:"))
