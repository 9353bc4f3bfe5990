"""Publishing is one transaction: all of it, once, or nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.actions import audit
from app.actions.posts import effects
from app.actions.posts.correcting import correct_update
from app.actions.posts.publishing import open_post, publish_update
from app.db import session, transaction
from app.errors import Conflict, Invalid, NeedsConfirmation, NotFound, Stale
from app.models.audit import AuditEntry
from app.models.component import Component, ComponentChange
from app.models.delivery import Dispatch
from app.models.incident import Incident
from app.models.page import Page
from app.models.post import Post, Update, UpdateEffect, UpdateRevision
from app.settings import Settings
from app.shapes import ComponentEffect, RecordLinkDraft, UpdateDraft
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus, Severity
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component, make_page, make_subscriber

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def the_post() -> Post:
    session().rollback()
    return session().scalars(select(Post)).one()


def status_of(public_id: str) -> str:
    session().rollback()
    return session().scalars(select(Component.status).where(Component.public_id == public_id)).one()


def update(key: str = "key-00000002", version: int = 1, **changes: object) -> UpdateDraft:
    fields: dict[str, object] = {
        "status": PostStatus.IDENTIFIED, "body": "We know why.", "idempotency_key": key, "version": version,
    }  # fmt: skip
    return UpdateDraft(**{**fields, **changes})  # type: ignore[arg-type]


def test_one_publish_commits_everything_together(app: Flask, settings: Settings, page_id: int) -> None:
    api = make_component(page_id)
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft("key-00000001", api))
    post = the_post()
    assert (post.impact, post.next_update_by) == (Impact.MINOR, NOON + timedelta(minutes=60))
    assert status_of(api) == ComponentStatus.DEGRADED_PERFORMANCE
    assert [count(t) for t in (Update, UpdateEffect, ComponentChange, Dispatch)] == [1, 1, 1, 1]
    assert session().scalars(select(Page.revision)).one() == post.changed_revision == 2
    assert session().scalars(select(AuditEntry.verb)).all() == ["open"]


@pytest.mark.parametrize(
    "failing", ["app.actions.posts.effects.apply", "app.actions.frame.touch", "app.actions.audit.record"]
)
def test_a_failure_half_way_leaves_nothing(
    app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def break_down(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("power cut")

    api = make_component(page_id)
    monkeypatch.setattr(failing, break_down)
    with pytest.raises(RuntimeError):
        open_post(settings, LENA, page_id, draft("key-00000001", api, severity=Severity.P1))
    assert [count(t) for t in (Post, Update, Dispatch, Incident, ComponentChange, AuditEntry)] == [0] * 6
    assert status_of(api) == ComponentStatus.OPERATIONAL


def test_the_same_key_publishes_once(app: Flask, settings: Settings, page_id: int) -> None:
    first = open_post(settings, LENA, page_id, draft())
    again = open_post(settings, LENA, page_id, draft())
    assert (again.post_id, again.update_id, again.repeated) == (first.post_id, first.update_id, True)
    made = publish_update(settings, LENA, page_id, first.post_id, update())
    repeat = publish_update(settings, LENA, page_id, first.post_id, update())
    assert repeat.update_id == made.update_id
    assert [count(t) for t in (Post, Update, Dispatch)] == [1, 2, 2]


def test_a_key_of_another_post_is_refused(app: Flask, settings: Settings, page_id: int) -> None:
    open_post(settings, LENA, page_id, draft("key-00000001"))
    other = open_post(settings, LENA, page_id, draft("key-00000002"))
    with pytest.raises(Conflict):
        publish_update(settings, LENA, page_id, other.post_id, update("key-00000001"))
    assert count(Update) == 2


def test_a_stale_form_is_told_both_texts(app: Flask, settings: Settings, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft())
    publish_update(settings, LENA, page_id, made.post_id, update(body="Theirs."))
    with pytest.raises(Stale) as stale:
        publish_update(settings, LENA, page_id, made.post_id, update("key-00000003", body="Mine."))
    assert (stale.value.current, stale.value.yours) == ("Theirs.", "Mine.")
    assert count(Update) == 2


@pytest.mark.parametrize(
    ("status", "impact"),
    [
        (ComponentStatus.OPERATIONAL, Impact.NONE),
        (ComponentStatus.UNKNOWN, Impact.NONE),
        (ComponentStatus.UNDER_MAINTENANCE, Impact.MAINTENANCE),
        (ComponentStatus.DEGRADED_PERFORMANCE, Impact.MINOR),
        (ComponentStatus.PARTIAL_OUTAGE, Impact.MAJOR),
        (ComponentStatus.MAJOR_OUTAGE, Impact.CRITICAL),
    ],
)
def test_impact_follows_from_components(
    app: Flask, settings: Settings, page_id: int, status: ComponentStatus, impact: Impact
) -> None:
    api = make_component(page_id)
    open_post(settings, LENA, page_id, draft("key-00000001", effects=(ComponentEffect(api, status),)))
    assert the_post().impact == impact


def test_impact_never_falls_by_itself_but_an_override_stands(app: Flask, settings: Settings, page_id: int) -> None:
    api = make_component(page_id)
    outage = (ComponentEffect(api, ComponentStatus.MAJOR_OUTAGE),)
    made = open_post(settings, LENA, page_id, draft("key-00000001", effects=outage))
    better = (ComponentEffect(api, ComponentStatus.OPERATIONAL),)
    publish_update(settings, LENA, page_id, made.post_id, update(effects=better))
    assert the_post().impact == Impact.CRITICAL
    publish_update(settings, LENA, page_id, made.post_id, update("key-00000003", 2, impact=Impact.MINOR))
    publish_update(settings, LENA, page_id, made.post_id, update("key-00000004", 3))
    assert the_post().impact == Impact.MINOR


def test_resolving_closes_and_reopening_opens(app: Flask, settings: Settings, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft(severity=Severity.P1))
    with clock.frozen(NOON):
        publish_update(settings, LENA, page_id, made.post_id, update(status=PostStatus.RESOLVED))
    post = the_post()
    assert (post.resolved_at, post.closed_at, post.next_update_by) == (NOON, NOON, None)
    assert session().scalars(select(Incident.resolved_at)).one() == NOON
    publish_update(settings, LENA, page_id, made.post_id, update("key-00000003", 2, status=PostStatus.INVESTIGATING))
    assert the_post().closed_at is None
    assert session().scalars(select(Incident.resolved_at)).one() is None


def test_a_maintenance_moves_its_components_by_itself(app: Flask, settings: Settings, page_id: int) -> None:
    api = make_component(page_id)
    start = clock.now() + timedelta(days=1)
    planned = draft(
        "key-00000001", api, kind=PostKind.MAINTENANCE, status=PostStatus.SCHEDULED,
        scheduled_for=start, scheduled_until=start + timedelta(hours=2),
    )  # fmt: skip
    made = open_post(settings, LENA, page_id, planned)
    assert (status_of(api), the_post().impact, the_post().next_update_by) == (
        ComponentStatus.OPERATIONAL, Impact.MAINTENANCE, start,
    )  # fmt: skip
    publish_update(settings, LENA, page_id, made.post_id, update(status=PostStatus.IN_PROGRESS))
    assert status_of(api) == ComponentStatus.UNDER_MAINTENANCE
    publish_update(settings, LENA, page_id, made.post_id, update("key-00000003", 2, status=PostStatus.COMPLETED))
    assert status_of(api) == ComponentStatus.OPERATIONAL


def test_a_correction_keeps_the_old_text(app: Flask, settings: Settings, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft(body="We broke it."))
    correct_update(settings, LENA, page_id, made.update_id, "A part broke.", version=1)
    with pytest.raises(Stale) as stale:
        correct_update(settings, LENA, page_id, made.update_id, "Nothing broke.", version=1)
    assert stale.value.current == "A part broke."
    row = session().scalars(select(Update)).one()
    assert (row.body, row.body_html, row.corrected_at is not None) == ("A part broke.", "<p>A part broke.</p>", True)
    assert session().scalars(select(UpdateRevision.body)).all() == ["We broke it."]
    assert count(Dispatch) == 1


def test_what_looks_internal_is_asked_about(app: Flask, settings: Settings, page_id: int) -> None:
    link = RecordLinkDraft("OPS-4711", "https://acme.atlassian.net/browse/OPS-4711")
    leaky = draft(body="See OPS-4711 for more.", severity=Severity.P1, record_links=(link,))
    with pytest.raises(NeedsConfirmation):
        open_post(settings, LENA, page_id, leaky)
    assert count(Post) == 0
    made = open_post(settings, LENA, page_id, replace(leaky, acknowledged=True))
    with pytest.raises(NeedsConfirmation):
        publish_update(settings, LENA, page_id, made.post_id, update(body="OPS-4711 is done."))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " \u202e\x00 "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"body": ""}, "body"),
        ({"body": "x" * 10_001}, "body"),
        ({"body": "[" * 10_001}, "body"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "x" * 129}, "idempotency_key"),
        ({"status": PostStatus.SCHEDULED}, "status"),
        ({"status": PostStatus.POSTMORTEM}, "status"),
        ({"effects": (ComponentEffect("nothere", ComponentStatus.UNKNOWN),)}, "components"),
        ({"next_update_by": NOON - timedelta(seconds=1)}, "next_update_by"),
        ({"next_update_by": NOON + timedelta(days=31)}, "next_update_by"),
        ({"record_links": (RecordLinkDraft("K-1", "https://jira.example.com/browse/K-1"),)}, "severity"),
        ({"kind": PostKind.MAINTENANCE, "status": PostStatus.SCHEDULED}, "scheduled_for"),
        (
            {
                "kind": PostKind.MAINTENANCE,
                "status": PostStatus.SCHEDULED,
                "scheduled_for": NOON,
                "scheduled_until": NOON,
            },
            "scheduled_until",
        ),
    ],
)
def test_what_can_not_be_taken_names_its_field(
    app: Flask, settings: Settings, page_id: int, changes: dict[str, object], field: str
) -> None:
    with clock.frozen(NOON), pytest.raises(Invalid) as invalid:
        open_post(settings, LENA, page_id, draft(**changes))
    assert field in invalid.value.fields
    assert count(Post) == count(AuditEntry) == 0


def test_another_pages_component_is_refused(app: Flask, settings: Settings, page_id: int) -> None:
    foreign = make_component(make_page("Other", slug="other"))
    with pytest.raises(Invalid):
        open_post(settings, LENA, page_id, draft("key-00000001", foreign))
    with pytest.raises(NotFound):
        open_post(settings, LENA, page_id + 1000, draft())


def test_no_notice_means_no_dispatch(app: Flask, settings: Settings, page_id: int) -> None:
    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft(notify=False))
    assert count(Dispatch) == 0


def test_the_audit_chain_shows_a_changed_line(app: Flask, settings: Settings, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft())
    publish_update(settings, LENA, page_id, made.post_id, update())
    assert audit.first_broken(session()) is None
    with pytest.raises(Exception, match="append-only"), transaction() as writing:
        writing.query(AuditEntry).filter_by(id=1).update({"actor": "nobody"})
    session().rollback()
    assert session().scalars(select(AuditEntry.actor)).all() == [LENA.name] * 2


def test_a_status_that_is_set_again_is_no_change(app: Flask, settings: Settings, page_id: int) -> None:
    make_component(page_id)
    with transaction() as writing:
        component = writing.scalars(select(Component)).one()
        assert not effects.change_status(writing, component, component.status, by_kind="person", by_ref="Lena")
    assert count(ComponentChange) == 0
