"""States that contradicted each other before there was one writer are put right when the database is upgraded."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.cli.migrating import downgrade_database, upgrade_database
from app.clock import now
from app.db import db, session, transaction
from app.models.subscriber import Subscriber, Suppression
from app.settings import Settings
from app.vocabulary import SubscriberState
from tests.factories import make_subscriber
from tests.states.test_random_verbs import impossible_subscribers

pytestmark = pytest.mark.database


def test_the_upgrade_puts_contradictions_right(app: Flask, settings: Settings, page_id: int) -> None:
    states = {
        "suppressed@example.com": SubscriberState.ACTIVE,
        "silent@example.com": SubscriberState.ACTIVE,
        "asked@example.com": SubscriberState.UNCONFIRMED,
        "gone@example.com": SubscriberState.UNSUBSCRIBED,
        "fine@example.com": SubscriberState.ACTIVE,
    }
    for address, state in states.items():
        make_subscriber(page_id, address, state=state)
    with transaction() as writing:
        rows = {row.address: row for row in writing.scalars(select(Subscriber))}
        bounced = rows["suppressed@example.com"]
        writing.add(Suppression(channel="email", address_hash=bounced.address_hash, why="gone"))
        rows["silent@example.com"].confirmed_at = None
        rows["asked@example.com"].confirmed_at = rows["asked@example.com"].unsubscribed_at = now()
        rows["gone@example.com"].unsubscribed_at = None
    assert len(impossible_subscribers(settings)) == 5
    db.session.remove()
    downgrade_database("0015")
    upgrade_database()
    assert impossible_subscribers(settings) == []
    session().rollback()
    found = {row.address: row.state for row in session().scalars(select(Subscriber))}
    assert found == {**states, "suppressed@example.com": SubscriberState.QUARANTINED}
