"""Drafts: saved without a trace in public, proposed, approved by somebody else, scheduled, and published once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.actions.posts import drafts, publishing
from app.db import db, session, transaction
from app.errors import CandorError, Conflict, Invalid, NeedsConfirmation, NotAllowed, NotFound, Stale
from app.models.account import Account
from app.models.alarm import Alarm
from app.models.audit import AuditEntry
from app.models.draft import Approval, Draft
from app.models.page import Page
from app.models.post import Post, Update
from app.queries.drafts import draft, open_drafts
from app.settings import Settings
from app.shapes import Actor, ComponentEffect, DraftContent, UpdateDraft
from app.vocabulary import ComponentStatus, DraftState, PostKind, PostStatus, Role
from app.worker.loop import drain
from tests.factories import LENA, RAVI, VERA, make_component, make_page
from tests.web.people import make_account

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SLOW = DraftContent(
    kind=PostKind.INCIDENT,
    status=PostStatus.INVESTIGATING,
    texts={"en": ("Checkout is slow", "We are looking into it.")},
    promise_minutes=30,
)


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def revision(page_id: int) -> int:
    session().rollback()
    return session().scalar(select(Page.revision).where(Page.id == page_id)) or 0


def row(public_id: str) -> Draft:
    session().rollback()
    return session().scalars(select(Draft).where(Draft.public_id == public_id)).one()


def person(role: Role, name: str) -> Actor:
    public_id = make_account(role, email=f"{name}@example.com")
    account = session().scalars(select(Account).where(Account.public_id == public_id)).one()
    return Actor(name, role, account.id)


def opened(settings: Settings, page_id: int) -> str:
    """A post that is open; its public id."""
    saved = drafts.save_draft(settings, LENA, page_id, SLOW)
    return drafts.publish_draft(settings, LENA, page_id, saved.public_id).post_id


def following(post_id: str, version: int | None, body: str = "We know more.") -> DraftContent:
    return replace(SLOW, status=PostStatus.IDENTIFIED, texts={"en": ("", body)}, post_id=post_id, base_version=version)


def test_saving_changes_nothing_public_and_writes_no_audit_line(settings: Settings, page_id: int) -> None:
    before, lines = revision(page_id), count(AuditEntry)
    saved = drafts.save_draft(settings, RAVI, page_id, replace(SLOW, texts={"en": ("Che", "")}))
    again = drafts.save_draft(settings, LENA, page_id, SLOW, public_id=saved.public_id, version=1)
    assert (saved.version, again.version) == (1, 2)
    assert (revision(page_id), count(AuditEntry), count(Post)) == (before, lines, 0)
    assert [one.body for one in open_drafts(session(), page_id)] == ["We are looking into it."]
    same = drafts.save_draft(settings, LENA, page_id, SLOW, public_id=saved.public_id, version=2)
    assert same.version == 2, "nothing changed, so nothing was written"


def test_who_saves_over_another_is_shown_both_texts(settings: Settings, page_id: int) -> None:
    saved = drafts.save_draft(settings, LENA, page_id, SLOW)
    mine = replace(SLOW, texts={"en": ("Checkout is slow", "Mine.")})
    drafts.save_draft(settings, RAVI, page_id, mine, public_id=saved.public_id, version=1)
    with pytest.raises(Stale) as refused:
        drafts.save_draft(settings, LENA, page_id, SLOW, public_id=saved.public_id, version=1)
    assert (refused.value.current, refused.value.yours) == ("Mine.", "We are looking into it.")
    assert draft(session(), page_id, saved.public_id).body == "Mine."


def test_publishing_makes_one_update_however_often_it_is_asked_for(settings: Settings, page_id: int) -> None:
    component = make_component(page_id)
    content = replace(SLOW, effects=(ComponentEffect(component, ComponentStatus.MAJOR_OUTAGE),))
    saved = drafts.save_draft(settings, LENA, page_id, content)
    with clock.frozen(NOON):
        made = drafts.publish_draft(settings, LENA, page_id, saved.public_id)
        again = drafts.publish_draft(settings, LENA, page_id, saved.public_id)
    assert (again.post_id, again.update_id, again.repeated) == (made.post_id, made.update_id, True)
    update = session().scalars(select(Update)).one()
    assert update.next_update_by == NOON + 30 * MINUTE
    assert "Checkout is slow" in (settings.public_root / "default" / "current" / "index.html").read_text()
    assert row(saved.public_id).state is DraftState.PUBLISHED


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"texts": {"en": ("", "Words.")}}, Invalid),
        ({"texts": {"en": ("Title", "")}}, Invalid),
        ({"texts": {"en": ("Title", "See http://db1.corp.internal/")}}, NeedsConfirmation),
        ({"status": PostStatus.POSTMORTEM}, Invalid),
    ],
)
def test_what_cannot_be_published_stays_a_draft(
    settings: Settings, page_id: int, change: dict[str, object], error: type[CandorError]
) -> None:
    saved = drafts.save_draft(settings, LENA, page_id, replace(SLOW, **change))  # type: ignore[arg-type]
    for verb in (
        lambda: drafts.publish_draft(settings, LENA, page_id, saved.public_id),
        lambda: drafts.schedule_draft(settings, LENA, page_id, saved.public_id, clock.now() + MINUTE),
        lambda: drafts.propose_draft(settings, LENA, page_id, saved.public_id),
    ):
        with pytest.raises(error):
            verb()
    assert (row(saved.public_id).state, count(Post)) == (DraftState.EDITING, 0)


def test_a_scheduled_draft_is_published_once_at_its_time(settings: Settings, page_id: int, app: Flask) -> None:
    saved = drafts.save_draft(settings, LENA, page_id, SLOW)
    with clock.frozen(NOON):
        drafts.schedule_draft(settings, LENA, page_id, saved.public_id, NOON + MINUTE)
        drain(settings)
        assert count(Post) == 0
        with pytest.raises(Conflict, match="Unschedule"):
            drafts.save_draft(settings, LENA, page_id, replace(SLOW, notify=False), public_id=saved.public_id)
    with clock.frozen(NOON + MINUTE):
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: _sweep(app, settings), range(3)))
        drain(settings)
        assert count(Update) == 1
    update = session().scalars(select(Update)).one()
    assert (update.author, update.next_update_by) == ("Lena Lead", NOON + 31 * MINUTE)


def _sweep(app: Flask, settings: Settings) -> None:
    with app.app_context(), clock.frozen(NOON + MINUTE):
        try:
            drafts.publish_due(settings)
        finally:
            db.session.remove()


def test_a_scheduled_draft_whose_post_changed_is_not_published_and_says_so(settings: Settings, page_id: int) -> None:
    post_id = opened(settings, page_id)
    saved = drafts.save_draft(settings, LENA, page_id, following(post_id, None))
    with clock.frozen(clock.now()):
        at = clock.now() + MINUTE
        drafts.schedule_draft(settings, LENA, page_id, saved.public_id, at)
        news = UpdateDraft(PostStatus.MONITORING, "A fix is out.", "another", None)
        publishing.publish_update(settings, LENA, page_id, post_id, news)
    with clock.frozen(at):
        drain(settings)
    after = row(saved.public_id)
    assert (after.state, after.publish_at, count(Update)) == (DraftState.EDITING, None, 2)
    assert after.problem
    assert [after.problem in one for one in session().scalars(select(Alarm.sentence))] == [True]


def test_taken_back_in_time_leaves_no_trace(settings: Settings, page_id: int) -> None:
    before = revision(page_id)
    saved = drafts.save_draft(settings, LENA, page_id, SLOW)
    with clock.frozen(NOON):
        drafts.schedule_draft(settings, LENA, page_id, saved.public_id, NOON + MINUTE)
        drafts.unschedule_draft(settings, LENA, page_id, saved.public_id)
    with clock.frozen(NOON + 2 * MINUTE):
        drain(settings)
    assert (revision(page_id), count(Post)) == (before, 0)


def test_nobody_approves_what_they_wrote_and_an_approval_holds_for_one_content(
    settings: Settings, page_id: int
) -> None:
    author, second, approver = (person(Role.LEAD, name) for name in ("ann", "ben", "cy"))
    saved = drafts.save_draft(settings, author, page_id, SLOW)
    changed = replace(SLOW, texts={"en": ("Checkout is slow", "Changed by a second person.")})
    drafts.save_draft(settings, second, page_id, changed, public_id=saved.public_id)
    drafts.propose_draft(settings, author, page_id, saved.public_id)
    shown = draft(session(), page_id, saved.public_id).content_hash
    for one in (author, second):
        with pytest.raises(NotAllowed, match="another person"):
            drafts.approve_draft(settings, one, page_id, saved.public_id, shown)
    with pytest.raises(Stale):
        drafts.approve_draft(settings, approver, page_id, saved.public_id, "0" * 64)
    drafts.approve_draft(settings, approver, page_id, saved.public_id, shown)
    assert {one.author_id for one in session().scalars(select(Approval))} == {author.account_id, second.account_id}
    drafts.save_draft(settings, author, page_id, SLOW, public_id=saved.public_id)
    assert (row(saved.public_id).state, row(saved.public_id).approved_hash) == (DraftState.EDITING, "")


def test_the_database_itself_keeps_author_and_approver_apart(settings: Settings, page_id: int) -> None:
    author = person(Role.LEAD, "ann")
    saved = drafts.save_draft(settings, author, page_id, SLOW)
    number = row(saved.public_id).id
    with pytest.raises(IntegrityError), transaction() as writing:
        writing.add(
            Approval(
                draft_id=number, content_hash="0" * 64, author_id=author.account_id, approver_id=author.account_id or 0
            )
        )
    assert count(Approval) == 0


def test_viewers_save_nothing_and_responders_publish_nothing(settings: Settings, page_id: int) -> None:
    with pytest.raises(NotAllowed):
        drafts.save_draft(settings, VERA, page_id, SLOW)
    saved = drafts.save_draft(settings, RAVI, page_id, SLOW)
    for verb in (
        lambda: drafts.publish_draft(settings, RAVI, page_id, saved.public_id),
        lambda: drafts.schedule_draft(settings, RAVI, page_id, saved.public_id, clock.now() + MINUTE),
    ):
        with pytest.raises(NotAllowed):
            verb()
    assert (count(Draft), count(Post)) == (1, 0)


def test_another_pages_draft_post_and_component_are_not_found(settings: Settings, page_id: int) -> None:
    other = make_page("Other", slug="other", url="http://localhost:8000/other")
    saved = drafts.save_draft(settings, LENA, page_id, SLOW)
    with pytest.raises(NotFound):
        drafts.publish_draft(settings, LENA, other, saved.public_id)
    with pytest.raises(NotFound):
        drafts.save_draft(settings, LENA, other, following(opened(settings, page_id), None))
    foreign = make_component(page_id)
    with pytest.raises(Invalid):
        drafts.save_draft(settings, LENA, other, replace(SLOW, effects=(ComponentEffect(foreign, None),)))


VERBS = ("save", "propose", "approve", "schedule", "unschedule", "discard", "publish", "sweep", "later")


@profile(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(VERBS), min_size=1, max_size=9))
def test_no_sequence_of_verbs_makes_an_impossible_draft(app: Flask, settings: Settings, steps: list[str]) -> None:
    page_id = session().scalar(select(Page.id)) or make_page()
    author, approver = Actor("Lena", Role.LEAD), _approver()
    saved = drafts.save_draft(settings, author, page_id, SLOW)
    before, at = count(Update), NOON
    for number, step in enumerate(steps):
        with clock.frozen(at):
            try:
                _do(settings, page_id, saved.public_id, step, number, author, approver)
            except CandorError:
                session().rollback()
        at += 2 * MINUTE if step == "later" else timedelta(0)
        one = row(saved.public_id)
        assert (one.publish_at is not None) == (one.state is DraftState.SCHEDULED)
        assert (one.update_id is not None) == (one.state is DraftState.PUBLISHED)
        bound = {DraftState.APPROVED, DraftState.SCHEDULED, DraftState.PUBLISHED}
        assert bool(one.approved_hash) == (one.state in bound)
        assert count(Update) - before == (one.state is DraftState.PUBLISHED)


def _approver() -> Actor:
    known = session().scalar(select(Account.id))
    return Actor("Cy", Role.LEAD, known) if known else person(Role.LEAD, "cy")


def _do(
    settings: Settings, page_id: int, public_id: str, step: str, number: int, author: Actor, approver: Actor
) -> None:
    match step:
        case "save":
            content = replace(SLOW, texts={"en": ("Checkout is slow", f"Words {number}.")})
            drafts.save_draft(settings, author, page_id, content, public_id=public_id)
        case "propose":
            drafts.propose_draft(settings, author, page_id, public_id)
        case "approve":
            shown = draft(session(), page_id, public_id).content_hash
            drafts.approve_draft(settings, approver, page_id, public_id, shown)
        case "schedule":
            drafts.schedule_draft(settings, author, page_id, public_id, clock.now() + MINUTE)
        case "unschedule":
            drafts.unschedule_draft(settings, author, page_id, public_id)
        case "discard":
            drafts.discard_draft(settings, author, page_id, public_id)
        case "publish":
            drafts.publish_draft(settings, author, page_id, public_id)
        case "sweep":
            drafts.publish_due(settings)
