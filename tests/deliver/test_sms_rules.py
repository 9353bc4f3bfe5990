"""One text a person in ten minutes, and no more in a day than the operator pays for."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.actions.posts.publishing import open_post, publish_update
from app.actions.subscribers.subscriptions import subscribe
from app.db import session, transaction
from app.deliver import sms_rules
from app.models.delivery import Delivery, Notice
from app.models.page import Page
from app.settings import Settings
from app.shapes import UpdateDraft
from app.vocabulary import DeliveryState, PostStatus
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge
from tests.factories import LENA, make_subscriber, only_page

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBER = "+14155552671"


def opened(settings: Settings, page_id: int, key: str = "key-00000001", minutes: int = 0) -> str:
    with clock.frozen(NOON + timedelta(minutes=minutes)):
        post_id = open_post(settings, LENA, page_id, draft(key)).post_id
        drain(settings)
        return post_id


def updated(
    settings: Settings, post_id: str, version: int, minutes: int, status: PostStatus, page_id: int | None = None
) -> None:
    with clock.frozen(NOON + timedelta(minutes=minutes)):
        said = UpdateDraft(status, f"Said at {minutes}.", f"key-update-{minutes:04d}", version)
        publish_update(settings, LENA, page_id or only_page(), post_id, said)
        drain(settings)


def outcomes() -> Counter[str]:
    session().rollback()
    return Counter(session().scalars(select(Delivery.reason)))


def texts(edge: Edge) -> int:
    return sum(letter.channel == "sms" for _, letter in edge.sent)


def test_between_start_and_end_a_person_gets_one_text_in_ten_minutes(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id, NUMBER, "sms")
    make_subscriber(page_id, "carol@example.com")
    post_id = opened(settings, page_id)
    updated(settings, post_id, 1, 4, PostStatus.IDENTIFIED)
    assert outcomes() == {"": 3, sms_rules.TEXTED_LATELY: 1}
    updated(settings, post_id, 2, 11, PostStatus.IDENTIFIED)
    updated(settings, post_id, 3, 12, PostStatus.MONITORING)
    updated(settings, post_id, 4, 13, PostStatus.RESOLVED)
    assert outcomes()[sms_rules.TEXTED_LATELY] == 2
    said = [letter.text.split(": ")[1] for _, letter in edge.sent if letter.channel == "sms"]
    assert said == ["Investigating", "Update", "Resolved"]


def test_another_post_begins_at_once(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id, NUMBER, "sms")
    opened(settings, page_id)
    opened(settings, page_id, "key-00000002", 1)
    assert texts(edge) == 2


def test_a_person_is_the_same_on_another_page(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    with transaction() as writing:
        other = Page(slug="other", name="Other Status", url="https://other.example.com")
        writing.add(other)
        writing.flush()
        other_id = other.id
    make_subscriber(page_id, NUMBER, "sms")
    make_subscriber(other_id, NUMBER, "sms")
    post_id = opened(settings, page_id)
    opened(settings, other_id, "key-00000002", 9)
    updated(settings, post_id, 1, 12, PostStatus.IDENTIFIED, page_id)
    assert outcomes()[sms_rules.TEXTED_LATELY] == 1


@pytest.mark.parametrize(("state", "left_out"), [(DeliveryState.FAILED, 0), (DeliveryState.UNKNOWN, 1)])
def test_only_what_may_have_arrived_counts(
    app: Flask, settings: Settings, page_id: int, edge: Edge, state: DeliveryState, left_out: int
) -> None:
    make_subscriber(page_id, NUMBER, "sms")
    post_id = opened(settings, page_id)
    with transaction() as writing:
        writing.scalars(select(Delivery)).one().state = state
    updated(settings, post_id, 1, 4, PostStatus.IDENTIFIED)
    assert outcomes()[sms_rules.TEXTED_LATELY] == left_out


def test_the_budget_ends_texts_until_midnight(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    frugal = settings.with_changes(sms_daily_budget=3)
    for number in range(5):
        make_subscriber(page_id, f"+1415555267{number}", "sms")
    make_subscriber(page_id, "carol@example.com")
    opened(frugal, page_id)
    assert outcomes() == {"": 4, sms_rules.BUDGET_SPENT: 2}
    opened(frugal, page_id, "key-00000002", 30)
    assert outcomes() == {"": 5, sms_rules.BUDGET_SPENT: 7}
    opened(frugal, page_id, "key-00000003", 12 * 60)
    assert outcomes() == {"": 9, sms_rules.BUDGET_SPENT: 9}


def test_a_spent_budget_sends_no_notice_either(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    frugal = settings.with_changes(sms_daily_budget=1)
    edge.name = "sms"
    for number in ("+14155552671", "+14155552672"):
        with clock.frozen(NOON):
            subscribe(frugal, page_id, "sms", number, [])
            drain(frugal)
    session().rollback()
    assert Counter(session().scalars(select(Notice.reason))) == {"": 1, sms_rules.BUDGET_SPENT: 1}
