"""Drafts in the console: what was typed is found again, on any device, and leaves no trace once it is published."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from app import clock
from app.db import session
from app.models.draft import Draft, DraftText
from app.models.post import Post
from app.settings import Settings
from app.vocabulary import DraftState
from app.worker.loop import drain
from tests.factories import make_component, make_page
from tests.web.console.person import Form, Person, form_of

pytestmark = pytest.mark.database
JSON = {"Accept": "application/json"}


DRAFTS, NEW = "/console/default/drafts", "/console/default/posts/new"


def kept(who: Person, form: Form, **typed: object) -> TestResponse:
    """Save what a form holds, as the script does while somebody types."""
    return who.client.post(DRAFTS, data={**form.fields, **typed}, headers=JSON)


def begun(who: Person, **typed: object) -> tuple[Form, dict[str, Any]]:
    """A form for a new post that is saved; the form as the browser has it now, and the answer."""
    form = form_of(who.open(NEW), "/console/default/posts")
    saved = kept(who, form, **typed).get_json()
    return replace(
        form, fields={**form.fields, **typed, "draft_id": saved["id"], "draft_version": saved["version"]}
    ), saved


def state(public_id: str) -> DraftState:
    session().rollback()
    return session().scalars(select(Draft.state).where(Draft.public_id == public_id)).one()


def posts() -> int:
    session().rollback()
    return session().scalar(select(func.count(Post.id))) or 0


def test_what_was_typed_is_found_again_and_closed_by_publishing(lena: Person, page_id: int) -> None:
    component = make_component(page_id)
    form, first = begun(lena, title="Checkout is sl", promise="30", **{f"effect-{component}": "major_outage"})
    saved = kept(lena, form, title="Checkout is slow", body="We look.").get_json()
    assert saved == {"id": first["id"], "version": 2}
    assert "1 draft to finish" in lena.open("/console/default/posts")
    there = lena.client.get(f"{DRAFTS}/{saved['id']}").location
    again = form_of(lena.open(there), "/console/default/posts")
    wanted = {"title": "Checkout is slow", "body": "We look.", "promise": "30", f"effect-{component}": "major_outage"}
    assert {name: again.fields[name] for name in wanted} == wanted
    assert lena.send(again, {"notify": "no"}).status_code == 303
    assert (state(saved["id"]), posts()) == (DraftState.PUBLISHED, 1)
    assert "No drafts." in lena.open(DRAFTS)


def test_an_update_goes_on_where_it_was_left_without_a_script(lena: Person, page_id: int) -> None:
    thread = lena.fill(NEW, "/posts", {"title": "Slow", "body": "We look.", "notify": "no"}).location
    form = form_of(lena.open(thread), "/updates")
    answer = lena.client.post(DRAFTS, data={**form.fields, "status": "identified", "body": "We know now."})
    there = lena.client.get(answer.location).location
    again = form_of(lena.open(there), "/updates")
    assert (again.fields["body"], again.fields["status"], again.action) == ("We know now.", "identified", form.action)


def test_who_saves_too_late_loses_nothing(lena: Person, page_id: int) -> None:
    form, _ = begun(lena, title="Mine")
    assert kept(lena, form, title="Yours").status_code == 200
    late = kept(lena, form, title="Late")
    assert late.status_code == 409 and late.get_json()["problem"]
    lena.client.post(DRAFTS, data={**form.fields, "title": "Late"})
    listed = lena.open(DRAFTS)
    assert "Yours" in listed and "Late" in listed


def test_scheduled_from_the_list_in_the_pages_zone(lena: Person, page_id: int, settings: Settings) -> None:
    _, saved = begun(lena, title="Slow", body="We look.", status="investigating")
    at = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=10)
    for bad in ("", "tomorrow", "2020-01-01T00:00"):
        lena.fill(DRAFTS, "/schedule", {"publish_at": bad})
        assert state(saved["id"]) is DraftState.EDITING
    lena.fill(DRAFTS, "/schedule", {"publish_at": f"{at:%Y-%m-%dT%H:%M}"})
    assert "Scheduled for" in lena.open(DRAFTS) and state(saved["id"]) is DraftState.SCHEDULED
    lena.fill(DRAFTS, "/unschedule", {})
    lena.fill(DRAFTS, "/schedule", {"publish_at": f"{at:%Y-%m-%dT%H:%M}"})
    with clock.frozen(at):
        drain(settings)
    assert (state(saved["id"]), posts()) == (DraftState.PUBLISHED, 1)


def test_another_pages_draft_is_not_found(lena: Person, page_id: int) -> None:
    make_page("Other", slug="other", url="http://localhost:8000/other")
    _, saved = begun(lena, title="Slow", body="We look.")
    where = f"/console/other/drafts/{saved['id']}"
    assert lena.client.get(where).status_code == 404
    for verb in ("schedule", "unschedule", "discard"):
        lena.client.post(f"{where}/{verb}", data={"publish_at": "2099-01-01T00:00"})
    assert state(saved["id"]) is DraftState.EDITING
    lena.fill(DRAFTS, "/discard", {})
    assert state(saved["id"]) is DraftState.DISCARDED


def test_a_form_and_its_draft_are_published_in_one_transaction(
    lena: Person, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What dies half-way leaves the draft as it was saved, and nothing in public; pressing again publishes once."""
    form, saved = begun(lena, title="Checkout is slow", body="We lo")
    with monkeypatch.context() as dying:
        dying.setattr("app.states.drafts.publish", lambda *_: 1 / 0)
        assert lena.send(form, {"body": "We look.", "notify": "no"}).status_code == 500
    assert (state(saved["id"]), posts()) == (DraftState.EDITING, 0)
    typed = {"body": "We look.", "notify": "no"}
    there = {lena.send(form, typed).location for _ in range(2)}
    assert (state(saved["id"]), posts(), len(there)) == (DraftState.PUBLISHED, 1, 1)
    assert session().scalars(select(DraftText.body)).all() == ["We look."], "the draft holds what was published"
    elsewhere = replace(form, fields={**form.fields, "idempotency_key": "another-device-1"})
    assert {lena.send(elsewhere, typed).location} == there, "another form of the same draft publishes nothing new"
    other = lena.send(elsewhere, {**typed, "body": "We look again."})
    assert (other.status_code, posts()) == (409, 1)
    assert lena.send(form_of(other.text, "/console/default/posts"), {}).status_code == 303
    assert posts() == 2, "who has read that it was published may publish this text as well"


def test_what_somebody_else_typed_into_the_draft_stays(lena: Person, page_id: int) -> None:
    form, saved = begun(lena, title="Mine", body="We look.")
    session().execute(update(Draft).values(edited_by="Ravi Responder", version=7))
    session().commit()
    assert lena.send(form, {"notify": "no"}).status_code == 303
    assert (state(saved["id"]), posts()) == (DraftState.EDITING, 1)
    session().execute(update(Draft).values(edited_by="Ravi Responder", version=7))
    session().commit()
    form = form_of(lena.open(f"{NEW}?draft={saved['id']}"), "/console/default/posts")
    assert lena.send(form, {"notify": "no"}).status_code == 303
    assert state(saved["id"]) is DraftState.PUBLISHED, "as it was handed over"
