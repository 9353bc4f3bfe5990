"""What is withdrawn or redacted is gone from everything public, at once; a correction shows what it replaced."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import brotli
import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.test import Client

from app import clock
from app.actions.posts import drafts
from app.actions.posts.correcting import correct_update
from app.actions.posts.editing import edit_post
from app.actions.posts.publishing import open_post, publish_update
from app.actions.posts.taking_back import redact_text, redact_update, withdraw_post, withdraw_update
from app.db import session
from app.errors import CandorError, Conflict, Invalid, NotAllowed, NotFound, Stale
from app.models.account import Account
from app.models.audit import AuditEntry
from app.models.component import Component, ComponentChange
from app.models.delivery import Delivery, Dispatch
from app.models.draft import DraftText
from app.models.post import Post, Update, UpdateRevision
from app.queries.drafts import draft as drafted
from app.settings import Settings
from app.shapes import Actor, ComponentEffect, DraftContent, PostFacts, UpdateDraft
from app.vocabulary import ComponentStatus, DeliveryState, DispatchState, DraftState, Impact, PostKind, PostStatus, Role
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge
from tests.factories import LENA, VERA, make_component, make_page, make_subscriber, only_page
from tests.web.people import make_account

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECRET = "xyzzy-plugh-4711"


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    """Every channel's outside, replaced by one programmable edge."""
    made = Edge()
    monkeypatch.setattr("app.deliver.send.channel", lambda _name: made)
    return made


def add(settings: Settings, post: str, key: str, body: str = "More.", **changes: object) -> str:
    """One more update; its public id."""
    fields: dict[str, object] = {"status": PostStatus.IDENTIFIED, "version": None, "notify": False, **changes}
    made = publish_update(settings, LENA, only_page(), post, UpdateDraft(body=body, idempotency_key=key, **fields))  # type: ignore[arg-type]
    return made.update_id


def the_post() -> Post:
    session().rollback()
    return session().scalars(select(Post)).one()


def holding(root: Path, words: str) -> list[str]:
    """Every file below `root` that holds these words, whatever it is compressed with."""
    sought, found = words.encode(), []
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        body = path.read_bytes()
        if path.suffix == ".br":
            body = brotli.decompress(body)
        elif path.suffix == ".gz":
            import gzip

            body = gzip.decompress(body)
        if sought in body:
            found.append(str(path.relative_to(root)))
    return found


def test_a_withdrawn_update_leaves_a_stub_and_the_post_follows_what_is_left(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    api = make_component(page_id)
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft("key-00000001", api))
    with clock.frozen(NOON + timedelta(minutes=5)):
        wrong = add(
            settings, made.post_id, "key-00000002", SECRET, status=PostStatus.RESOLVED,
            effects=(ComponentEffect(api, ComponentStatus.OPERATIONAL),),
        )  # fmt: skip
    assert the_post().closed_at is not None
    with clock.frozen(NOON + timedelta(minutes=6)):
        withdraw_update(settings, LENA, page_id, wrong, revert_components=True)
        withdraw_update(settings, LENA, page_id, wrong, revert_components=True)
    post = the_post()
    assert (post.status, post.closed_at, post.resolved_at) == (PostStatus.INVESTIGATING, None, None)
    assert post.next_update_by == NOON + timedelta(hours=1)
    assert session().scalars(select(Component.status)).one() == ComponentStatus.DEGRADED_PERFORMANCE
    assert len(session().scalars(select(ComponentChange)).all()) == 1
    page = reader.get(f"/incidents/{made.post_id}").text
    assert "Withdrawn" in page and SECRET not in page and "Resolved" not in page
    document = json.loads(reader.get(f"/api/v2/incidents/{made.post_id}.json").text)["incident"]
    assert [one["status"] for one in document["incident_updates"]] == ["investigating"]
    assert "Withdrawn" in reader.get("/history.atom").text
    assert holding(settings.public_root, SECRET) == []
    assert "withdraw" in session().scalars(select(AuditEntry.verb)).all()


def test_a_withdrawn_post_is_a_stub_on_the_page_and_absent_from_the_api(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    api = make_component(page_id)
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft("key-00000001", api, title=f"Breach {SECRET}"))
        planned = open_post(
            settings, LENA, page_id,
            draft(
                "key-00000002", kind=PostKind.MAINTENANCE, status=PostStatus.SCHEDULED, title=f"Disks {SECRET}",
                scheduled_for=NOON + timedelta(days=1), scheduled_until=NOON + timedelta(days=2), auto_start=True,
            ),
        )  # fmt: skip
        add(settings, made.post_id, "key-00000003", SECRET)
    assert len(holding(settings.public_root, SECRET)) > 5
    with clock.frozen(NOON + timedelta(minutes=1)):
        begun = time.monotonic()
        withdraw_post(settings, LENA, page_id, made.post_id, revert_components=True)
        took = time.monotonic() - begun
        withdraw_post(settings, LENA, page_id, planned.post_id, revert_components=False)
        assert "All Systems Operational" in reader.get("/").text
        assert "Withdrawn" in reader.get("/").text
    assert took < 1.0
    assert holding(settings.public_root, SECRET) == []
    assert reader.get(f"/api/v2/incidents/{made.post_id}.json").status_code == 404
    for listed in ("incidents", "summary", "incidents/unresolved", "scheduled-maintenances", "components"):
        assert made.post_id not in reader.get(f"/api/v2/{listed}.json").text
        assert planned.post_id not in reader.get(f"/api/v2/{listed}.json").text
    assert "Withdrawn" in reader.get(f"/incidents/{made.post_id}").text
    for feed in ("/history.atom", "/history.rss", "/feed.json"):
        assert "published by mistake" in reader.get(feed).text
    assert "STATUS:CANCELLED" in reader.get("/calendar.ics").text
    with pytest.raises(Conflict):
        add(settings, made.post_id, "key-00000004")
    assert session().scalars(select(Component.status)).one() == ComponentStatus.OPERATIONAL


def test_who_got_it_gets_the_withdrawal_and_nobody_else(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id, "early@example.com")
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft("key-00000001", title="Slow answers"))
        drain(settings)
    with clock.frozen(NOON + timedelta(minutes=1)):
        drain(settings)
        second = add(settings, made.post_id, "key-00000002", notify=True)
    make_subscriber(page_id, "late@example.com")
    with clock.frozen(NOON + timedelta(minutes=1, seconds=1)):
        withdraw_post(settings, LENA, page_id, made.post_id, revert_components=True)
    with clock.frozen(NOON + timedelta(minutes=9)):
        drain(settings)
    session().rollback()
    of_second = select(Dispatch).join(Update, Update.id == Dispatch.update_id).where(Update.public_id == second)
    assert session().scalars(of_second).one().state == DispatchState.CANCELLED
    told = (
        session()
        .execute(select(Delivery.state, Dispatch.kind).join(Dispatch, Dispatch.id == Delivery.dispatch_id))
        .all()
    )
    assert [tuple(row) for row in told] == [(DeliveryState.SENT, "update"), (DeliveryState.SENT, "withdrawal")]


def test_redacted_text_is_in_no_public_byte_and_no_correction_prints_it_again(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft("key-00000001", body=f"The password is {SECRET}."))
        correct_update(settings, LENA, page_id, made.update_id, "There is trouble.", None)
        edit_post(settings, LENA, page_id, made.post_id, PostFacts(title=f"Trouble at {SECRET}"))
        edit_post(settings, LENA, page_id, made.post_id, PostFacts(title="Trouble"))
    assert f"The password is {SECRET}" in reader.get(f"/incidents/{made.post_id}").text
    with clock.frozen(NOON + timedelta(minutes=1)):
        assert redact_text(settings, LENA, page_id, made.post_id, f"{SECRET}") == 2
        correct_update(settings, LENA, page_id, made.update_id, "All is well.", None)
    shown = reader.get(f"/incidents/{made.post_id}").text
    assert "[redacted]" in shown and f"password is {SECRET}" not in shown
    assert holding(settings.public_root, SECRET) == []
    assert SECRET not in "".join(session().scalars(select(AuditEntry.detail).where(AuditEntry.verb == "redact")))
    with pytest.raises(Invalid):
        redact_text(settings, LENA, page_id, made.post_id, SECRET)


def test_what_is_redacted_leaves_drafts_and_revisions_and_their_approval_no_longer_holds(
    app: Flask, settings: Settings, page_id: int
) -> None:
    """In every state of a draft: edited, approved, scheduled, and one that has become an update."""
    words = {"en": ("", f"Ask {SECRET}."), "de": ("", f"Fragt {SECRET}.")}
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft("key-00000001", body=f"See {SECRET}."))
        correct_update(settings, LENA, page_id, made.update_id, f"See {SECRET} there.", None)
        content = DraftContent(
            kind=PostKind.INCIDENT, status=PostStatus.IDENTIFIED, texts=words, post_id=made.post_id, acknowledged=True
        )
        edited, approved, scheduled, published = (
            drafts.save_draft(settings, LENA, page_id, replace(content, notify=bool(number % 2))).public_id
            for number in range(4)
        )
        drafts.publish_draft(settings, LENA, page_id, published)
        drafts.propose_draft(settings, LENA, page_id, approved)
        public_id = make_account(Role.LEAD, email="otto@example.com")
        otto = Actor("Otto", Role.LEAD, session().scalars(select(Account.id).filter_by(public_id=public_id)).one())
        seen = drafted(session(), page_id, approved).content_hash
        drafts.approve_draft(settings, otto, page_id, approved, seen)
        drafts.schedule_draft(settings, LENA, page_id, scheduled, NOON + MINUTE)
        redact_text(settings, LENA, page_id, made.post_id, SECRET)
        session().rollback()
        held = [*session().scalars(select(DraftText.body)), *session().scalars(select(UpdateRevision.body))]
        assert held and all(SECRET not in one and "[redacted]" in one for one in held)
        with pytest.raises(Conflict, match="changed since it was approved"):
            drafts.publish_draft(settings, LENA, page_id, approved)
        with pytest.raises(Stale):  # a form that still holds the text does not save it again
            drafts.save_draft(settings, LENA, page_id, content, public_id=edited, version=1)
    with clock.frozen(NOON + MINUTE):
        drafts.publish_due(settings)
        late = drafted(session(), page_id, scheduled)
    assert (late.state, late.problem[:18]) == (DraftState.EDITING, "This draft changed")
    assert holding(settings.public_root, SECRET) == []


def test_a_redacted_update_keeps_its_status_and_its_time(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft("key-00000001", body=f"See {SECRET}."))
        correct_update(settings, LENA, page_id, made.update_id, f"See {SECRET} there.", None)
        redact_update(settings, LENA, page_id, made.update_id)
    assert holding(settings.public_root, SECRET) == []
    document = json.loads(reader.get(f"/api/v2/incidents/{made.post_id}.json").text)["incident"]
    assert [(one["status"], one["body"]) for one in document["incident_updates"]] == [("investigating", "[redacted]")]


def test_a_status_title_and_impact_are_corrected_visibly(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    api = make_component(page_id)
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft("key-00000001"))
        last = add(settings, made.post_id, "key-00000002", status=PostStatus.RESOLVED)
        facts = PostFacts(title="Slow checkout", impact=Impact.MAJOR, component_ids=(api,))
        edit_post(settings, LENA, page_id, made.post_id, facts)
    with clock.frozen(NOON + timedelta(minutes=1)):
        correct_update(settings, LENA, page_id, last, None, None, status=PostStatus.MONITORING)
    post = the_post()
    assert (post.status, post.closed_at, post.monitoring_at) == (PostStatus.MONITORING, None, NOON)
    shown = reader.get(f"/incidents/{made.post_id}").text
    for words in ("the title was “Slow answers”", "the impact was None", "the status was Resolved"):
        assert words in shown, words


def test_only_a_lead_of_the_page_takes_back_and_only_what_is_on_it(
    app: Flask, settings: Settings, page_id: int
) -> None:
    made = open_post(settings, LENA, page_id, draft("key-00000001"))
    other = make_page("Other", slug="other")
    with pytest.raises(NotAllowed):
        withdraw_post(settings, VERA, page_id, made.post_id, revert_components=True)
    for call in (
        lambda: withdraw_post(settings, LENA, other, made.post_id, revert_components=True),
        lambda: withdraw_update(settings, LENA, other, made.update_id, revert_components=True),
        lambda: redact_update(settings, LENA, other, made.update_id),
        lambda: redact_text(settings, LENA, other, made.post_id, "looking"),
    ):
        with pytest.raises(NotFound):
            call()
    with pytest.raises(Conflict, match="whole post"):
        withdraw_update(settings, LENA, page_id, made.update_id, revert_components=True)
    assert the_post().withdrawn_at is None


STEPS = st.lists(
    st.sampled_from(["identified", "monitoring", "resolved", "investigating", "withdraw", "correct", "all"]), max_size=7
)


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_sequence_of_verbs_leaves_an_impossible_post(
    app: Flask, settings: Settings, page_id: int, steps: list[str]
) -> None:
    key = f"key-{time.monotonic_ns()}"
    made = open_post(settings, LENA, page_id, draft(key, notify=False))
    for number, step in enumerate(steps):
        session().rollback()
        rows = (
            session()
            .scalars(select(Update).join(Post).where(Post.public_id == made.post_id).order_by(Update.sequence))
            .all()
        )
        newest = rows[-1].public_id
        try:
            if step == "withdraw":
                withdraw_update(settings, LENA, page_id, newest, revert_components=True)
            elif step == "correct":
                correct_update(settings, LENA, page_id, newest, None, None, status=PostStatus.RESOLVED)
            elif step == "all":
                withdraw_post(settings, LENA, page_id, made.post_id, revert_components=False)
            else:
                add(settings, made.post_id, f"{key}-{number}", status=PostStatus(step))
        except CandorError:
            continue
        session().rollback()
        post = session().scalars(select(Post).where(Post.public_id == made.post_id)).one()
        assert (post.closed_at is not None) == (post.status.is_terminal or post.withdrawn_at is not None)
        assert post.resolved_at is None or post.closed_at is not None
        assert not (post.closed_at is not None and post.next_update_by is not None)
        left = [one for one in post.updates if one.withdrawn_at is None]
        assert left and (post.withdrawn_at is not None or max(left, key=lambda one: one.sequence).status == post.status)
