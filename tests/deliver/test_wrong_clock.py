"""A clock that was wrong for a while leaves nothing behind that waits for the wrong time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from app import clock
from app.actions.posts.publishing import open_post
from app.db import session, shared_now
from app.deliver import heartbeat
from app.settings import Settings
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge, refuse
from tests.factories import LENA, make_subscriber

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=30)


@pytest.mark.parametrize("ahead", [timedelta(days=1), MONTH])
def test_who_was_to_be_tried_again_by_a_clock_that_was_ahead_does_not_wait_for_it(
    app: Flask, settings: Settings, page_id: int, edge: Edge, ahead: timedelta
) -> None:
    make_subscriber(page_id, "a@example.com")
    with clock.frozen(NOON + ahead):
        edge.behave = refuse("busy")
        open_post(settings, LENA, page_id, draft())
        drain(settings)
    tries: list[str] = []
    edge.behave = lambda recipient: tries.append(recipient.address) or refuse("busy")(recipient)  # type: ignore[func-returns-value]
    with clock.frozen(NOON):
        drain(settings)
        drain(settings)
    assert len(tries) == 1
    edge.behave = lambda _recipient: None
    with clock.frozen(NOON + timedelta(minutes=7)):
        drain(settings)
    assert edge.addresses == ["a@example.com"]


def test_a_clock_that_jumps_a_month_makes_no_machine_forgotten(app: Flask, tmp_path: Path) -> None:
    """A machine that is forgotten believes that its database was put back from a backup, and pauses everything."""
    homes = [tmp_path / name for name in ("one", "two")]
    for home in homes:
        home.mkdir()
    with clock.frozen(NOON):
        for home in homes:
            heartbeat.beat(home)
    with clock.frozen(NOON + MONTH + timedelta(seconds=1)):
        heartbeat.beat(homes[0])
        mark = heartbeat.load_own(homes[1])
        assert not heartbeat.is_restored(mark, heartbeat.load_known(session(), mark))
    with clock.frozen(NOON + MONTH * 2 + timedelta(seconds=1)):
        heartbeat.beat(homes[0])
        assert heartbeat.load_known(session(), heartbeat.load_own(homes[1])).own is None  # really gone for a month


def test_machines_that_share_a_database_share_its_clock(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.transactions.now", lambda: NOON)
    is_alone = settings.database_url.startswith("sqlite")
    assert (shared_now(session()) == NOON) is is_alone
    assert abs(shared_now(session()) - (NOON if is_alone else clock.now())) < timedelta(seconds=5)
