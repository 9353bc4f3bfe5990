"""What comes in is stored once, read once, and survives a database that can't be written."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, select, update

from app import clock
from app.actions.erasure import erase
from app.actions.inbound import keeping, reading, receiving, spool
from app.actions.posts.publishing import open_post
from app.db import db, session, transaction
from app.errors import Forbidden, Unavailable
from app.models.delivery import Delivery, MailEvent
from app.models.inbound import InboundDelivery
from app.models.subscriber import Subscriber, Suppression
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.sources import mail, mailgun, postmark, twilio
from app.sources.base import NotUnderstood, Received
from app.states.subscribers import address_hash
from app.vocabulary import InboundState, SubscriberState
from app.web import watch
from app.worker.loop import drain
from tests.cli.shell import Shell
from tests.deliver.conftest import draft
from tests.factories import LENA, make_subscriber
from tests.returned_mail import back, dsn

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBER = "+15005550006"
BASIC = {"authorization": "Basic cDp3"}


@pytest.fixture
def told(app: Flask, settings: Settings, page_id: int) -> Iterator[Settings]:
    """Postmark, Mailgun and Twilio are set up, and carol is subscribed since the day before."""
    made = settings.with_changes(
        postmark_webhook_auth="p:w",
        mailgun_signing_key="key",
        twilio_auth_token="12345",
        base_url="https://status.example.com",
    )
    app.config["SETTINGS"] = made
    make_subscriber(page_id, "carol@example.com")
    make_subscriber(page_id, NUMBER, "sms")
    with transaction() as writing:
        for row in writing.scalars(select(Subscriber)):
            row.address_hash = address_hash(made, row.channel, row.address)
            row.confirmed_at = NOON - timedelta(days=1)
    yield made
    for thread in threading.enumerate():
        if thread.name == receiving.THREAD:
            thread.join(20)


def complaint(number: int = 1) -> Received:
    event = {"RecordType": "SpamComplaint", "ID": number, "Email": "carol@example.com"}
    return Received(body=json.dumps(event).encode(), headers=BASIC)


def texted(settings: Settings, body: str, sid: str) -> Received:
    form = {"From": NUMBER, "Body": body, "MessageSid": sid}
    path = "/hooks/sms/twilio"
    made = twilio.signature(
        settings.twilio_auth_token, settings.base_url + path, {name: [value] for name, value in form.items()}
    )
    raw = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in form.items())
    return Received(body=raw.encode(), headers={"x-twilio-signature": made}, path=path)


def rows() -> list[InboundDelivery]:
    session().rollback()
    return list(session().scalars(select(InboundDelivery).order_by(InboundDelivery.id)))


def states() -> list[str]:
    return [str(row.state) for row in rows()]


def state_of(channel: str) -> str:
    session().rollback()
    return session().scalars(select(Subscriber.state).where(Subscriber.channel == channel)).one()


@pytest.fixture
def locked(told: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Somebody else holds the database for as long as the test wants."""
    monkeypatch.setattr(receiving, "STORE_SECONDS", 0.2)

    def slow(_kept: spool.SpooledDelivery) -> receiving.Receipt:
        time.sleep(1)  # as long as a lock is waited for
        raise Unavailable("The database is locked by another program.")

    with monkeypatch.context() as patch:
        patch.setattr(receiving, "store", slow)
        yield told


def test_it_is_stored_once_and_read_once(told: Settings) -> None:
    receipts = [receiving.receive(told, postmark.SOURCE, complaint()) for _ in range(2)]
    assert [one.is_new for one in receipts] == [True, False]
    assert (states(), state_of("email")) == (["stored"], SubscriberState.ACTIVE)
    assert reading.read_waiting(told) == 1
    assert (states(), state_of("email")) == (["understood"], SubscriberState.QUARANTINED)
    assert reading.read_waiting(told) == 0
    assert rows()[0].headers == "{}", "the password is not stored"


def test_what_is_not_authentic_is_not_stored(told: Settings) -> None:
    with pytest.raises(Forbidden):
        receiving.receive(told, postmark.SOURCE, replace(complaint(), headers={}))
    assert rows() == []


def test_two_workers_do_not_read_the_same_and_a_dead_one_is_taken_over(told: Settings) -> None:
    with clock.frozen(NOON):
        receiving.receive(told, postmark.SOURCE, complaint())
        claimed = reading._claim(10)
        assert claimed is not None
        assert reading._claim(10) is None, "it's another worker's"
    with clock.frozen(NOON + reading.LEASE + timedelta(seconds=1)):
        assert reading.read_waiting(told) == 1
    assert rows()[0].attempts == 2
    assert reading._read(told, claimed[0], claimed[1][0]) is None, "the first one has lost it"


def test_a_fault_leaves_the_row_for_a_person_and_the_rest_goes_on(
    told: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        receiving.receive(told, postmark.SOURCE, complaint(number))
    parse = postmark.SOURCE.parse

    def faulty(received: Received, settings: Settings) -> object:
        if b'"ID": 1' in received.body:
            raise NotUnderstood("a shape that isn't known")
        return parse(received, settings)

    with monkeypatch.context() as patch:
        patch.setattr(postmark.SOURCE, "parse", faulty)
        reading.read_waiting(told)
    assert states() == ["not_understood", "understood"]
    assert rows()[0].reason == "a shape that isn't known"
    outcomes = reading.replay(told, COMMAND_LINE, state=InboundState.NOT_UNDERSTOOD)
    assert [str(one.state) for one in outcomes] == ["understood"]
    assert states() == ["understood", "understood"]


def test_reading_again_repeats_nothing(told: Settings) -> None:
    receiving.receive(told, postmark.SOURCE, complaint())
    reading.read_waiting(told)
    (outcome,) = reading.replay(told, COMMAND_LINE, [rows()[0].id])
    assert (outcome.changes, len(session().scalars(select(MailEvent)).all())) == (0, 1)


def test_a_database_that_cannot_be_written_costs_200_ms_and_loses_nothing(locked: Settings) -> None:
    begun = time.monotonic()
    receipt = receiving.receive(locked, postmark.SOURCE, complaint())
    assert time.monotonic() - begun < 0.9
    assert receipt == receiving.Receipt(is_new=True, row_id=None)
    (path,) = spool.waiting(locked)
    assert path.stat().st_mode & 0o077 == 0 and path.parent.stat().st_mode & 0o077 == 0
    assert b"Basic" not in path.read_bytes()


def test_what_was_spooled_is_taken_in_and_read(told: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(receiving, "store", lambda _kept: (_ for _ in ()).throw(Unavailable("It's locked.")))
        receiving.receive(told, postmark.SOURCE, complaint())
    (spool.folder(told) / "20260301T120000.000000-bad.inbound").write_text("{")
    drain(told)
    assert (states(), state_of("email")) == (["understood"], SubscriberState.QUARANTINED)
    assert spool.waiting(told) == [] and len(spool.unreadable(told)) == 1


def test_without_database_and_spool_it_is_refused(told: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "store", lambda _kept: (_ for _ in ()).throw(Unavailable("It's locked.")))
    told.home.joinpath("spool").write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="spool folder"):
        receiving.receive(told, postmark.SOURCE, complaint())


@pytest.fixture
def held(told: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Another program holds the table, or with SQLite the database, for the length of a test."""
    monkeypatch.setattr(receiving, "STORE_SECONDS", 0.2)
    engine = create_engine(told.database_url)
    with engine.connect().execution_options(candor_write=True) as connection:
        connection.exec_driver_sql("SELECT 1")  # with SQLite that begins a write
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE inbound_delivery IN ACCESS EXCLUSIVE MODE")
        yield told
        connection.rollback()
    engine.dispose()


def test_a_locked_database_keeps_no_provider_waiting(app: Flask, held: Settings) -> None:
    begun = time.monotonic()
    answer = app.test_client().post(
        "/hooks/mail/postmark",
        data=complaint().body,
        headers={"Authorization": BASIC["authorization"]},
        base_url=held.base_url,
    )
    assert (answer.status_code, answer.json) == (200, {"taken": 1})
    assert time.monotonic() - begun < 2, "it was answered while the lock was held"
    assert len(spool.waiting(held)) == 1


def test_a_web_process_takes_in_its_own_spool(app: Flask, told: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that runs no worker, nobody else would."""
    with monkeypatch.context() as patch:
        for module in (receiving, reading):
            patch.setattr(module, "store", lambda _kept: (_ for _ in ()).throw(Unavailable("It's locked.")))
        receiving.receive(told, postmark.SOURCE, complaint())
        watch.take_in_spool(told)
    assert len(spool.waiting(told)) == 1, "it stays while the database can't be written"
    watch.take_in_spool(told)
    assert (spool.waiting(told), states()) == ([], ["stored"])


def test_what_is_stored_late_and_spooled_too_counts_once(told: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store = receiving.store
    stored = threading.Event()

    def late(kept: spool.SpooledDelivery) -> receiving.Receipt:
        time.sleep(0.1)
        try:
            return store(kept)
        finally:
            stored.set()

    with monkeypatch.context() as patch:
        patch.setattr(receiving, "STORE_SECONDS", 0.01)
        patch.setattr(receiving, "store", late)
        assert receiving.receive(told, postmark.SOURCE, complaint()).row_id is None
    assert stored.wait(20) and len(spool.waiting(told)) == 1
    reading.read_waiting(told)
    assert states() == ["understood"] and spool.waiting(told) == []


def test_stop_takes_effect_before_the_answer(app: Flask, told: Settings) -> None:
    received = texted(told, "STOP", "SM1")
    answer = app.test_client().post(
        received.path,
        data=received.body,
        headers={"X-Twilio-Signature": received.headers["x-twilio-signature"]},
        content_type="application/x-www-form-urlencoded",
        base_url=told.base_url,
    )
    assert answer.status_code == 200
    assert (states(), state_of("sms")) == (["understood"], SubscriberState.UNSUBSCRIBED)


def test_a_start_that_is_read_late_undoes_no_later_stop(told: Settings) -> None:
    with clock.frozen(NOON):
        start = receiving.receive(told, twilio.SOURCE, texted(told, "START", "SM1"))
    with clock.frozen(NOON + timedelta(minutes=1)):
        stop = receiving.receive(told, twilio.SOURCE, texted(told, "STOP", "SM2"))
    for receipt in (stop, start):
        assert receipt.row_id is not None
        reading.read_now(told, receipt.row_id)
    assert session().scalars(select(Suppression.why)).all() == ["replied STOP"]


def test_a_stop_that_is_replayed_undoes_no_later_consent(told: Settings) -> None:
    with clock.frozen(NOON):
        receiving.receive(told, twilio.SOURCE, texted(told, "STOP", "SM1"))
        reading.read_waiting(told)
    with clock.frozen(NOON + timedelta(minutes=1)):
        receiving.receive(told, twilio.SOURCE, texted(told, "START", "SM2"))
        reading.read_waiting(told)
    with transaction() as writing:
        writing.execute(
            update(Subscriber)
            .where(Subscriber.channel == "sms")
            .values(state=SubscriberState.ACTIVE, confirmed_at=NOON + timedelta(minutes=2))
        )
    reading.replay(told, COMMAND_LINE, [rows()[0].id])
    assert state_of("sms") == SubscriberState.ACTIVE
    assert session().scalars(select(Suppression)).all() == []


def test_a_token_of_mailguns_serves_once(told: Settings) -> None:
    import hmac

    def signed(recipient: str, number: int) -> Received:
        stamp = str(int(NOON.timestamp()))
        made = hmac.digest(b"key", f"{stamp}token".encode(), "sha256").hex()
        body = {
            "signature": {"timestamp": stamp, "token": "token", "signature": made},
            "event-data": {"event": "complained", "id": f"e{number}", "recipient": recipient},
        }
        return Received(body=json.dumps(body).encode())

    with clock.frozen(NOON):
        assert receiving.receive(told, mailgun.SOURCE, signed("nobody@example.com", 1)).is_new
        assert not receiving.receive(told, mailgun.SOURCE, signed("carol@example.com", 2)).is_new
        reading.read_waiting(told)
    assert state_of("email") == SubscriberState.ACTIVE


def test_old_deliveries_go_and_unread_ones_stay(told: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, day in ((1, 0), (2, 0), (3, 8), (4, 8), (5, 9)):
        with clock.frozen(NOON + timedelta(days=day)):
            receiving.receive(told, postmark.SOURCE, complaint(number))
            if number != 2:
                reading.read_now(told, rows()[-1].id)
    with clock.frozen(NOON + timedelta(days=9)):
        keeping.prune(told)
        assert [b'"ID": %d' % number in row.body for number, row in zip((2, 3, 4, 5), rows(), strict=True)] == [
            True
        ] * 4
        monkeypatch.setattr(keeping, "MOST_BYTES", sum(row.size for row in rows()) - 1)
        keeping.prune(told)
    assert [json.loads(row.body)["ID"] for row in rows()] == [2, 4, 5]


def test_erasure_reaches_raw_bodies_and_the_spool(told: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    receiving.receive(told, postmark.SOURCE, complaint())
    receiving.receive(told, twilio.SOURCE, texted(told, "STOP", "SM1"))
    other = {"RecordType": "SpamComplaint", "ID": 9, "Email": "dave@example.com"}
    receiving.receive(told, postmark.SOURCE, Received(body=json.dumps(other).encode(), headers=BASIC))
    with monkeypatch.context() as patch:
        patch.setattr(receiving, "store", lambda _kept: (_ for _ in ()).throw(Unavailable("It's locked.")))
        receiving.receive(told, postmark.SOURCE, complaint(2))
    erase(told, COMMAND_LINE, "carol@example.com")
    assert [bool(row.body) for row in rows()] == [False, True, True]
    assert spool.waiting(told) == []
    erase(told, COMMAND_LINE, NUMBER)
    assert [bool(row.body) for row in rows()] == [False, False, True]
    assert not receiving.receive(told, postmark.SOURCE, complaint()).is_new, "it isn't taken in again"


def test_mail_to_a_return_path_is_erased_with_its_subscriber(told: Settings, page_id: int) -> None:
    open_post(told, LENA, page_id, draft())
    drain(told)
    row = session().scalars(select(Delivery.id).where(Delivery.channel == "email")).one()
    raw = dsn(told, row).replace(b"carol@example.com", b"forwarded@example.org")
    receiving.receive(told, mail.SOURCE, Received(body=raw))
    erase(told, COMMAND_LINE, "carol@example.com")
    assert [row.body for row in rows()] == [b""]
    assert back(told, row) not in repr(rows()[0].headers)


def test_the_command_line_lists_and_replays_and_doctor_tells(told: Settings) -> None:
    candor = Shell(told)
    receiving.receive(told, postmark.SOURCE, complaint())
    with transaction() as writing:
        writing.execute(update(InboundDelivery).values(state=InboundState.NOT_UNDERSTOOD, reason="a new shape"))
    db.session.remove()
    (one,) = candor.json("inbound", "list", "--state", "not_understood")["deliveries"]
    assert (one["source"], one["reason"], "body" in one) == ("postmark", "a new shape", False)
    assert candor.json("inbound", "list", "--source", "mailgun")["deliveries"] == []
    assert candor.run("inbound", "list", "--source", "nobody").returncode == 2
    assert "Not understood: 1. Run candor inbound list --state not_understood." in candor.run("doctor").stdout
    replayed = candor.json("inbound", "replay", "--state", "not_understood")["replayed"]
    assert [(row["state"], row["changes"]) for row in replayed] == [("understood", 1)]
    assert "all processed" in candor.run("doctor").stdout
    assert candor.run("inbound", "replay").returncode == 2
    assert candor.run("inbound", "replay", "999").returncode == 2
    spool.folder(told).mkdir(exist_ok=True)
    Path(spool.folder(told), "x.inbound").write_text("{}")
    assert "1 files in " in candor.run("doctor").stdout
