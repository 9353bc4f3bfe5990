"""Mail: a real SMTP conversation, and the bytes read back by Python's own mail parser."""

import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from hypothesis import given
from hypothesis import strategies as st

from app.channels import mime, smtp_lines
from app.channels.base import TICK
from app.channels.email import IN_DOUBT, NOT_SENT, SmtpSender
from app.channels.registry import channel
from app.channels.smtp import SmtpSession, SmtpUnreachable
from app.clock import frozen
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import DeliveryState
from tests.channels.helpers import LINKS, letter, recipient
from tests.processes import free_port

EMAIL = channel("email")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Server:
    """Accepts everything until it is told otherwise, per recipient."""

    def __init__(self) -> None:
        self.replies: dict[str, str] = {}
        self.hang_up_after_data: set[str] = set()
        self.mail_replies: list[str] = []
        self.received: list[tuple[str, EmailMessage, bytes]] = []
        self.peers: set[object] = set()
        self.logins: list[bytes] = []

    @property
    def connections(self) -> int:
        return len(self.peers)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, sender: str, options: list[str]
    ) -> str:
        self.peers.add(session.peer)
        reply = self.mail_replies.pop(0) if self.mail_replies else "250 OK"
        if reply.startswith("250"):
            envelope.mail_from = sender
        if reply == "drop":
            server.transport.close()
        return reply

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, to: str, options: list[str]) -> str:
        reply = self.replies.get(to, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(to)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        to = envelope.rcpt_tos[0]
        if to in self.hang_up_after_data:
            server.transport.abort()
            return "250 OK"
        raw = bytes(envelope.original_content or b"")
        self.received.append((to, parsed(raw), raw))
        return "250 2.0.0 Ok: queued as 4AB12"


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def port(server: Server) -> Iterator[int]:
    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
        server.logins.append(data.password)  # type: ignore[attr-defined]
        return AuthResult(success=data.password == b"p@ss/word", handled=False)  # type: ignore[attr-defined]

    chosen = free_port()
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=chosen,
        authenticator=check,
        auth_require_tls=False,
        auth_exclude_mechanism=["LOGIN"],
        enable_SMTPUTF8=False,
    )
    controller.start()
    yield chosen
    controller.stop()


class One(SmtpSender):
    """A sender over one connection, of which only the outcomes are looked at."""

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        return (outcome for outcome in super().send(letter, recipients) if outcome is not TICK)


@pytest.fixture
def sender(port: int, settings: Settings) -> Iterator[SmtpSender]:
    opened = One(settings.with_changes(smtp_url=f"smtp://127.0.0.1:{port}", send_connections=1))
    yield opened
    opened.close()


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def states(outcomes: list[Outcome]) -> list[tuple[str, bool, bool]]:
    return [(str(one.state), one.permanent, one.suppress) for one in outcomes]


def test_the_words_and_links_arrive_whole(server: Server, sender: SmtpSender) -> None:
    with frozen(NOON):
        outcomes = list(sender.send(letter(), [recipient()]))
    assert outcomes == [Outcome(1, DeliveryState.SENT, provider_id="4AB12")]
    to, message, raw = server.received[0]
    assert to == "user1@example.com" == message["To"]
    expected = f"It is slow.\n\nManage: {LINKS['manage_url']}\n.\n..dots\nLeave: {LINKS['unsubscribe_url']}\n"
    assert text_of(message).replace("\r\n", "\n") == expected
    assert 'href="http://localhost:8000/manage/bcdfgh/=?a=1&amp;b=2"' in text_of(message, "html")
    assert "slöw" in text_of(message, "html")
    assert all(len(line) <= 76 for line in raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))


def test_headers_thread_and_let_people_leave(server: Server, sender: SmtpSender) -> None:
    with frozen(NOON):
        list(sender.send(letter(subject="Störung – API " * 12), [recipient()]))
    message = server.received[0][1]
    assert message["Subject"] == ("Störung – API " * 12).strip()
    assert message["Message-ID"] == "<update-2@status.example.com>"
    assert message["In-Reply-To"] == message["References"] == "<post-1@status.example.com>"
    assert message["List-Unsubscribe"] == f"<{LINKS['unsubscribe_url']}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "Example Status <status@example.com>"
    assert message["Date"].datetime == NOON
    assert message["Precedence"] is None


def test_one_connection_and_one_recipient_a_message(server: Server, sender: SmtpSender) -> None:
    outcomes = list(sender.send(letter(), [recipient(n) for n in range(20)]))
    outcomes += sender.send(letter(), [recipient(20)])
    assert {one.state for one in outcomes} == {DeliveryState.SENT}
    assert server.connections == 1
    assert [to for to, _, _ in server.received] == [f"user{n}@example.com" for n in range(21)]


def test_each_outcome_comes_before_the_next_copy_begins(server: Server, sender: SmtpSender) -> None:
    going = sender.send(letter(), [recipient(1), recipient(2)])
    next(going)
    assert len(server.received) == 1
    going.close()
    assert [one.state for one in sender.send(letter(), [recipient(3)])] == [DeliveryState.SENT]
    assert [to for to, _, _ in server.received] == ["user1@example.com", "user3@example.com"]


def test_replies_decide_whether_trying_again_can_help(server: Server, sender: SmtpSender) -> None:
    server.replies = {
        "user1@example.com": "450 4.2.1 user1@example.com is busy",
        "user2@example.com": "550 5.1.1 no user2@example.com here",
        "user3@example.com": "554 5.7.1 policy",
        "user4@example.com": "550 5.1.8 bad sender's system",
    }
    outcomes = list(sender.send(letter(), [recipient(n) for n in range(1, 6)]))
    assert states(outcomes) == [
        ("failed", False, False),
        ("failed", True, True),
        ("failed", True, False),
        ("failed", True, False),
        ("sent", False, False),
    ]
    assert outcomes[1].reason == "the mail server refused the address (550 5.1.1)"
    assert server.connections == 1


def test_a_server_that_dropped_the_idle_connection_is_called_once_more(server: Server, sender: SmtpSender) -> None:
    list(sender.send(letter(), [recipient(1)]))
    server.mail_replies = ["421 4.4.2 idle for too long"]
    assert [one.state for one in sender.send(letter(), [recipient(2)])] == [DeliveryState.SENT]
    server.mail_replies = ["drop"]
    assert [one.state for one in sender.send(letter(), [recipient(3)])] == [DeliveryState.SENT]
    assert len(server.received) == 3
    assert server.connections == 3


def test_a_message_whose_fate_is_unknown_is_not_sent_again(server: Server, sender: SmtpSender) -> None:
    server.hang_up_after_data = {"user2@example.com"}
    outcomes = list(sender.send(letter(), [recipient(1), recipient(2), recipient(3)]))
    assert states(outcomes) == [("sent", False, False), ("failed", False, False), ("sent", False, False)]
    assert outcomes[1].reason == IN_DOUBT
    assert [to for to, _, _ in server.received] == ["user1@example.com", "user3@example.com"]


def test_no_server_fails_the_batch_at_once_and_can_be_tried_again(settings: Settings) -> None:
    sender = One(settings.with_changes(smtp_url="smtp://127.0.0.1:21019", send_connections=1))
    outcomes = list(sender.send(letter(), [recipient(n) for n in range(3)]))
    assert states(outcomes) == [("failed", False, False)] * 3
    assert {one.reason for one in outcomes} == {"the mail server can't be reached"}


def test_a_server_that_is_back_gets_what_comes_next_at_once(server: Server, settings: Settings) -> None:
    chosen = free_port()
    sender = One(settings.with_changes(smtp_url=f"smtp://127.0.0.1:{chosen}", send_connections=1))
    assert [one.state for one in sender.send(letter(), [recipient(1)])] == [DeliveryState.FAILED]
    controller = Controller(server, hostname="127.0.0.1", port=chosen)
    controller.start()
    try:
        assert [one.state for one in sender.send(letter(), [recipient(2)])] == [DeliveryState.SENT]
    finally:
        sender.close()
        controller.stop()


def test_what_was_being_opened_before_tells_nothing_of_now(
    server: Server, port: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a cable is out: one connection is refused, another one is waited for until after it is back."""
    is_back, calls, whole = threading.Event(), count(1), smtp_lines.open_connection

    def connect(url: str, hello: str) -> SmtpSession:
        number = next(calls)
        if number > 2:
            is_back.set()
            threading.Event().wait(0.3)  # so long after the other one has failed
            return whole(url, hello)
        if number == 2:
            is_back.wait(30)
        raise SmtpUnreachable("the mail server can't be reached")

    monkeypatch.setattr(smtp_lines, "open_connection", connect)
    sender = One(settings.with_changes(smtp_url=f"smtp://127.0.0.1:{port}", send_connections=2))
    assert [one.state for one in sender.send(letter(), [recipient(1)])] == [DeliveryState.FAILED]
    assert [one.state for one in sender.send(letter(), [recipient(2)])] == [DeliveryState.SENT]
    sender.close()


def test_the_password_is_percent_decoded(server: Server, port: int, settings: Settings) -> None:
    sender = One(settings.with_changes(smtp_url=f"smtp://user:p%40ss%2Fword@127.0.0.1:{port}", send_connections=1))
    assert [one.state for one in sender.send(letter(), [recipient()])] == [DeliveryState.SENT]
    sender.close()
    assert server.logins == [b"p@ss/word"]


def test_a_wrong_password_is_named_but_not_shown(port: int, settings: Settings) -> None:
    sender = One(settings.with_changes(smtp_url=f"smtp://user:wr0ng@127.0.0.1:{port}", send_connections=1))
    (outcome,) = sender.send(letter(), [recipient()])
    assert (outcome.permanent, outcome.reason) == (False, "the mail server refused the user name or password")


def test_required_starttls_that_is_not_offered_sends_nothing(server: Server, port: int, settings: Settings) -> None:
    sender = One(settings.with_changes(smtp_url=f"smtp+starttls://127.0.0.1:{port}", send_connections=1))
    (outcome,) = sender.send(letter(), [recipient()])
    assert outcome.state is DeliveryState.FAILED
    assert "STARTTLS" in outcome.reason
    assert server.received == []


def test_international_domains_travel_and_local_parts_only_when_offered(server: Server, sender: SmtpSender) -> None:
    outcomes = list(sender.send(letter(), [recipient(1, "a@bücher.example"), recipient(2, "jürgen@example.com")]))
    assert states(outcomes) == [("sent", False, False), ("failed", True, False)]
    assert server.received[0][0] == "a@xn--bcher-kva.example"


def test_without_a_mail_server_mails_are_kept_in_the_outbox(settings: Settings) -> None:
    assert not EMAIL.is_configured(settings)
    sender = EMAIL.open(settings)
    outcomes = list(sender.send(letter(), [recipient(1, key="../../x")]))
    assert outcomes == [Outcome(1, DeliveryState.SKIPPED, NOT_SENT)]
    (kept,) = (settings.outbox / "email").iterdir()
    assert kept.suffix == ".eml"
    assert parsed(kept.read_bytes())["To"] == "user1@example.com"


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_can_add_a_header(subject: str, name: str, value: str, url: str) -> None:
    made = letter(
        subject=subject, sender=f"{name} <status@example.com>", headers=(("X-Kind", value), ("X\r\nBcc", "a@b.example"))
    )
    raw = mime.prepare(made, "status@example.com").addressed("a@b.example", {"unsubscribe_url": url}, NOON)
    head = raw.partition(b"\r\n\r\n")[0]
    allowed = {
        b"date", b"to", b"list-unsubscribe", b"list-unsubscribe-post", b"from", b"subject", b"message-id",
        b"auto-submitted", b"mime-version", b"in-reply-to", b"references", b"x-kind", b"content-type",
    }  # fmt: skip
    lines = head.split(b"\r\n")
    names = [line.partition(b":")[0].lower() for line in lines if not line.startswith((b" ", b"\t"))]
    assert set(names) <= allowed
    assert len(names) == len(set(names))
    assert not any(control in head.replace(b"\r\n", b"") for control in (b"\r", b"\n", b"\0"))


@given(
    st.text(alphabet=st.characters(blacklist_categories=["Cc", "Cs"])),
    st.text(st.characters(max_codepoint=255, blacklist_categories=["Cc"])),
)
def test_any_words_and_any_value_survive_encoding(words: str, value: str) -> None:
    made = letter(text=words + "[{{manage_url}}]\nend", html="")
    raw = mime.prepare(made, "status@example.com").addressed("a@b.example", {"manage_url": value}, NOON)
    decoded = message_from_bytes(raw).get_payload(decode=True)
    assert isinstance(decoded, bytes)
    shown = words.replace("{{manage_url}}", value).replace("{{unsubscribe_url}}", "").replace("{{confirm_url}}", "")
    assert decoded.decode().rstrip("\r\n") == (shown + f"[{value}]\r\nend")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" Carol.O@Example.COM ", "carol.o@example.com"),
        ("a+b@bücher.example", "a+b@xn--bcher-kva.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_one_spelling_for_one_mailbox(typed: str, stored: str, settings: Settings) -> None:
    assert EMAIL.normalise(typed, settings) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "", "a", "a@", "@b.example", "a@b", "a b@c.example", "a@b@c.example", "a@b.example\r\nBcc: x@y.example",
        '"a"@b.example', "a@-b.example", "a@b..example", ".a@b.example", "a..b@c.example", "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a\0@b.example", "a@" + "b" * 250 + ".example", "x" * 65 + "@b.example", "a\u202e@b.example", "<a@b.example>",
    ],
)  # fmt: skip
def test_what_is_not_an_address_is_refused_with_a_sentence(typed: str, settings: Settings) -> None:
    with pytest.raises(Invalid, match="valid email address") as refused:
        EMAIL.normalise(typed, settings)
    assert "address" in refused.value.fields


@given(st.text())
def test_normalising_twice_changes_nothing(typed: str) -> None:
    from tests.channels.test_registry import plain_settings

    try:
        once = EMAIL.normalise(typed + "@example.com", plain_settings())
    except Invalid:
        return
    assert EMAIL.normalise(once, plain_settings()) == once
