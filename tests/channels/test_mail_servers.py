"""Mail servers that encrypt, ask who we are, or take their time: real handshakes and real conversations."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from app.channels import smtp, smtp_lines
from app.channels.base import TICK
from app.channels.email import SmtpSender
from app.settings import Settings
from app.shapes import Outcome
from app.vocabulary import DeliveryState
from tests.certificates import certified
from tests.channels.helpers import letter, recipient
from tests.loopback import Talk, talking
from tests.processes import free_port

PASSWORD = "p@ss/word"


@dataclass
class Server:
    """What was taken: to whom, whether it was encrypted, and who had signed in."""

    taken: list[tuple[str, bool, str]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        who = session.auth_data.login.decode() if session.auth_data else ""
        assert server.transport is not None
        self.taken.append((envelope.rcpt_tos[0], server.transport.get_extra_info("cipher") is not None, who))
        return "250 2.0.0 Ok: queued as 4AB12"


@contextmanager
def running(*, implicit: bool = False, starttls: bool = True) -> Iterator[tuple[Server, int]]:
    """A server with our certificate, on a port of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certified())
    server, port = Server(), free_port()

    def check(*arguments: object) -> AuthResult:
        data = arguments[-1]
        right = data.password == PASSWORD.encode()  # type: ignore[attr-defined]
        return AuthResult(success=right, handled=False, auth_data=data)

    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=port,
        ssl_context=context if implicit else None,
        tls_context=context if starttls and not implicit else None,
        authenticator=check,
        auth_require_tls=not implicit,  # it knows of no other way to be encrypted than by STARTTLS
    )
    controller.start()
    try:
        yield server, port
    finally:
        controller.stop()


def send(settings: Settings, url: str, *numbers: int) -> list[Outcome]:
    sender = SmtpSender(settings.with_changes(smtp_url=url, send_connections=1))
    try:
        return [one for one in sender.send(letter(), map(recipient, numbers or (1,))) if one is not TICK]
    finally:
        sender.close()


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certified()[0]))


@pytest.mark.parametrize(("scheme", "implicit"), [("smtps", True), ("smtp+starttls", False), ("smtp", False)], ids=str)
@pytest.mark.usefixtures("trusted")
def test_mail_goes_encrypted_and_signed_in(settings: Settings, scheme: str, implicit: bool) -> None:
    with running(implicit=implicit) as (server, port):
        outcomes = send(settings, f"{scheme}://carol:p%40ss%2Fword@127.0.0.1:{port}", 1, 2)
    assert [one.state for one in outcomes] == [DeliveryState.SENT] * 2
    assert server.taken == [(f"user{number}@example.com", True, "carol") for number in (1, 2)]


@pytest.mark.parametrize(("scheme", "implicit"), [("smtps", True), ("smtp+starttls", False), ("smtp", False)])
def test_a_password_goes_to_nobody_who_can_not_prove_who_they_are(
    settings: Settings, scheme: str, implicit: bool
) -> None:
    with running(implicit=implicit) as (server, port):
        (outcome,) = send(settings, f"{scheme}://carol:p%40ss%2Fword@127.0.0.1:{port}")
    assert (outcome.permanent, outcome.reason) == (False, "the mail server's certificate isn't trusted")
    assert server.taken == []


def test_between_mail_servers_any_certificate_is_better_than_none(settings: Settings) -> None:
    with running() as (server, port):
        (outcome,) = send(settings, f"smtp://127.0.0.1:{port}")
    assert outcome.state is DeliveryState.SENT
    assert server.taken == [("user1@example.com", True, "")]
    with running() as (server, port):
        (outcome,) = send(settings, f"smtp+starttls://127.0.0.1:{port}")
    assert outcome.reason == "the mail server's certificate isn't trusted"


def test_without_starttls_plain_mail_goes_and_no_more_is_asked_for(settings: Settings) -> None:
    with running(starttls=False) as (server, port):
        (outcome,) = send(settings, f"smtp://127.0.0.1:{port}")
    assert outcome.state is DeliveryState.SENT
    assert server.taken == [("user1@example.com", False, "")]


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_over_an_encrypted_line_can_be_tried_again(settings: Settings) -> None:
    with running() as (server, port):
        (outcome,) = send(settings, f"smtp+starttls://carol:wr0ng@127.0.0.1:{port}")
    assert (outcome.permanent, outcome.reason) == (False, "the mail server refused the user name or password")
    assert server.taken == []


def closing(talk: Talk) -> Talk:
    """A talk that hangs up when it is over, or cut off."""

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    return whole


async def drip(writer: asyncio.StreamWriter, said: bytes) -> None:
    """Say it a byte at a time, again and again, and never end a line."""
    while True:
        for byte in said:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)


async def drip_greeting(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await drip(writer, b"220 welcome ")


async def drip_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 sink\r\n")
    await reader.readline()
    await drip(writer, b"250-sink and ")


async def drip_many_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 sink\r\n")
    await reader.readline()
    await drip(writer, b"250-SIZE\r\n")


def answering(step: bytes) -> Talk:
    """Drips in the middle of the conversation, at this step."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            if line.upper().startswith(step):
                await drip(writer, b"250-SIZE\r\n" if step == b"RCPT" else b"354 ")
            writer.write(b"250 sink\r\n")

    return talk


HELLO_OF_A_KILOBYTE = b"\x16\x03\x03\x04\x00"


async def drip_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(HELLO_OF_A_KILOBYTE)
    await drip(writer, b"\x02")


async def drip_after_starttls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 sink\r\n")
    await reader.readline()
    writer.write(b"250-sink\r\n250 STARTTLS\r\n")
    await reader.readline()
    writer.write(b"220 go\r\n")
    await drip_handshake(reader, writer)


@pytest.mark.parametrize(
    ("scheme", "talk"),
    [("smtps", drip_handshake), ("smtp", drip_after_starttls), ("smtp+starttls", drip_after_starttls)],
)
def test_no_connection_waits_longer_than_its_time_to_be_encrypted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, scheme: str, talk: Talk
) -> None:
    monkeypatch.setattr(smtp, "OPENING_SECONDS", 1.0)
    with talking(closing(talk)) as port:
        began = time.monotonic()
        with pytest.raises(smtp.SmtpUnreachable, match="didn't respond in time"):
            smtp.open_connection(f"{scheme}://127.0.0.1:{port}", "candor.example")
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "talk",
    [drip_greeting, drip_hello, drip_many_lines, answering(b"MAIL"), answering(b"RCPT"), answering(b"DATA")],
    ids=["greeting", "hello", "lines", "mail", "rcpt", "data"],
)
def test_no_message_waits_longer_than_its_time_for_a_tarpit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, talk: Talk
) -> None:
    monkeypatch.setattr(smtp_lines, "MESSAGE_SECONDS", 1.0)
    monkeypatch.setattr(smtp, "OPENING_SECONDS", 1.0)
    with talking(closing(talk)) as port:
        began = time.monotonic()
        outcomes = send(settings, f"smtp://127.0.0.1:{port}", 1, 2)
        assert time.monotonic() - began < 15
    assert {one.state for one in outcomes} == {DeliveryState.FAILED}
    assert not any(one.permanent for one in outcomes)
    assert all("didn't respond in time" in one.reason for one in outcomes), [one.reason for one in outcomes]
