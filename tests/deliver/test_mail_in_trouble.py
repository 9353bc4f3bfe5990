"""What becomes of mail over hours when its server refuses, drops it or is away: real conversations, and a clock that is
put forward.
"""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.actions.posts.publishing import open_post, publish_update
from app.db import session
from app.models.delivery import Delivery
from app.settings import Settings
from app.shapes import UpdateDraft
from app.vocabulary import DeliveryState, PostStatus
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.factories import LENA, make_subscriber
from tests.faults.hostile_sink import hostile_sink
from tests.processes import free_port
from tests.smtp_sink import smtp_sink

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDED = {DeliveryState.FAILED, DeliveryState.SENT}


def row() -> Delivery:
    session().rollback()
    return session().scalars(select(Delivery).order_by(Delivery.id.desc())).first()  # type: ignore[return-value]


def tried_to_the_end(settings: Settings, page_id: int) -> list[float]:
    """Publish, and go from try to try; the minutes between them."""
    at, waits = NOON, []
    with clock.frozen(at):
        open_post(settings, LENA, page_id, draft())
        drain(settings)
    while row().state not in ENDED and len(waits) < 60:
        due = row().due_at
        waits.append((due - at).total_seconds() / 60)
        with clock.frozen(due - timedelta(seconds=1)):
            drain(settings)
        assert row().due_at == due, "not before its time"
        at = due
        with clock.frozen(at):
            drain(settings)
    return waits


def test_a_refusal_for_now_is_tried_after_1_5_15_and_30_minutes_and_then_hourly_for_a_day(
    app: Flask, settings: Settings, page_id: int
) -> None:
    make_subscriber(page_id, "busy451@example.com")
    with hostile_sink() as sink:
        waits = tried_to_the_end(settings.with_changes(smtp_url=sink.url), page_id)
    assert all(0.8 * step <= wait <= 1.2 * step for step, wait in zip((1, 5, 15, 30), waits, strict=False))
    assert all(48 <= wait <= 72 for wait in waits[4:])
    assert len({round(wait, 3) for wait in waits[4:]}) > 10, "not all at the same instant"
    assert 24 * 60 - 72 <= sum(waits) <= 24 * 60
    assert sink.asked["busy451@example.com"] == len(waits) + 1
    assert row().reason == "Gave up after 24 hours: the mail server refused the address (451 4.7.1)"


def test_a_mail_that_is_dropped_after_its_last_byte_makes_one_too_many_at_most(
    app: Flask, settings: Settings, page_id: int
) -> None:
    make_subscriber(page_id, "reset-after@example.com")
    with hostile_sink() as sink:
        waits = tried_to_the_end(settings.with_changes(smtp_url=sink.url), page_id)
        assert sink.recipients == ["reset-after@example.com"] * 2
    assert len(waits) == 1
    assert (row().state, row().reason) == (
        DeliveryState.FAILED, "unknown whether accepted, twice: it is not sent a third time",
    )  # fmt: skip


def test_what_may_have_arrived_is_remembered_over_other_trouble(app: Flask, settings: Settings, page_id: int) -> None:
    make_subscriber(page_id, "reset-after@example.com")
    away = settings.with_changes(smtp_url=f"smtp://127.0.0.1:{free_port()}")
    with hostile_sink() as sink:
        here = settings.with_changes(smtp_url=sink.url)
        with clock.frozen(NOON):
            open_post(settings, LENA, page_id, draft())
            drain(here)
        for _ in range(2):
            with clock.frozen(row().due_at):
                drain(away)
        said = "unknown whether accepted the first time; then the mail server can't be reached"
        assert (row().state, row().reason) == (DeliveryState.PENDING, said)
        with clock.frozen(row().due_at):
            drain(here)
        assert len(sink.recipients) == 2
    assert row().state == DeliveryState.FAILED


def test_after_an_hour_without_a_server_everybody_gets_the_latest_and_not_six(
    app: Flask, settings: Settings, page_id: int
) -> None:
    make_subscriber(page_id)
    away = settings.with_changes(smtp_url=f"smtp://127.0.0.1:{free_port()}")
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft(body="Word 1."))
        drain(away)
    for number in range(2, 7):
        with clock.frozen(NOON + timedelta(minutes=10 * number)):
            said = UpdateDraft(PostStatus.IDENTIFIED, f"Word {number}.", f"key-0000000{number}", number - 1)
            publish_update(settings, LENA, page_id, made.post_id, said)
            drain(away)
    with smtp_sink() as sink:
        with clock.frozen(NOON + timedelta(hours=2)):
            drain(settings.with_changes(smtp_url=sink.url))
        (message,) = sink.to("carol@example.com")
    assert "Word 6." in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    session().rollback()
    states = session().execute(select(Delivery.state, Delivery.reason).order_by(Delivery.id)).all()
    assert [one[0] for one in states] == [DeliveryState.SKIPPED] * 5 + [DeliveryState.SENT]
    assert {one[1] for one in states[:5]} == {"superseded by a later update"}
