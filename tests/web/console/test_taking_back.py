"""Withdrawing, redacting and correcting in the console."""

import pytest
from sqlalchemy import select

from app.actions.posts.publishing import open_post
from app.actions.posts.taking_back import withdraw_post
from app.db import session
from app.models.post import Post, Update
from app.settings import Settings
from app.vocabulary import PostStatus
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component
from tests.web.console.person import Person, form_of

pytestmark = pytest.mark.database


def test_a_post_is_withdrawn_after_its_screen_said_what_happens(settings: Settings, lena: Person, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft("key-00000001", make_component(page_id)))
    address = f"/console/default/posts/{made.post_id}/withdraw"
    screen = lena.open(address)
    assert "0 subscribers received it" in screen and "Revert them" in screen
    assert lena.fill(address, address, {}).status_code == 422
    assert lena.fill(address, address, {"components": "revert"}).status_code == 303
    session().rollback()
    assert session().scalars(select(Post.withdrawn_at)).one() is not None
    assert "was withdrawn" in lena.open(f"/console/default/posts/{made.post_id}")


def test_text_is_redacted_and_facts_are_corrected(settings: Settings, lena: Person, page_id: int) -> None:
    api = make_component(page_id)
    made = open_post(settings, LENA, page_id, draft("key-00000001", body="On db7 it is slow."))
    base = f"/console/default/posts/{made.post_id}"
    assert lena.fill(f"{base}/redact", f"{base}/redact", {"text": "not there"}).status_code == 422
    assert lena.fill(f"{base}/redact", f"{base}/redact", {"text": "db7"}).status_code == 303
    facts = {"title": "Slow checkout", "impact": "major", "component": api}
    assert lena.fill(f"{base}/facts", f"{base}/facts", facts).status_code == 303
    correct = f"/console/default/updates/{made.update_id}/correct"
    assert lena.fill(correct, correct, {"body": "We know why.", "status": "identified"}).status_code == 303
    session().rollback()
    post = session().scalars(select(Post)).one()
    assert (post.title, post.impact, post.status) == ("Slow checkout", "major", PostStatus.IDENTIFIED)
    assert session().scalars(select(Update.body)).one() == "We know why."


def test_the_form_for_one_update_withdraws_it_alone(settings: Settings, lena: Person, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft("key-00000001"))
    lena.fill(
        f"/console/default/posts/{made.post_id}",
        f"/console/default/posts/{made.post_id}/updates",
        {"body": "Wrong.", "status": "resolved"},
    )
    wrong = session().scalars(select(Update.public_id).order_by(Update.sequence.desc())).first()
    address = f"/console/default/updates/{wrong}/withdraw"
    assert lena.fill(address, address, {}).status_code == 303
    session().rollback()
    assert session().scalars(select(Post.status)).one() is PostStatus.INVESTIGATING


def test_no_correction_form_brings_back_what_was_redacted_or_withdrawn(
    settings: Settings, lena: Person, page_id: int
) -> None:
    made = open_post(settings, LENA, page_id, draft("key-00000001", title="Trouble at db7", body="On db7 it is slow."))
    base, correct = f"/console/default/posts/{made.post_id}", f"/console/default/updates/{made.update_id}/correct"
    words, facts = form_of(lena.open(correct), correct), form_of(lena.open(f"{base}/facts"), f"{base}/facts")
    assert lena.fill(f"{base}/redact", f"{base}/redact", {"text": "db7"}).status_code == 303
    for form, field in ((words, "body"), (facts, "title")):
        refused = lena.send(form, {field: f"{form.fields[field]} Still db7."})
        assert refused.status_code == 409 and "db7" not in refused.text
        again = form_of(refused.text, form.action)
        assert "[redacted]" in again.fields[field]
        assert lena.send(again, {field: f"Said otherwise: {field}."}).status_code == 303
    assert "db7" not in lena.open(base)
    late = form_of(lena.open(correct), correct)
    withdraw_post(settings, LENA, page_id, made.post_id, revert_components=False)
    refused = lena.send(late, {"body": "More."})
    assert refused.status_code == 409
    assert session().scalars(select(Update.body)).all() == ["Said otherwise: body."]
