"""How much comes back before it is an alarm, and before nothing more is sent."""

import pytest
from flask import Flask
from sqlalchemy import insert, select

from app.actions.deliveries import mail_health
from app.actions.posts.publishing import open_post
from app.clock import now
from app.db import session, transaction
from app.deliver import alarms
from app.models.delivery import Delivery, Dispatch, MailEvent, SendLimit
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.vocabulary import DeliveryState
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.faults.test_worker import subscribe_many

pytestmark = pytest.mark.database
MAILS = 1000


def events(kind: str, count: int) -> list[dict[str, object]]:
    facts = {"kind": kind, "source": "postmark", "permanent": True, "address_hash": "", "detail": "", "at": now()}
    return [{**facts, "source_id": f"{kind}-{number}"} for number in range(count)]


@pytest.mark.parametrize(
    ("mails", "bounces", "complaints", "is_alarm", "is_pause"),
    [
        (MAILS, 49, 0, False, False), (MAILS, 50, 0, True, False), (MAILS, 99, 0, True, False),
        (MAILS, 100, 0, True, True), (MAILS, 0, 1, True, False), (MAILS, 0, 4, True, False), (MAILS, 0, 5, True, True),
        (99, 99, 99, False, False),
    ],
)  # fmt: skip
def test_five_and_ten_in_a_hundred_bounces_and_one_and_five_in_a_thousand_complaints(
    app: Flask, settings: Settings, page_id: int,
    mails: int, bounces: int, complaints: int, is_alarm: bool, is_pause: bool,
) -> None:  # fmt: skip
    open_post(settings, LENA, page_id, draft())
    subscribe_many(page_id, mails)
    dispatch_id = session().scalars(select(Dispatch.id)).one()
    people = session().scalars(select(Subscriber.id)).all()
    facts = {"dispatch_id": dispatch_id, "channel": "email", "state": DeliveryState.SENT, "settled_at": now()}
    with transaction() as writing:
        writing.execute(insert(Delivery), [{**facts, "subscriber_id": one} for one in people])
        told = events("bounce", bounces) + events("complaint", complaints)
        if told:
            writing.execute(insert(MailEvent), told)
    mail_health.watch(settings)
    session().rollback()
    assert [one.kind for one in alarms.raised(session())] == ["mail-health"] * is_alarm
    assert bool(session().scalar(select(SendLimit.paused_why))) is is_pause
