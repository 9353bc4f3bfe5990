"""What a worker makes of its database before it sends, and what becomes of what was paused."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app.actions import alarms
from app.actions.deliveries import restoring, send_limits
from app.actions.posts.publishing import open_post
from app.channels.registry import names as channel_names
from app.clock import frozen, now
from app.db import session, transaction
from app.deliver import heartbeat
from app.errors import Conflict
from app.models.alarm import Alarm
from app.models.delivery import Delivery, Dispatch, Notice, SendLimit
from app.models.machine import Machine
from app.settings import Settings
from app.vocabulary import DeliveryState, DispatchState, NoticeKind, PostKind, PostStatus
from app.worker import restore_detection
from app.worker.loop import run
from tests.deliver.conftest import draft, edge
from tests.deliver.fakes import Edge
from tests.factories import LENA, make_subscriber

__all__ = ["edge"]
pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture(autouse=True)
def nobody_has_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_detection, "OBSERVE_SECONDS", 0.2)
    monkeypatch.setattr(restore_detection, "LOOK_SECONDS", 0.01)


@pytest.fixture
def waiting(app: Flask, settings: Settings, page_id: int) -> int:
    """An update waits for carol, on a machine that was seen at noon; the dispatch's id."""
    make_subscriber(page_id)
    with frozen(NOON):
        heartbeat.beat(settings.home)
        open_post(settings, LENA, page_id, draft())
    return session().scalars(select(Dispatch.id)).one()


def paused() -> list[str]:
    session().rollback()
    return list(session().scalars(select(SendLimit.channel).where(SendLimit.paused_why == restoring.PAUSED)))


def states() -> list[tuple[str, str]]:
    session().rollback()
    return [(row.state, row.reason) for row in session().scalars(select(Delivery).order_by(Delivery.id))]


@contextmanager
def the_table_says(seen_at: datetime) -> Iterator[None]:
    """The database is put back to when this machine was last seen then."""
    with transaction() as writing:
        writing.execute(update(Machine).values(seen_at=seen_at))
    yield


def another_machine(seen_at: datetime = NOON) -> None:
    with transaction() as writing:
        writing.add(Machine(public_id="another", seen_at=seen_at))


def begin_anew(settings: Settings) -> None:
    heartbeat.forget_own(settings.home)


def test_a_restart_goes_on(app: Flask, settings: Settings, waiting: int, edge: Edge) -> None:
    run(app, settings, once=True)
    assert (paused(), edge.addresses) == ([], ["carol@example.com"])


def test_a_database_older_than_what_the_machine_remembers_is_held(
    app: Flask, settings: Settings, waiting: int, edge: Edge
) -> None:
    with the_table_says(NOON - timedelta(seconds=1)):
        run(app, settings, once=True)
    assert (paused(), edge.addresses) == (list(channel_names()), [])
    assert "restored from a backup of 2026-03-02 11:59 UTC" in session().scalars(select(Alarm.sentence)).one()
    restoring.resume(LENA)
    run(app, settings, once=True)
    assert (paused(), edge.addresses) == ([], ["carol@example.com"])


def test_a_crash_between_the_beat_and_the_file_is_a_restart(
    app: Flask, settings: Settings, waiting: int, edge: Edge
) -> None:
    with the_table_says(LATER):
        run(app, settings, once=True)
    assert edge.addresses == ["carol@example.com"]


def test_an_older_database_in_which_nothing_waits_is_not_held(app: Flask, settings: Settings, waiting: int) -> None:
    with transaction() as writing:
        writing.execute(update(Dispatch).values(state=DispatchState.DONE))
    with the_table_says(NOON - timedelta(days=1)):
        run(app, settings, once=True)
    assert paused() == []


def test_maintenance_that_the_clock_would_move_is_under_way(app: Flask, settings: Settings, page_id: int) -> None:
    planned = draft(
        kind=PostKind.MAINTENANCE, status=PostStatus.SCHEDULED, scheduled_for=now() + timedelta(days=1),
        scheduled_until=now() + timedelta(days=2), auto_start=True, notify=False,
    )  # fmt: skip
    open_post(settings, LENA, page_id, planned)
    another_machine()
    run(app, settings, once=True)
    assert paused() == list(channel_names())


def test_the_first_start_of_all_is_not_held(app: Flask, settings: Settings, waiting: int, edge: Edge) -> None:
    begin_anew(settings)
    with transaction() as writing:
        writing.execute(delete(Machine))
    run(app, settings, once=True)
    assert edge.addresses == ["carol@example.com"]


def test_a_backup_from_before_machines_were_known_is_held_where_one_was(
    app: Flask, settings: Settings, waiting: int, edge: Edge
) -> None:
    with transaction() as writing:
        writing.execute(delete(Machine))
    run(app, settings, once=True)
    assert edge.addresses == []


def test_a_copy_is_held_and_a_living_installation_is_joined(
    app: Flask, settings: Settings, waiting: int, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_anew(settings)
    another_machine()
    run(app, settings, once=True)
    assert edge.addresses == []
    restoring.resume(LENA)
    begin_anew(settings)
    sight = heartbeat.load_known
    with monkeypatch.context() as patch:
        beats = iter(range(1, 1000))
        patch.setattr(
            heartbeat,
            "load_known",
            lambda *words: heartbeat.KnownHeartbeats(
                None, {**sight(*words).others, "another": NOON + timedelta(next(beats))}
            ),
        )
        run(app, settings, once=True)
    assert (paused(), edge.addresses) == ([], ["carol@example.com"])


def test_a_machine_that_was_away_can_not_tell_and_one_that_was_not_can(
    app: Flask, settings: Settings, waiting: int, edge: Edge
) -> None:
    another_machine(NOON + timedelta(seconds=20))  # both were stopped, this one between two beats of the other
    run(app, settings, once=True)
    assert edge.addresses == ["carol@example.com"]
    open_post(settings, LENA, 1, draft("key-00000002"))
    heartbeat.beat(settings.home)  # forgets whoever was last seen long before the beat before this one
    another_machine(now() + timedelta(hours=1))
    run(app, settings, once=True)
    assert (paused(), edge.addresses) == (list(channel_names()), ["carol@example.com"])


def test_a_file_that_was_copied_is_not_this_machine(app: Flask, settings: Settings, waiting: int) -> None:
    path = settings.home / heartbeat.FILE
    known = heartbeat.load_own(settings.home)
    assert heartbeat.load_own(settings.home) == known
    shutil.copy2(path, settings.home / "copy")
    shutil.move(settings.home / "copy", path)
    assert heartbeat.load_own(settings.home).id != known.id
    path.write_text("{")
    assert heartbeat.load_own(settings.home).seen_at is None


def test_a_clock_that_was_put_back_still_beats(app: Flask, settings: Settings, waiting: int) -> None:
    with frozen(NOON - timedelta(hours=2)):
        heartbeat.beat(settings.home)
    mark = heartbeat.load_own(settings.home)
    assert mark.seen_at is not None and mark.seen_at > NOON
    assert heartbeat.load_known(session(), mark).own == mark.seen_at


def test_a_running_worker_notices_and_asks_once(app: Flask, settings: Settings, waiting: int) -> None:
    with the_table_says(NOON - timedelta(minutes=1)), frozen(LATER):
        restore_detection.beat(settings)
    assert paused() == list(channel_names())
    restoring.resume(LENA)
    with frozen(LATER + timedelta(seconds=20)):
        restore_detection.beat(settings)
    assert restoring.hold(NOON) is False  # another machine that was last seen before the question
    assert paused() == []


def test_what_a_person_paused_stays_theirs(app: Flask, settings: Settings, waiting: int) -> None:
    send_limits.pause(LENA, "email", why="the provider asked")
    restoring.hold(None)
    assert "email" not in paused()
    restoring.drop(LENA, now())
    assert [row.paused_why for row in session().scalars(select(SendLimit))] == ["the provider asked"]


def test_drop_accounts_for_everybody_and_leaves_what_came_later(
    app: Flask, settings: Settings, waiting: int, page_id: int, edge: Edge
) -> None:
    subscriber = make_subscriber(page_id, "dave@example.com")
    restoring.hold(None)
    with transaction() as writing:  # as when the backup was taken between two pieces of the plan
        writing.execute(update(Dispatch).values(state=DispatchState.SENDING))
        kind = NoticeKind.CONFIRM
        writing.add(Notice(page_id=page_id, subscriber_id=subscriber, channel="email", kind=kind, created_at=NOON))
    with frozen(LATER):
        open_post(settings, LENA, page_id, draft("key-00000002"))
    dropped = restoring.drop(LENA, NOON + timedelta(minutes=1))
    assert dropped == restoring.Dropped(1, 3)
    assert set(states()) == {(DeliveryState.SKIPPED, restoring.DROPPED)}
    assert session().scalars(select(Dispatch.state).order_by(Dispatch.id)).all() == ["done", "held"]
    assert session().scalars(select(Notice.state)).one() == DeliveryState.SKIPPED
    assert session().scalars(select(Alarm).where(Alarm.over_at.is_(None))).all() == []
    run(app, settings, once=True)
    assert sorted(edge.addresses) == ["carol@example.com", "dave@example.com"]
    with pytest.raises(Conflict):
        restoring.drop(LENA, now())


def test_drop_cancels_what_is_held(app: Flask, settings: Settings, waiting: int) -> None:
    restoring.hold(None)
    assert restoring.drop(LENA, now()) == restoring.Dropped(1, 0)
    assert session().scalars(select(Dispatch.state)).one() == DispatchState.CANCELLED


def test_texts_of_which_nothing_is_known_are_dropped_too(app: Flask, settings: Settings, waiting: int) -> None:
    restoring.hold(None)
    run(app, settings, once=True)
    for state in (DeliveryState.UNKNOWN, DeliveryState.SENDING):
        with transaction() as writing:
            writing.execute(update(Delivery).values(state=state, leased_by="gone"))
            writing.execute(update(Dispatch).values(state=DispatchState.SENDING))
        restoring.drop(LENA, now())
        assert states() == [(DeliveryState.SKIPPED, restoring.DROPPED)]
        restoring.hold(None)


def test_each_restore_is_asked_about(app: Flask, settings: Settings, waiting: int) -> None:
    restoring.hold(None)
    alarms.dismiss(LENA, session().scalars(select(Alarm.id)).one())
    restoring.resume(LENA)
    assert restoring.hold(now()) is True
    standing = session().scalars(select(Alarm.id).where(Alarm.over_at.is_(None))).all()
    assert len(standing) == 1
