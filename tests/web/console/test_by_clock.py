"""Maintenance that begins and ends by the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.actions.posts import auto_start
from app.actions.posts.publishing import publish_update
from app.db import session
from app.errors import Unavailable
from app.models.component import Component
from app.models.delivery import Dispatch
from app.models.post import Post, Update
from app.settings import Settings
from app.shapes import UpdateDraft
from app.vocabulary import PostStatus
from app.worker.loop import drain
from tests.factories import LENA, make_component
from tests.web.console.person import Person, text_of

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW = "/console/default/posts/new?kind=maintenance"


def plan(lena: Person, component: str, **typed: str) -> str:
    """Plan work from 13:00 to 15:00 in the form that is there; the thread's address."""
    with clock.frozen(NOON):
        sent = lena.fill(
            NEW, "/console/default/posts",
            {
                "title": "New disks", "body": "We swap disks.", "scheduled_for": "2026-03-20T13:00",
                "scheduled_until": "2026-03-20T15:00", f"effect-{component}": "under_maintenance", **typed,
            },
        )  # fmt: skip
    assert sent.status_code == 303
    return str(sent.headers["Location"])


def said() -> list[tuple[str, str]]:
    session().rollback()
    return [(row.status, row.author) for row in session().scalars(select(Update).order_by(Update.id))]


def status_of(component: str) -> str:
    return session().scalars(select(Component.status).where(Component.public_id == component)).one()


def at(settings: Settings, moment: datetime) -> None:
    with clock.frozen(moment):
        drain(settings)


def test_it_begins_and_ends_at_its_times_and_tells_everybody(settings: Settings, lena: Person, page_id: int) -> None:
    component = make_component(page_id, "API")
    address = plan(lena, component)
    assert "It begins and ends by the clock." in text_of(lena.open(address))
    at(settings, NOON + HOUR - timedelta(seconds=1))
    assert said() == [("scheduled", "Lena Lead")]
    for late in range(2):
        at(settings, NOON + HOUR + timedelta(seconds=late))
    assert said()[1:] == [("in_progress", "system")]
    assert status_of(component) == "under_maintenance"
    at(settings, NOON + 3 * HOUR)
    at(settings, NOON + 4 * HOUR)
    assert said()[1:] == [("in_progress", "system"), ("completed", "system")]
    assert status_of(component) == "operational"
    assert len(session().scalars(select(Dispatch)).all()) == 3


def test_a_worker_that_slept_through_it_tells_both(settings: Settings, lena: Person, page_id: int) -> None:
    plan(lena, make_component(page_id, "API"))
    for second in range(3):
        at(settings, NOON + 9 * HOUR + timedelta(seconds=second))
    assert [status for status, _ in said()] == ["scheduled", "in_progress", "completed"]


def test_by_hand_nothing_is_said_by_itself(settings: Settings, lena: Person, page_id: int) -> None:
    address = plan(lena, make_component(page_id, "API"), by_clock="")
    at(settings, NOON + 9 * HOUR)
    assert len(said()) == 1
    with clock.frozen(NOON + 9 * HOUR):
        lena.fill(address, "/by-clock", {})
    at(settings, NOON + 9 * HOUR)
    assert len(said()) == 2
    with clock.frozen(NOON + 9 * HOUR):
        lena.fill(address, "/by-clock", {})
    at(settings, NOON + 9 * HOUR)
    assert len(said()) == 2


def test_who_was_faster_by_hand_is_not_repeated(
    settings: Settings, lena: Person, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the word somebody says it: the clock keeps quiet."""
    plan(lena, make_component(page_id, "API"))
    post_id = session().scalars(select(Post.public_id)).one()

    def by_hand_first(*words: object) -> None:
        with monkeypatch.context() as back:
            back.setattr(auto_start, "publish_update", publish_update)
            begun = UpdateDraft(PostStatus.IN_PROGRESS, "We begin.", "by-hand-0001", 1)
            publish_update(settings, LENA, page_id, post_id, begun)
        publish_update(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(auto_start, "publish_update", by_hand_first)
    at(settings, NOON + HOUR)
    assert [status for status, _ in said()] == ["scheduled", "in_progress"]
    assert said()[1][1] == LENA.name


def test_a_lost_database_is_tried_again(
    settings: Settings, lena: Person, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(lena, make_component(page_id, "API"))

    def lost(*_args: object) -> None:
        raise Unavailable("The database isn't responding.")

    with monkeypatch.context() as broken:
        broken.setattr(auto_start, "publish_update", lost)
        at(settings, NOON + HOUR)
    assert len(said()) == 1
    at(settings, NOON + HOUR)
    assert len(said()) == 2


def test_an_incident_has_no_times_to_go_by(settings: Settings, lena: Person, page_id: int) -> None:
    sent = lena.fill(
        "/console/default/posts/new", "/console/default/posts", {"title": "Slow", "body": "We look.", "by_clock": "yes"}
    )
    assert session().scalars(select(Post.auto_start)).one() is False
    assert "by-clock" not in lena.open(str(sent.headers["Location"]))
