"""An incident's own page: what, since when, how long, who is affected, what we know, what is next; then its story."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

import html5lib
import pytest
from flask import Flask
from werkzeug.test import Client

from app import clock
from app.actions.components.components import create_component, edit_component
from app.actions.posts.correcting import correct_update
from app.actions.posts.publishing import open_post, publish_update
from app.publish.refresh import refresh
from app.settings import Settings
from app.shapes import ComponentEffect, UpdateDraft
from app.vocabulary import ComponentStatus, PostKind, PostStatus
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, make_component, make_group
from tests.judge import judge
from tests.publish.test_pages import HOSTILE

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MAJOR, PARTIAL, WELL = ComponentStatus.MAJOR_OUTAGE, ComponentStatus.PARTIAL_OUTAGE, ComponentStatus.OPERATIONAL


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the story is told from; each word has its instant, in minutes after noon."""

    settings: Settings
    page_id: int
    reader: Client

    def open(self, *effects: ComponentEffect, at: float = 0, **words: object) -> tuple[str, str]:
        with clock.frozen(NOON + at * MINUTE):
            made = open_post(
                self.settings, LENA, self.page_id, draft(effects=effects, acknowledged=True, **words)
            )  # fmt: skip
        return made.post_id, made.update_id

    def say(
        self, post_id: str, at: float, status: PostStatus, body: str, version: int, *effects: ComponentEffect,
        promise: float | None = None,
    ) -> str:  # fmt: skip
        promised = NOON + promise * MINUTE if promise is not None else None
        said = UpdateDraft(
            status, body, f"say-{version:05}", version, effects=effects, next_update_by=promised, acknowledged=True
        )
        with clock.frozen(NOON + at * MINUTE):
            return publish_update(self.settings, LENA, self.page_id, post_id, said).update_id

    def page(self, post_id: str) -> Element:
        answer = self.reader.get(f"/incidents/{post_id}")
        assert answer.status_code == 200
        return judge(answer.text)


@pytest.fixture
def desk(app: Flask, settings: Settings, page_id: int, reader: Client) -> Desk:
    return Desk(settings, page_id, reader)


def words(element: Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def facts(page: Element) -> dict[str, str]:
    """The list on top: Began, Lasting, Affected and so on."""
    return {words(one.find("dt")): words(one.find("dd")) for one in page.iter("div") if one.find("dt") is not None}


def sections(page: Element) -> dict[str, str]:
    return {words(one.find("h2")): words(one) for one in page.iter("section")}


def test_an_open_incident_without_impact_does_not_claim_to_have_none(desk: Desk) -> None:
    post_id, _ = desk.open()
    for address in ("/", f"/incidents/{post_id}", "/status.md"):
        assert "No impact" not in desk.reader.get(address).text
    desk.say(post_id, 5, PostStatus.RESOLVED, "Nobody noticed.", 1)
    assert "No impact" in words(desk.page(post_id))


def test_an_open_incident_answers_every_question_at_once(desk: Desk) -> None:
    group = make_group(desk.page_id, "Europe")
    shop, mail = make_component(desk.page_id, "Shop", group_id=group), make_component(desk.page_id, "Mail")
    post_id, _ = desk.open(ComponentEffect(shop, MAJOR), title="Orders fail", body="We see errors.")
    desk.say(post_id, 90, PostStatus.IDENTIFIED, "A disk is full.", 1, ComponentEffect(mail, PARTIAL), promise=130)
    page = desk.page(post_id)
    assert words(page.find(".//h1")) == "Orders fail"
    assert words(page.find(".//article/p")) == "Identified Critical impact"
    assert facts(page) == {
        "Began": "Mar 20, 2026, 12:00 UTC",
        "Lasting": "1 h 30 min, as of 13:30 UTC",
        "Affected": "Shop, Mail",
        "Next update by": "Mar 20, 2026, 14:10 UTC",
    }
    assert sections(page) == {
        "What we know": "What we know Identified Mar 20, 2026, 13:30 UTC A disk is full. Mail Partial outage",
        "What happened to each component": "What happened to each component Europe - Shop 12:00 UTC Major outage"
        " Mail 13:30 UTC Partial outage",
        "Earlier updates": "Earlier updates Investigating Mar 20, 2026, 12:00 UTC We see errors."
        " Europe - Shop Major outage",
    }


def test_how_long_it_lasts_moves_on_by_itself(desk: Desk) -> None:
    post_id, _ = desk.open()
    with clock.frozen(NOON + DAY + 2 * HOUR):
        refresh(desk.settings, desk.page_id)
    assert facts(desk.page(post_id))["Lasting"] == "1 day 2 h, as of 14:00 UTC"


def test_a_resolved_incident_says_how_long_it_was_and_promises_nothing(desk: Desk) -> None:
    shop = make_component(desk.page_id, "Shop")
    post_id, _ = desk.open(ComponentEffect(shop, MAJOR))
    desk.say(post_id, 80, PostStatus.RESOLVED, "All is well.", 1, ComponentEffect(shop, WELL))
    page = desk.page(post_id)
    assert facts(page) == {"Began": "Mar 20, 2026, 12:00 UTC", "Lasted": "1 h 20 min", "Affected": "Shop"}
    assert list(sections(page)) == ["What happened to each component", "Updates"]
    assert "12:00 UTC Major outage" in sections(page)["What happened to each component"]
    assert "13:20 UTC Operational" in sections(page)["What happened to each component"]


def test_the_course_of_a_component_has_a_line_for_each_change_and_none_for_a_repetition(desk: Desk) -> None:
    shop, mail = make_component(desk.page_id, "Shop"), make_component(desk.page_id, "Mail")
    hidden = make_component(desk.page_id, "Bastion", visible=False)
    post_id, _ = desk.open(ComponentEffect(shop, MAJOR), ComponentEffect(hidden, MAJOR))
    desk.say(post_id, 10, PostStatus.INVESTIGATING, "Still.", 1, ComponentEffect(shop, MAJOR))
    desk.say(post_id, 20, PostStatus.IDENTIFIED, "Better.", 2, ComponentEffect(shop, PARTIAL))
    desk.say(post_id, 30, PostStatus.MONITORING, "Good.", 3, ComponentEffect(shop, WELL), ComponentEffect(mail, WELL))
    page = desk.page(post_id)
    courses = [one for one in page.iter("div") if one.get("class") == "course"]
    assert [words(one.find("h3")) for one in courses] == ["Shop"]
    assert [words(step) for step in courses[0].iter("li")] == [
        "12:00 UTC Major outage", "12:20 UTC Partial outage", "12:30 UTC Operational",
    ]  # fmt: skip
    assert "Bastion" not in words(page)


def test_a_correction_is_seen_with_what_stood_before(desk: Desk) -> None:
    post_id, update_id = desk.open(body="All of Europe is down.")
    for minute, (text, version) in enumerate([("Spain is down.", 1), ("Madrid is down.", 2)], 5):
        with clock.frozen(NOON + minute * MINUTE):
            correct_update(desk.settings, LENA, desk.page_id, update_id, text, version)
    known = sections(desk.page(post_id))["What we know"]
    assert known.index("Madrid is down.") < known.index("Corrected at") < known.index("Spain is down.")
    assert known.index("Spain is down.") < known.index("All of Europe is down.")
    assert "Corrected at Mar 20, 2026, 12:06 UTC" in known
    assert (
        "Until Mar 20, 2026, 12:06 UTC, this update said:" in known
        and "Until Mar 20, 2026, 12:05 UTC, this update said:" in known
    )
    front = desk.reader.get("/").text
    assert "Corrected at" in front and "All of Europe is down." in front


def test_what_a_correction_left_as_it_was_is_told_once(desk: Desk) -> None:
    post_id, update_id = desk.open(body="All of Europe is down.")
    with clock.frozen(NOON + 5 * MINUTE):
        correct_update(desk.settings, LENA, desk.page_id, update_id, None, 1, display_at=NOON - MINUTE)
    with clock.frozen(NOON + 6 * MINUTE):
        correct_update(desk.settings, LENA, desk.page_id, update_id, "Spain is down.", 2)
    known = sections(desk.page(post_id))["What we know"]
    assert known.count("All of Europe is down.") == 1
    assert "Until Mar 20, 2026, 12:06 UTC, this update said:" in known and "12:05 UTC, this update said" not in known


def test_the_post_mortem_stands_at_the_end_and_its_corrections_and_earlier_words_stay(desk: Desk) -> None:
    post_id, _ = desk.open(body="Looking.")
    desk.say(post_id, 60, PostStatus.RESOLVED, "Over.", 1)
    first = desk.say(post_id, 2000, PostStatus.POSTMORTEM, "A cable broke.", 2)
    with clock.frozen(NOON + 2 * DAY):
        correct_update(desk.settings, LENA, desk.page_id, first, "A **fibre** broke.", 1)
    page = desk.page(post_id)
    assert list(sections(page)) == ["Updates", "Post-mortem"]
    last = sections(page)["Post-mortem"]
    assert last.startswith("Post-mortem Mar 21, 2026, 21:20 UTC A fibre broke.") and "A cable broke." in last
    assert "fibre" not in sections(page)["Updates"]
    assert facts(page)["Lasted"] == "1 h"
    desk.say(post_id, 4000, PostStatus.POSTMORTEM, "Two fibres broke.", 3)
    again = sections(desk.page(post_id))
    assert "Two fibres broke." in again["Post-mortem"] and "A fibre broke." in again["Updates"]


def test_a_maintenance_begins_when_it_begins(desk: Desk) -> None:
    shop = make_component(desk.page_id, "Shop")
    planned: dict[str, object] = {
        "kind": PostKind.MAINTENANCE, "status": PostStatus.SCHEDULED,
        "scheduled_for": NOON + 3 * DAY, "scheduled_until": NOON + 3 * DAY + 2 * HOUR,
    }  # fmt: skip
    post_id, _ = desk.open(ComponentEffect(shop, ComponentStatus.UNDER_MAINTENANCE), **planned)
    window = "Mar 23, 2026, 12:00 UTC to Mar 23, 2026, 14:00 UTC"
    assert facts(desk.page(post_id)) == {"Planned": window, "Affected": "Shop"}
    begin = 3 * 24 * 60 + 5
    desk.say(post_id, begin, PostStatus.IN_PROGRESS, "We begin.", 1)
    found = facts(desk.page(post_id))
    assert (found["Planned"], found["Began"]) == (window, "Mar 23, 2026, 12:05 UTC")
    assert "since 12:05 UTC" in words(html5lib.parse(desk.reader.get("/").text, namespaceHTMLElements=False))
    desk.say(post_id, begin + 30, PostStatus.COMPLETED, "Done.", 2)
    found = facts(desk.page(post_id))
    assert (found["Began"], found["Lasted"]) == ("Mar 23, 2026, 12:05 UTC", "30 min")


def test_a_cancelled_maintenance_never_began(desk: Desk) -> None:
    post_id, _ = desk.open(
        kind=PostKind.MAINTENANCE, status=PostStatus.SCHEDULED, scheduled_for=NOON + DAY,
        scheduled_until=NOON + DAY + HOUR,
    )  # fmt: skip
    desk.say(post_id, 10, PostStatus.CANCELLED, "Not needed.", 1)
    page = desk.page(post_id)
    assert set(facts(page)) == {"Planned"} and "Cancelled" in words(page)


def test_who_is_affected_is_called_as_today_and_the_hidden_stay_hidden(desk: Desk) -> None:
    shop = make_component(desk.page_id, "Shop")
    post_id, _ = desk.open(ComponentEffect(shop, MAJOR))
    edit_component(
        desk.settings, ALICE, desk.page_id, shop, name="Store", description="", group_public_id=None, visible=True
    )
    refresh(desk.settings, desk.page_id)
    assert facts(desk.page(post_id))["Affected"] == "Store"


@pytest.mark.parametrize("typed", HOSTILE, ids=lambda typed: repr(typed[:20]))
def test_hostile_text_is_text_wherever_the_page_shows_it(desk: Desk, typed: str) -> None:
    component = create_component(desk.settings, ALICE, desk.page_id, name=f"Part {typed}"[:90])
    post_id, update_id = desk.open(
        ComponentEffect(component, MAJOR), title=f"Title {typed}"[:190], body=f"First {typed}"[:10_000]
    )
    correct_update(desk.settings, LENA, desk.page_id, update_id, f"Second {typed}"[:10_000], 1, acknowledged=True)
    desk.say(post_id, 60, PostStatus.RESOLVED, f"Over {typed}"[:10_000], 1)
    learned = desk.say(post_id, 90, PostStatus.POSTMORTEM, f"Learned {typed}"[:10_000], 2)
    correct_update(desk.settings, LENA, desk.page_id, learned, f"Relearned {typed}"[:10_000], 1, acknowledged=True)
    page = desk.page(post_id)
    for said in ("First", "Second", "Over", "Learned", "Relearned"):
        assert said in words(page.find(".//article"))
    assert words(page.find(".//h1")).startswith("Title")
    for one in page.iter():
        assert one.tag not in {"x", "img", "b", "iframe"} and (
            one.tag != "script" or one.get("src", "").endswith(".js")
        )
        assert one.get("href", "/").startswith(("/", "#", "http", "data:image/svg+xml,", "mailto:"))
