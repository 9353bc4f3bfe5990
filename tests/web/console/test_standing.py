"""Canaries, alarms, limits and pauses, as the console shows them."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.actions.alarms import raise_found, watch, watch_addresses
from app.actions.subscribers.canaries import add_canary, run_due
from app.channels.registry import label as channel_label
from app.channels.registry import names as channel_names
from app.clock import frozen
from app.db import db, session, transaction
from app.deliver.alarms import look
from app.models.alarm import Alarm
from app.models.audit import AuditEntry
from app.models.delivery import Delivery, DeliveryAttempt, Notice, SendLimit
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.vocabulary import DeliveryState
from app.worker.loop import drain
from tests.deliver.fakes import Edge, refuse
from tests.factories import LENA, make_page, make_subscriber
from tests.web.console.person import Person, text_of
from tests.web.console.test_who_got_it import published

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_a_canary_proves_its_channel_every_day(lena: Person, settings: Settings, page_id: int, edge: Edge) -> None:
    with frozen(NOON):
        add_canary(settings, LENA, page_id, "email", "Me@Example.com")
        assert "never proven" in text_of(lena.open("/console/default"))
        run_due(settings)
        drain(settings)
    assert edge.addresses == ["me@example.com"]
    letter = edge.sent[0][1]
    assert "[Acme Status] Test message" in letter.subject
    assert "the channel Email works" in " ".join(letter.text.split())
    with frozen(NOON + timedelta(hours=3)):
        run_due(settings)
        drain(settings)
        assert "Email : proven 3 hours ago" in text_of(lena.open("/console/default"))
    assert len(edge.sent) == 1
    edge.behave = refuse("the server does not answer")
    with frozen(NOON + timedelta(hours=24, minutes=1)):
        run_due(settings)
        drain(settings)
    with frozen(NOON + timedelta(hours=27)):
        page = text_of(lena.open("/console/default"))
    assert "not proven for 27 hours: the server does not answer" in page


@pytest.mark.parametrize("channel", channel_names())
def test_every_channel_has_words_for_its_canary(
    settings: Settings,
    page_id: int,
    edge: Edge,
    channel: str,
) -> None:
    make_subscriber(page_id, "address", channel=channel, is_canary=True)
    run_due(settings)
    drain(settings)
    letter = edge.sent[0][1]
    said = letter.payload.decode() if channel == "webhook" else letter.text
    assert f"the channel {channel_label(channel)} works" in " ".join(said.split())


def test_a_lead_runs_them_at_once_but_not_on_top_of_each_other(
    lena: Person,
    settings: Settings,
    page_id: int,
    edge: Edge,
) -> None:
    add_canary(settings, LENA, page_id, "email", "me@example.com")
    for _ in range(2):
        assert lena.fill("/console/default", "/canaries/run", {}).status_code == 303
    session().rollback()
    assert len(session().scalars(select(Notice)).all()) == 1
    drain(settings)
    assert lena.fill("/console/default", "/canaries/run", {}).status_code == 303
    session().rollback()
    assert len(session().scalars(select(Notice)).all()) == 2


def test_what_an_endpoint_took_twice_is_an_alarm_until_somebody_has_seen_it(
    lena: Person,
    settings: Settings,
    page_id: int,
    edge: Edge,
) -> None:
    make_subscriber(page_id, "https://hooks.example.com/x", channel="webhook")
    published(settings, page_id)
    watch(settings)
    assert "Alarm" not in lena.open("/console/default")
    delivery = session().scalars(select(Delivery.id)).one()
    session().rollback()
    with transaction() as writing:
        writing.add_all(DeliveryAttempt(delivery_id=delivery, took_ms=5, status=200) for _ in range(2))
    for _ in range(2):
        watch(settings)
    page = text_of(lena.open("/console/default"))
    assert page.count("1 subscriber got this update twice") == 2  # the sentence, and the button that dismisses it
    lena.fill("/console/default", "/dismiss", {})
    watch(settings)
    assert "Alarm" not in lena.open("/console/default")
    assert session().scalars(select(AuditEntry.noun).where(AuditEntry.verb == "dismiss")).all() == ["alarm"]


def test_what_was_taken_again_after_a_machine_was_lost_is_an_alarm(
    lena: Person,
    settings: Settings,
    page_id: int,
    edge: Edge,
) -> None:
    make_subscriber(page_id)
    published(settings, page_id)
    with transaction() as writing:
        writing.execute(update(Delivery).values(attempts=2, lane=10))
    watch(settings)
    assert "Alarm" not in lena.open("/console/default")
    with transaction() as writing:
        writing.execute(update(Delivery).values(lane=0))
    watch(settings)
    assert "1 subscriber may have got this update twice" in text_of(lena.open("/console/default"))


def test_two_workers_that_find_the_same_at_once_raise_one_alarm(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id)
    published(settings, page_id)
    with transaction() as writing:
        writing.execute(update(Delivery).values(attempts=2))
    found = look(session())
    session().rollback()

    def other() -> None:
        with app.app_context():
            raise_found(found)
            db.session.remove()

    with ThreadPoolExecutor(1) as pool:
        with transaction() as writing:
            writing.add(Alarm(kind=found[0].kind, subject=found[0].subject, sentence=found[0].sentence))
            writing.flush()
            second = pool.submit(other)
            wait([second], 0.5)  # for so long it comes up to the row that is not committed yet
        second.result(30)
    assert session().scalars(select(Alarm.kind)).all() == ["taken-again"]


def test_rows_for_somebody_elses_subscribers_are_an_alarm(
    lena: Person,
    settings: Settings,
    page_id: int,
    edge: Edge,
) -> None:
    make_subscriber(page_id)
    published(settings, page_id)
    stranger = make_subscriber(make_page("Other", slug="other"), "stranger@example.com")
    dispatch = session().scalars(select(Delivery.dispatch_id)).one()
    session().rollback()
    with transaction() as writing:
        writing.add(Delivery(dispatch_id=dispatch, subscriber_id=stranger, channel="email", state=DeliveryState.SENT))
    watch(settings)
    assert "2 rows for 1 subscribers" in text_of(lena.open("/console/default"))


def test_an_address_that_is_subscribed_twice_is_an_alarm_while_it_is(
    lena: Person, settings: Settings, page_id: int
) -> None:
    for number in range(2):
        make_subscriber(page_id, "carol@example.com", state="active")
        with transaction() as writing:
            writing.execute(update(Subscriber).where(Subscriber.id == number + 1).values(address_hash=f"{number}" * 64))
    watch_addresses(settings)
    assert "1 addresses are subscribed twice" in text_of(lena.open("/console/default"))
    with transaction() as writing:
        writing.execute(update(Subscriber).where(Subscriber.id == 2).values(state="unsubscribed"))
    watch_addresses(settings)
    assert "subscribed twice" not in lena.open("/console/default")


def limits() -> list[tuple[str, str, float | None, int | None, str]]:
    session().rollback()
    rows = session().scalars(select(SendLimit).order_by(SendLimit.id))
    return [(row.channel, row.domain, row.per_second, row.connections, row.paused_why) for row in rows]


def test_limits_are_set_paused_resumed_and_taken_away(alice: Person, page_id: int) -> None:
    typed = {"channel": "email", "domain": "Example.com", "per_second": "2.5", "connections": "3"}
    assert alice.fill("/admin/limits", "/admin/limits", typed).status_code == 303
    assert limits() == [("email", "example.com", 2.5, 3, "")]
    assert "Email to example.com 2.5 a second, 3 at once" in text_of(alice.open("/admin/limits"))
    alice.fill("/admin/limits", "/limits/pause", {"channel": "email", "domain": "example.com"})
    assert "Email to example.com is paused" in text_of(alice.open("/console/default"))
    alice.fill("/admin/limits", "/limits/resume", {})
    assert limits() == [("email", "example.com", 2.5, 3, "")]
    alice.fill("/admin/limits", "/admin/limits", {**typed, "per_second": "", "connections": ""})
    assert limits() == []


def test_a_limit_that_makes_no_sense_comes_back_with_what_was_typed(alice: Person, page_id: int) -> None:
    typed = {"channel": "email", "domain": "exa mple.com/x", "per_second": "1"}
    sent = alice.fill("/admin/limits", "/admin/limits", typed)
    assert sent.status_code == 422
    assert "exa mple.com/x" in sent.text
    for rate in ("many", "-1", "0", "nan", "inf"):
        sent = alice.fill("/admin/limits", "/admin/limits", {"channel": "email", "per_second": rate})
        assert sent.status_code == 422, rate
    assert limits() == []


def test_a_lead_pauses_and_resumes_a_channel_but_sets_no_limit(
    lena: Person,
    settings: Settings,
    page_id: int,
    edge: Edge,
) -> None:
    lena.fill("/admin/limits", "/limits/pause", {"channel": "email", "domain": "", "why": "the provider asked"})
    make_subscriber(page_id)
    published(settings, page_id)
    assert edge.addresses == []
    page = text_of(lena.open("/admin/limits"))
    assert "the provider asked" in page
    assert "1 waiting" in page
    assert "Set a limit" not in page
    lena.fill("/admin/limits", "/limits/resume", {})
    drain(settings)
    assert edge.addresses == ["carol@example.com"]
