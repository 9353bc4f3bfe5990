"""Returned mail from a mailbox: a real conversation with Dovecot, and with servers that misbehave."""

import asyncio
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.actions.inbound import reading, receiving
from app.db import db, session
from app.deliver import job_locks
from app.errors import SettingError, Unavailable
from app.models.delivery import MailEvent
from app.settings import Settings, load
from app.sources.base import Received, Source
from app.vocabulary import DeliveryState
from app.worker import bounce_mailbox, imap
from app.worker.bounce_mailbox import BounceMailbox
from tests.certificates import certified
from tests.cli.shell import Shell
from tests.deliver.fakes import Edge
from tests.dovecot import PASSWORD, PROGRAM, Dovecot, dovecot
from tests.factories import make_subscriber
from tests.loopback import Talk, talking
from tests.processes import free_port, kill, start
from tests.returned_mail import delivered, dsn, state
from tests.smtp_sink import smtp_sink

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AWAY = b"From: carol@example.com\nSubject: I am away\n\nUntil Monday.\n"
UMLAUTS, AS_IMAP = 'Rückläufer & "Co"', '"R&APw-ckl&AOQ-ufer &- \\"Co\\""'


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    if PROGRAM is None:
        pytest.skip("Dovecot is not installed: mailboxes were not read")
    with dovecot() as running:
        yield running


@pytest.fixture(autouse=True)
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certified()[0]))


@pytest.fixture
def row(app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """A mail that was sent."""
    edge = Edge()
    monkeypatch.setattr("app.deliver.send.channel", lambda _name: edge)
    make_subscriber(page_id, "carol@example.com")
    return delivered(settings, page_id)


def read(settings: Settings, url: str, mailbox: BounceMailbox | None = None) -> int:
    """What a worker does when the mailbox is due."""
    session().rollback()
    mailbox = mailbox or BounceMailbox(settings.with_changes(bounce_mailbox=url))
    with clock.frozen(NOON):
        count = mailbox.work()
    reading.read_waiting(settings)
    return count


def events() -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(MailEvent)) or 0


def due_again() -> None:
    """Let the next look be due."""
    with clock.frozen(NOON):
        job_locks.release(bounce_mailbox.JOB, NOON + bounce_mailbox.EVERY, timedelta(0))


@pytest.mark.parametrize(("scheme", "folder", "named"), [("imaps", "INBOX", '"INBOX"'), ("imap", UMLAUTS, AS_IMAP)])
def test_a_bounce_is_taken_and_deleted_and_the_rest_left_alone(
    server: Dovecot, settings: Settings, row: int, scheme: str, folder: str, named: str
) -> None:
    user = f"bounces-{scheme}"
    forged = dsn(settings, row, 8).replace(b"Undelivered", b"Forged").replace(b"bounces+d", b"bounces+d9")
    late = dsn(settings, row, 9, action="delayed").replace(b"Undelivered", b"Delayed")
    server.put(user, AWAY, dsn(settings, row), forged, late, folder=named)
    server.put(user, dsn(settings, row, 2), folder=named, flags=r"(\Seen)")
    assert read(settings, server.url(user, folder, scheme=scheme)) == 2, "one was seen by somebody, and counts too"
    assert state() == (DeliveryState.BOUNCED, "came back (5.1.1)")
    assert events() == 2
    left = [("I am away", False)]
    left += [(f"{word} Mail Returned to Sender", False) for word in ("Forged", "Delayed")]
    assert server.subjects(user, named) == left


def test_what_was_left_alone_is_not_fetched_again(
    server: Dovecot, settings: Settings, row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []
    fetch = imap.Mailbox.fetch
    monkeypatch.setattr(imap.Mailbox, "fetch", lambda box, uid, limit: (fetched.append(uid), fetch(box, uid, limit))[1])
    mailbox = BounceMailbox(settings.with_changes(bounce_mailbox=server.url("quiet")))
    for number in range(3):
        server.put("quiet", AWAY if number < 2 else dsn(settings, row))
        read(settings, "", mailbox)
        due_again()
    assert fetched == [1, 2, 3]
    assert state()[0] == DeliveryState.BOUNCED


def test_broken_off_between_the_commit_and_the_deletion_it_counts_once(
    server: Dovecot, settings: Settings, row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("broken", dsn(settings, row))

    def hang_up(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(imap.Mailbox, "delete", hang_up)
        assert read(settings, server.url("broken")) == 0
    assert (events(), len(server.subjects("broken"))) == (1, 1)
    due_again()
    assert read(settings, server.url("broken")) == 1
    assert (events(), server.subjects("broken")) == (1, [])


def test_without_a_database_everything_stays_in_the_mailbox(
    server: Dovecot, settings: Settings, row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("waiting", dsn(settings, row))

    def gone(*_: object) -> None:
        raise Unavailable("The database isn't responding.")

    with monkeypatch.context() as broken:
        broken.setattr(receiving, "store", gone)
        with pytest.raises(Unavailable):
            read(settings, server.url("waiting"))
    assert (events(), len(server.subjects("waiting"))) == (0, 1)
    due_again()
    assert read(settings, server.url("waiting")) == 1
    assert state()[0] == DeliveryState.BOUNCED


def test_one_message_that_nobody_foresaw_keeps_nothing_back(
    server: Dovecot, settings: Settings, row: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.put("strange", dsn(settings, row), dsn(settings, row, 2))
    receive = receiving.receive_into_database

    def faulty(ours: Settings, source: Source, received: Received) -> receiving.Receipt:
        if b"Message-ID: <1@" in received.body:
            raise ZeroDivisionError
        return receive(ours, source, received)

    monkeypatch.setattr(receiving, "receive_into_database", faulty)
    assert read(settings, server.url("strange")) == 1
    assert (events(), len(server.subjects("strange"))) == (1, 1)
    assert "message 1 of the mailbox is left as it is" in caplog.text


def test_without_uidplus_it_is_marked_and_not_read_again(
    server: Dovecot, settings: Settings, row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("old", dsn(settings, row))
    monkeypatch.setattr(imap.IMAPClient, "capabilities", lambda _self: (b"IMAP4REV1", b"AUTH=PLAIN"))
    assert read(settings, server.url("old")) == 1
    due_again()
    assert read(settings, server.url("old")) == 0
    assert len(server.subjects("old")) == 1


def test_one_worker_at_a_time_reads_and_a_dead_one_loses_its_turn(
    server: Dovecot, settings: Settings, row: int
) -> None:
    server.put("shared", dsn(settings, row))
    with clock.frozen(NOON):
        ours = job_locks.acquire(bounce_mailbox.JOB, bounce_mailbox.LENGTH)
        assert ours is not None
        assert job_locks.acquire(bounce_mailbox.JOB, bounce_mailbox.LENGTH) is None
    assert read(settings, server.url("shared")) == 0
    mailbox = BounceMailbox(settings.with_changes(bounce_mailbox=server.url("shared")))
    with clock.frozen(ours):
        assert mailbox.work() == 1
        assert mailbox.work() == 0, "it is not due again yet"
        job_locks.release(bounce_mailbox.JOB, NOON, timedelta(0))
        assert job_locks.acquire(bounce_mailbox.JOB, bounce_mailbox.LENGTH) is None, (
            "a lock that was lost is not released"
        )
    with clock.frozen(ours - timedelta(days=1)):
        assert job_locks.acquire(bounce_mailbox.JOB, bounce_mailbox.LENGTH) is not None, (
            "a clock that was wrong keeps nobody off"
        )


def test_the_password_is_never_shown(
    server: Dovecot, settings: Settings, row: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mailbox = BounceMailbox(settings.with_changes(bounce_mailbox=server.url("bounces", password="wr0ng-secret")))
    for _ in range(2):
        assert read(settings, "", mailbox) == 0
        due_again()
    warnings = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert warnings == ["returned mail is not read from 127.0.0.1: the server refused the user name or password"]
    assert "wr0ng" not in caplog.text
    assert "wr0ng" not in repr(settings.with_changes(bounce_mailbox=server.url("bounces", password="wr0ng-secret")))


def test_a_server_that_nobody_vouches_for_gets_no_password(
    server: Dovecot, settings: Settings, row: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    for scheme in ("imaps", "imap"):
        with (
            pytest.raises(imap.MailboxUnreachable, match="certificate can't be trusted"),
            imap.opened(server.url("bounces", scheme=scheme)),
        ):
            pass


def closing(talk: Talk) -> Talk:
    """A talk that hangs up when it is over, or cut off."""

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    return whole


GREETING = b"* OK [CAPABILITY IMAP4rev1] ready\r\n"


async def hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"*")
        await writer.drain()
        await asyncio.sleep(0.02)


async def refuse_starttls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING)
    while line := await reader.readline():
        assert b"p%40ss" not in line and b"LOGIN" not in line.upper()
        writer.write(b"* CAPABILITY IMAP4rev1\r\n" + line.split()[0] + b" OK done\r\n")


async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 this is SMTP\r\n" * 3)


async def announce(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING + b"* 1 FETCH (BODY[] {1000000000}\r\n")
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (hang, "did not answer in time"), (drip, "broke off"), (refuse_starttls, "does not offer STARTTLS"),
        (babble, "broke off|refuses"), (announce, "broke off"),
    ],
)  # fmt: skip
def test_a_server_that_misbehaves_costs_little_time(talk: Talk, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(imap, "VISIT_SECONDS", 0.6)
    began = time.monotonic()
    with (
        talking(closing(talk)) as port,
        pytest.raises(imap.MailboxUnreachable, match=said),
        imap.opened(f"imap://u:p%40ss@127.0.0.1:{port}/INBOX"),
    ):
        pass
    assert time.monotonic() - began < 10


def test_a_worker_reads_it_and_doctor_looks_at_it(server: Dovecot, settings: Settings, row: int) -> None:
    server.put("whole", dsn(settings, row))
    candor = Shell(settings)
    trusting = {"SSL_CERT_FILE": str(certified()[0])}
    db.session.remove()
    looked = candor.run("doctor", BOUNCE_MAILBOX=server.url("whole"), BOUNCE_ADDRESS="b@example.com", **trusting)
    assert "ok    returned mail: the mailbox at 127.0.0.1 is readable and contains 1 messages" in looked.stdout
    untold = candor.run("doctor", BOUNCE_MAILBOX=server.url("whole"), **trusting)
    assert "warn  returned mail: BOUNCE_ADDRESS is empty" in untold.stdout
    wrong = candor.run("doctor", BOUNCE_MAILBOX=server.url("whole", password="wr0ng"), **trusting)
    assert "fail  returned mail: Can't read the mailbox at 127.0.0.1: the server refused the user" in wrong.stdout
    nowhere = candor.run("doctor", BOUNCE_MAILBOX=server.url("whole", "Nowhere"), **trusting)
    assert "Check that the folder exists" in nowhere.stdout
    assert nowhere.returncode == wrong.returncode == 1
    done = candor.run("worker", "--once", BOUNCE_MAILBOX=server.url("whole"), **trusting)
    assert (done.returncode, server.subjects("whole")) == (0, [])
    assert state()[0] == DeliveryState.BOUNCED
    for said in (looked, untold, wrong, nowhere, done):
        assert quote(PASSWORD, safe="") not in said.stdout + said.stderr
        assert PASSWORD not in said.stdout + said.stderr


def test_a_server_that_hangs_delays_no_mail_and_no_end(app: Flask, settings: Settings, page_id: int) -> None:
    from app.actions.posts.publishing import open_post
    from tests.deliver.conftest import draft
    from tests.factories import LENA

    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft())
    db.session.remove()
    with talking(closing(hang)) as port, smtp_sink() as sink:
        extra = {"SMTP_URL": sink.url, "BOUNCE_MAILBOX": f"imaps://u:p@127.0.0.1:{port}/INBOX"}
        worker = start(settings, "worker", extra=extra)
        try:
            sink.wait_for(1)
            began = time.monotonic()
            worker.terminate()
            assert worker.wait(20) == 0
            assert time.monotonic() - began < 10
        finally:
            kill(worker)


@pytest.mark.parametrize(
    "value",
    [
        "bounces", "smtp://u:p@mail.example/INBOX", "imaps://mail.example/INBOX", "imaps://u@mail.example/INBOX",
        "imaps://u:p@/INBOX", "imaps://u:p@mail.example:x/INBOX", "imaps://u:p@mail.example/IN%0D%0ABOX",
    ],
)  # fmt: skip
def test_the_setting_says_what_is_wrong_and_not_the_password(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingError, match="BOUNCE_MAILBOX is not a mailbox") as refused:
        load({"CANDOR_HOME": str(tmp_path), "BOUNCE_MAILBOX": value})
    assert value not in str(refused.value)


def test_a_port_may_be_left_out(tmp_path: Path) -> None:
    url = f"imaps://u:p@127.0.0.1:{free_port()}/A%20B"
    assert load({"CANDOR_HOME": str(tmp_path), "BOUNCE_MAILBOX": url}).bounce_mailbox == url
    assert load({"CANDOR_HOME": str(tmp_path)}).bounce_mailbox == ""
