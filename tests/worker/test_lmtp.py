"""Returned mail by LMTP: whole conversations over a socket."""

import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask import Flask
from sqlalchemy import select

from app import return_path
from app.actions.inbound import receiving
from app.db import session
from app.errors import Unavailable
from app.models.inbound import InboundDelivery
from app.settings import Settings
from app.worker import lmtp
from tests.processes import free_port
from tests.returned_mail import dsn

pytestmark = pytest.mark.database


@pytest.fixture
def port(app: Flask, settings: Settings) -> Iterator[int]:
    """Where a server listens."""
    chosen = free_port()
    server = lmtp.serve(app, settings.with_changes(bounce_lmtp=f"127.0.0.1:{chosen}"))
    assert server is not None
    yield chosen
    server.close()


def codes(port: int, recipients: list[str], raw: bytes) -> list[str]:
    """The answers to one message from RCPT on; smtplib reads one answer for all recipients, and LMTP has several."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        file = connection.makefile("rb")

        def ask(line: str) -> str:
            connection.sendall(line.encode() + b"\r\n")
            return answer()

        def answer() -> str:
            while (line := file.readline())[3:4] == b"-":
                pass
            return line[:3].decode()

        assert answer() == "220"
        assert [ask("LHLO mx.example.com"), ask("MAIL FROM:<>")] == ["250", "250"]
        found = [ask(f"RCPT TO:<{one}>") for one in recipients]
        assert ask("DATA") == "354"
        connection.sendall(raw.replace(b"\n", b"\r\n") + b"\r\n.\r\n")
        found += [answer() for code in list(found) if code == "250"]
        assert ask("QUIT") == "221"
        return found


def stored() -> int:
    session().rollback()
    return len(session().scalars(select(InboundDelivery.id)).all())


def test_each_recipient_gets_an_answer_and_what_is_ours_is_stored_once(settings: Settings, port: int) -> None:
    ours = return_path.make(settings.secret_key, "bounces@example.com", "delivery", 7)
    for _ in range(2):
        assert codes(port, [ours, "other@example.com"], dsn(settings, 8)) == ["250"] * 4
    assert stored() == 2, "it names one return path in its envelope, and another one in its header"


def test_a_long_message_is_cut_and_long_lines_are_taken(settings: Settings, port: int) -> None:
    with smtplib.LMTP("127.0.0.1", port) as client:
        raw = dsn(settings, 7) + b"\r\n" + b"x" * 5_000 + b"\r\n" + (b"y" * 70 + b"\r\n") * 30_000
        assert client.sendmail("", ["a@example.com"], raw) == {}
    assert stored() == 1
    assert session().scalars(select(InboundDelivery.size)).one() <= 1024 * 1024


def test_what_cannot_be_kept_is_sent_again(settings: Settings, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise Unavailable("Neither the database nor the spool folder can be written.")

    monkeypatch.setattr(receiving, "receive", gone)
    with smtplib.LMTP("127.0.0.1", port) as client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("", ["a@example.com"], dsn(settings, 7))
    assert refused.value.smtp_code == 451


def test_too_many_recipients_and_connections_are_put_off(settings: Settings, port: int) -> None:
    many = [f"p{number}@example.com" for number in range(lmtp.MOST_RECIPIENTS + 1)]
    assert codes(port, many, dsn(settings, 7)) == ["250"] * 20 + ["452"] + ["250"] * 20
    with ExitStack() as open_ones:
        for _ in range(lmtp.MOST_AT_ONCE):
            one = open_ones.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            assert one.recv(100).startswith(b"220")
        late = open_ones.enter_context(socket.create_connection(("127.0.0.1", port), 10))
        assert late.recv(100).startswith(b"421")
    with smtplib.LMTP("127.0.0.1", port) as client:
        assert client.noop()[0] == 250


def test_an_address_that_is_taken_is_told(app: Flask, settings: Settings, port: int) -> None:
    assert lmtp.serve(app, settings.with_changes(bounce_lmtp=f"127.0.0.1:{port}")) is None
