"""A page that waits for the hold: nothing is public before it ends, and what is undone leaves no trace."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.db import session
from app.models.delivery import Delivery, Dispatch
from app.models.draft import Draft
from app.models.post import Post, Update
from app.settings import Settings
from app.vocabulary import DispatchState, DraftState
from app.worker.loop import drain
from tests.factories import LENA, make_component, make_subscriber
from tests.web.console.person import Person, form_of

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOLD, MOMENT = timedelta(seconds=10), timedelta(milliseconds=100)
NEW, DRAFTS = "/console/default/posts/new", "/console/default/drafts"
WORDS = {"title": "Checkout is slow", "status": "investigating", "body": "We look into it.", "promise": "30"}


def public_bytes(settings: Settings) -> dict[str, bytes]:
    """Every published file of every revision, and what the API answers is made of."""
    root = settings.public_root
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if Path(path).is_file()}


def counts() -> tuple[int, ...]:
    session().rollback()
    return tuple(
        session().scalar(select(func.count()).select_from(one)) or 0 for one in (Post, Update, Dispatch, Delivery)
    )


def state() -> DraftState:
    session().rollback()
    return session().scalars(select(Draft.state)).one()


def test_set_on_the_page_undone_without_a_trace_and_published_at_the_holds_end(
    app: Flask, lena: Person, alice: Person, settings: Settings, page_id: int
) -> None:
    app.config["SETTINGS"] = settings = settings.with_changes(hold_seconds=10)
    api, carol = make_component(page_id), make_subscriber(page_id)
    assert carol and alice.fill("/console/default/page", "/page", {"waits_for_hold": "yes"}).status_code == 303
    assert "checked" in alice.open("/console/default/page").split("f-waits_for_hold")[2][:120]
    with clock.frozen(NOON):
        drain(settings)
        before = public_bytes(settings)
        form = form_of(lena.open(NEW), "/console/default/posts")
        refused = lena.send(form, {**WORDS, "body": "See http://db1.corp.internal/"})
        assert refused.status_code == 422, "what the guard would stop is stopped now"
        typed = {**WORDS, f"effect-{api}": "major_outage"}
        assert {lena.send(form, typed).location for _ in range(2)} == {DRAFTS}
        assert lena.send(form, {**typed, "body": "Other words."}).status_code == 409
        assert "12:00:10" in lena.open(DRAFTS)
    with clock.frozen(NOON + HOLD - MOMENT):
        drain(settings)
        assert (state(), counts(), public_bytes(settings)) == (DraftState.SCHEDULED, (0, 0, 0, 0), before)
        assert "Undo" in lena.open(DRAFTS)
        lena.fill(DRAFTS, "/unschedule", {})
    with clock.frozen(NOON + HOLD):
        drain(settings)
        assert (state(), counts(), public_bytes(settings)) == (DraftState.EDITING, (0, 0, 0, 0), before)
        public_id = session().scalars(select(Draft.public_id)).one()
        again = form_of(lena.open(f"{NEW}?draft={public_id}"), "/console/default/posts")
        assert again.fields["body"] == WORDS["body"]
        assert lena.send(again, {}).location == DRAFTS
    with clock.frozen(NOON + 2 * HOLD):
        drain(settings)
        drain(settings)
        assert (state(), counts()[:3]) == (DraftState.PUBLISHED, (1, 1, 1))
        session().rollback()
        dispatch = session().scalars(select(Dispatch)).one()
        assert (dispatch.hold_until, dispatch.state != DispatchState.HELD) == (NOON + 2 * HOLD, True), "no second hold"
        assert session().scalars(select(Update.author)).all() == [LENA.name]
        assert lena.send(again, {}).location != DRAFTS, "the same form again leads to what it became"
    assert counts()[:2] == (1, 1)
    index = settings.public_root / "default" / "current" / "index.html"
    assert "We look into it." in index.read_text()
