"""Endpoints: forgiven when they work again, disabled when they do not, in the order of the story, and once more."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.actions.posts.publishing import open_post, publish_update
from app.actions.subscribers import webhooks
from app.channels.webhook import signature
from app.db import session
from app.errors import Conflict
from app.models.delivery import Delivery, DeliveryAttempt
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import Outcome, Recipient, UpdateDraft
from app.vocabulary import DeliveryState, PostStatus, SubscriberState
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge
from tests.factories import ALICE, LENA, make_subscriber

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
URL = "https://hooks.example.com/status"


@pytest.fixture
def endpoint(page_id: int) -> int:
    return make_subscriber(
        page_id, URL, channel="webhook", label="Billing", secret="whsec_AAAA", owner_email="ops@example.com"
    )


def answers(status: int, disable: str = "") -> object:
    def behave(recipient: Recipient) -> Outcome | None:
        if recipient.address != URL:
            return None
        if status == 200:
            return Outcome(recipient.delivery_id, DeliveryState.SENT, status=200, took_ms=3)
        return Outcome(
            recipient.delivery_id, DeliveryState.FAILED, f"answered {status}", status=status, took_ms=5,
            permanent=bool(disable), disable=disable,
        )  # fmt: skip

    return behave


def subscriber() -> Subscriber:
    session().rollback()
    return session().scalars(select(Subscriber).where(Subscriber.channel == "webhook")).one()


def states() -> list[str]:
    session().rollback()
    return list(session().scalars(select(Delivery.state).order_by(Delivery.id)))


def test_an_endpoint_that_is_gone_is_disabled_and_its_owner_told(
    app: Flask, settings: Settings, page_id: int, edge: Edge, endpoint: int
) -> None:
    edge.behave = answers(410, "disabled: the endpoint is gone (410)")  # type: ignore[assignment]
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    drain(settings)
    assert (subscriber().state, subscriber().disabled_why) == (
        SubscriberState.QUARANTINED, "disabled: the endpoint is gone (410)",
    )  # fmt: skip
    assert edge.addresses == ["ops@example.com"]
    assert "webhook" in edge.sent[0][1].subject
    webhooks.enable(settings, ALICE, page_id, subscriber().public_id)
    assert subscriber().state == SubscriberState.ACTIVE
    with pytest.raises(Conflict):
        webhooks.enable(settings, ALICE, page_id, subscriber().public_id)


def test_three_days_of_failure_disable_and_one_success_forgives(
    app: Flask, settings: Settings, page_id: int, edge: Edge, endpoint: int
) -> None:
    edge.behave = answers(500)  # type: ignore[assignment]
    for hours in (0, 60):
        with clock.frozen(NOON + timedelta(hours=hours)):
            open_post(settings, LENA, page_id, draft(f"key-{hours:08}"))
            drain(settings)
    assert subscriber().failing_since == NOON
    edge.behave = answers(200)  # type: ignore[assignment]
    with clock.frozen(NOON + timedelta(hours=71)):
        drain(settings)
    assert subscriber().failing_since is None and subscriber().state == SubscriberState.ACTIVE
    edge.behave = answers(500)  # type: ignore[assignment]
    for days in (4, 7.1):
        with clock.frozen(NOON + timedelta(days=days)):
            open_post(settings, LENA, page_id, draft(f"key-{days:08}"))
            drain(settings)
            drain(settings)
    assert subscriber().state == SubscriberState.QUARANTINED
    assert [one[0] for one in edge.sent if one[0] != URL] == ["ops@example.com"]


def test_the_tries_follow_standard_webhooks_and_are_kept(
    app: Flask, settings: Settings, page_id: int, edge: Edge, endpoint: int
) -> None:
    edge.behave = answers(503)  # type: ignore[assignment]
    at = NOON
    with clock.frozen(at):
        open_post(settings, LENA, page_id, draft())
    waits = []
    while states() != [DeliveryState.FAILED]:
        with clock.frozen(at):
            drain(settings)
        session().rollback()
        due = session().scalars(select(Delivery.due_at)).one()
        waits.append((due - at).total_seconds())
        at = max(due, at + timedelta(seconds=1))
        if len(waits) > 12:
            break
    expected = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert len(waits) == 10
    assert all(0.8 * step <= wait <= 1.2 * step + 1 for step, wait in zip(expected, waits[:9], strict=True))
    session().rollback()
    assert session().scalars(select(DeliveryAttempt.status)).all() == [503] * 10
    assert session().scalars(select(Delivery.reason)).one().startswith("Gave up after three days: answered 503")


def test_a_later_update_never_overtakes_an_earlier_one_of_its_post(
    app: Flask, settings: Settings, page_id: int, edge: Edge, endpoint: int
) -> None:
    edge.behave = answers(500)  # type: ignore[assignment]
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft())
        drain(settings)
        publish_update(
            settings, LENA, page_id, made.post_id, UpdateDraft(PostStatus.RESOLVED, "Over.", "key-00000002", 1)
        )
        drain(settings)
        open_post(settings, LENA, page_id, draft("key-00000003", title="Another matter"))
        heard: list[str] = []
        edge.behave = lambda recipient: heard.append(recipient.key.split("_")[1])  # type: ignore[func-returns-value]
        drain(settings)
    assert heard == ["3"], "another post waits for nobody"
    with clock.frozen(NOON + timedelta(minutes=1)):
        drain(settings)
    assert heard == ["3", "1", "2"]
    assert states() == [DeliveryState.SENT] * 3


def test_a_delivery_is_sent_once_more_with_the_same_id(
    app: Flask, settings: Settings, page_id: int, edge: Edge, endpoint: int
) -> None:
    keys = []
    edge.behave = lambda recipient: keys.append(recipient.key)  # type: ignore[func-returns-value]
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    webhooks.replay(settings, ALICE, page_id, session().scalars(select(Delivery.id)).one())
    with pytest.raises(Conflict):
        webhooks.replay(settings, ALICE, page_id, session().scalars(select(Delivery.id)).one())
    drain(settings)
    assert len(keys) == 2 and keys[0] == keys[1]


def test_both_secrets_sign_for_a_day(app: Flask, settings: Settings, page_id: int, edge: Edge, endpoint: int) -> None:
    seen = []
    edge.behave = lambda recipient: seen.append(recipient.secret)  # type: ignore[func-returns-value]
    with clock.frozen(NOON):
        new = webhooks.rotate_secret(settings, ALICE, page_id, subscriber().public_id)
    for hours, number in ((1, 1), (25, 2)):
        with clock.frozen(NOON + timedelta(hours=hours)):
            open_post(settings, LENA, page_id, draft(f"key-{number:08}"))
            drain(settings)
    assert seen == [f"{new} whsec_AAAA", new]
    both = signature(seen[0], "msg_1", 1, b"{}").split(" ")
    assert both == [signature(new, "msg_1", 1, b"{}"), signature("whsec_AAAA", "msg_1", 1, b"{}")]
