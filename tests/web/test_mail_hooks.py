"""Bounces and complaints from every door: providers' webhooks with real signatures, LMTP, and a pipe."""

import base64
import hmac
import json
import smtplib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from flask import Flask
from sqlalchemy import select

from app import clock, create_app, return_path
from app.actions.deliveries import mail_health
from app.actions.posts.publishing import open_post
from app.db import db, session, transaction
from app.errors import SettingError
from app.models.delivery import Delivery, MailEvent, SendLimit
from app.models.subscriber import Subscriber, Suppression
from app.settings import Settings, load
from app.sources import ses
from app.states.subscribers import address_hash
from app.vocabulary import DeliveryState, SubscriberState
from app.worker import lmtp
from app.worker.loop import drain
from tests.cli.shell import Shell
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge
from tests.factories import LENA, make_subscriber
from tests.processes import free_port
from tests.returned_mail import back, delivered, dsn, state, take

pytestmark = pytest.mark.database
Configured = Callable[..., Flask]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"


@pytest.fixture
def carol(page_id: int) -> int:
    return make_subscriber(page_id, "carol@example.com")


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    made = Edge()
    monkeypatch.setattr("app.deliver.send.channel", lambda _name: made)
    return made


def hashed(settings: Settings) -> str:
    return address_hash(settings, "email", "carol@example.com")


def set_hash(settings: Settings) -> None:
    with transaction() as writing:
        writing.scalars(select(Subscriber)).one().address_hash = hashed(settings)


def person() -> Subscriber:
    session().rollback()
    return session().scalars(select(Subscriber)).one()


def test_the_return_path_says_which_mail_and_cannot_be_made_up(settings: Settings) -> None:
    made = return_path.make(settings.secret_key, "bounces@example.com", "delivery", 123)
    assert return_path.read(settings.secret_key, made) == ("delivery", 123)
    assert return_path.read(settings.secret_key, made.replace("d123", "d124")) is None
    assert return_path.read("another key, also of thirty-two letters", made) is None
    assert (
        len(return_path.make(settings.secret_key, "b" * 30 + "@example.com", "notice", 10**17).partition("@")[0]) <= 64
    )


def test_mails_carry_it_when_it_is_set(app: Flask, settings: Settings, page_id: int, edge: Edge, carol: int) -> None:
    paths: list[str] = []
    edge.behave = lambda recipient: paths.append(recipient.return_path)  # type: ignore[func-returns-value]
    open_post(settings, LENA, page_id, draft())
    drain(settings.with_changes(bounce_address="bounces@example.com"))
    row = session().scalars(select(Delivery.id)).one()
    assert return_path.read(settings.secret_key, paths[0]) == ("delivery", row)


def test_a_returned_mail_settles_its_delivery_and_the_second_ends_the_address(
    app: Flask, settings: Settings, page_id: int, edge: Edge, carol: int
) -> None:
    set_hash(settings)
    row = delivered(settings, page_id)
    assert take(settings, dsn(settings, row))
    assert state() == (DeliveryState.BOUNCED, "came back (5.1.1)")
    assert (person().bounces, person().state) == (1, SubscriberState.ACTIVE)
    assert not take(settings, dsn(settings, row)), "the same mail twice is one bounce"
    assert person().bounces == 1
    assert take(settings, dsn(settings, row, number=2))
    assert person().state == SubscriberState.QUARANTINED
    assert session().scalars(select(Suppression.why)).all() == ["the address does not exist"]


@pytest.mark.parametrize(
    ("status", "action", "settled"),
    [("4.2.2", "failed", False), ("5.1.1", "delayed", False), ("5.2.2", "failed", True), ("5.7.1", "failed", True)],
)
def test_what_says_nothing_against_an_address_never_counts_against_it(
    app: Flask, settings: Settings, page_id: int, edge: Edge, carol: int, status: str, action: str, settled: bool
) -> None:
    row = delivered(settings, page_id)
    for number in range(3):
        take(settings, dsn(settings, row, number, status, action))
    assert (state()[0] == DeliveryState.BOUNCED) is settled
    assert (person().bounces, person().state) == (0, SubscriberState.ACTIVE)


def test_nobody_can_make_a_delivery_look_bounced(
    app: Flask, settings: Settings, page_id: int, edge: Edge, carol: int
) -> None:
    set_hash(settings)
    row = delivered(settings, page_id)
    forged = dsn(settings, row).replace(b"-", b"-0", 1)
    for raw in (
        forged.replace(back(settings, row).encode(), b"bounces+d1-000000000000@example.com"),
        b"",
        b"\xff" * 99,
    ):
        assert not take(settings, raw)
    assert state()[0] == DeliveryState.SENT
    assert session().scalars(select(MailEvent)).all() == []


def test_lmtp_takes_mail_and_outlives_garbage(
    app: Flask, settings: Settings, page_id: int, edge: Edge, carol: int
) -> None:
    row = delivered(settings, page_id)
    listening = settings.with_changes(bounce_lmtp=f"127.0.0.1:{free_port()}")
    session().rollback()
    server = lmtp.serve(app, listening)
    assert server is not None
    try:
        host, _, port = listening.bounce_lmtp.rpartition(":")
        with smtplib.LMTP(host, int(port)) as client:
            assert client.docmd("BOGUS words")[0] == 500
            assert client.docmd("DATA")[0] == 503
            client.sendmail("", ["other@example.com"], b"Subject: I am away\r\n\r\nUntil Monday.")
            assert state()[0] == DeliveryState.SENT
            client.sendmail("", [back(settings, row)], dsn(settings, row))
        drain(settings)
    finally:
        server.close()
    assert state()[0] == DeliveryState.BOUNCED


def test_a_pipe_takes_it_once(app: Flask, settings: Settings, page_id: int, edge: Edge, carol: int) -> None:
    row = delivered(settings, page_id)
    db.session.remove()
    candor = Shell(settings)
    given = dsn(settings, row).decode()
    assert candor.json("bounce", stdin="Subject: I am away\n\nUntil Monday.\n") == {"taken": False}
    assert [candor.json("bounce", stdin=given) for _ in range(2)] == [{"taken": True}, {"taken": False}]
    elsewhere = dsn(settings, row, 2).decode().replace(back(settings, row), "root@example.com")
    assert candor.json("bounce", stdin=elsewhere) == {"taken": False}
    assert candor.json("bounce", "--recipient", back(settings, row), stdin=elsewhere) == {"taken": True}
    assert state()[0] == DeliveryState.BOUNCED


def post(app: Flask, path: str, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().post(path, data=raw, headers=named, content_type="application/json")


@pytest.fixture
def configured(settings: Settings) -> Iterator[Configured]:
    """Makes applications that differ in settings, and closes the connections that they open."""
    made: list[Flask] = []

    def configure(**changes: Any) -> Flask:
        made.append(create_app(settings.with_changes(**changes)))
        return made[-1]

    yield configure
    for one in made:
        with one.app_context():
            db.session.remove()
            db.engine.dispose()


def test_postmark(app: Flask, settings: Settings, configured: Configured, page_id: int, carol: int) -> None:
    set_hash(settings)
    made = configured(postmark_webhook_auth="post:mark")
    right = "Basic " + base64.b64encode(b"post:mark").decode()
    event = {"RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "Email": "carol@example.com"}
    assert post(made, "/hooks/mail/postmark", event, Authorization="Basic nothing").status_code == 403
    assert post(app, "/hooks/mail/postmark", event).status_code == 503
    assert [post(made, "/hooks/mail/postmark", event, Authorization=right).json for _ in range(2)] == [
        {"taken": 1}, {"taken": 0},
    ]  # fmt: skip
    complaint = {"RecordType": "SpamComplaint", "ID": 43, "Email": "CAROL@example.com"}
    assert post(made, "/hooks/mail/postmark", complaint, Authorization=right).json == {"taken": 1}
    assert person().state == SubscriberState.ACTIVE, "it is answered first, and read by a worker"
    drain(settings)
    assert person().state == SubscriberState.QUARANTINED


def test_mailgun(app: Flask, settings: Settings, configured: Configured, page_id: int, carol: int) -> None:
    set_hash(settings)
    made = configured(mailgun_signing_key="key-1")
    with clock.frozen(NOON):
        for number, (stamp, key, status) in enumerate(
            ((NOON, "key-1", 200), (NOON, "key-2", 403), (NOON - timedelta(days=1), "key-1", 403))
        ):
            seconds = str(int(stamp.timestamp()))
            given = hmac.digest(key.encode(), f"{seconds}token".encode(), "sha256").hex()
            body = {
                "signature": {"timestamp": seconds, "token": "token", "signature": given},
                "event-data": {
                    "event": "failed", "severity": "permanent", "id": f"e{number}", "recipient": "carol@example.com",
                    "delivery-status": {"code": 550, "enhanced-code": "5.1.1"},
                },
            }  # fmt: skip
            assert post(made, "/hooks/mail/mailgun", body).status_code == status
    drain(settings)
    assert person().bounces == 1


def test_sendgrid(app: Flask, settings: Settings, configured: Configured, page_id: int, carol: int) -> None:
    set_hash(settings)
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    made = configured(sendgrid_public_key=base64.b64encode(public).decode())
    event = {"event": "bounce", "type": "bounce", "email": "carol@example.com", "status": "5.1.1", "sg_event_id": "a"}
    body = json.dumps([event, {"event": "delivered"}, 7]).encode()
    with clock.frozen(NOON):
        stamp = str(int(NOON.timestamp()))
        signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
        headers = {
            "X_Twilio_Email_Event_Webhook_Timestamp": stamp, "X_Twilio_Email_Event_Webhook_Signature": signature,
        }  # fmt: skip
        assert post(made, "/hooks/mail/sendgrid", body + b" ", **headers).status_code == 403
        assert post(made, "/hooks/mail/sendgrid", body, **headers).json == {"taken": 1}
    drain(settings)
    assert person().bounces == 1


def test_ses_through_sns(
    app: Flask, settings: Settings, configured: Configured, carol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_hash(settings)
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(NOON).not_valid_after(NOON + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return certificate.public_bytes(Encoding.PEM)

    monkeypatch.setattr(ses, "fetch", fetch)
    ses.certificate.cache_clear()
    made = configured(sns_topics=(TOPIC,))
    bounce = {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bouncedRecipients": [{"emailAddress": "carol@example.com", "status": "5.1.1"}],
        },
    }

    def message(kind: str = "Notification", topic: str = TOPIC, url: str = CERTIFICATE, **more: str) -> dict[str, str]:
        fields = {
            "Type": kind, "MessageId": "m-1", "TopicArn": topic, "Message": json.dumps(bounce),
            "Timestamp": "2026-03-01T12:00:00.000Z", "SignatureVersion": "2", "SigningCertURL": url, **more,
        }  # fmt: skip
        names = [n for n in ses.SIGNED_FIELDS[kind] if n in fields]
        signed = "".join(f"{n}\n{fields[n]}\n" for n in names).encode()
        return {**fields, "Signature": base64.b64encode(key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()}

    path = "/hooks/mail/ses"
    with clock.frozen(NOON + timedelta(minutes=5)):
        assert post(made, path, message(topic=TOPIC + "x")).status_code == 403
        foreign = "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem"
        assert post(made, path, message(url=foreign)).status_code == 403
        assert post(made, path, {**message(), "Message": "{}"}).status_code == 403
        assert asked == [CERTIFICATE], "nothing is fetched from anybody else"
        assert post(made, path, message()).json == {"taken": 1}
        assert post(made, path, message()).json == {"taken": 0}
        link = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
        told = message("SubscriptionConfirmation", SubscribeURL=link, Token="t", MessageId="m-2")
        assert post(made, path, told).status_code == 200
    drain(settings)
    assert person().bounces == 1
    assert asked[-1] == link
    with clock.frozen(NOON + timedelta(hours=2)):
        assert post(made, path, message(MessageId="m-3")).status_code == 403, "what is old is a replay"


@pytest.mark.parametrize("provider", ["ses", "sendgrid", "mailgun", "postmark", "nobody"])
@pytest.mark.parametrize("body", [b"", b"[" * 50_000, b"null", b"{}", b"\xff", b'{"signature": 1}'])
def test_garbage_gets_a_sentence(configured: Configured, page_id: int, provider: str, body: bytes) -> None:
    made = configured(
        sns_topics=(TOPIC,), sendgrid_public_key="AAAA", mailgun_signing_key="k", postmark_webhook_auth="a:b"
    )
    answer = post(made, f"/hooks/mail/{provider}", body)
    assert 400 <= answer.status_code < 500


def test_much_that_comes_back_is_an_alarm_and_too_much_a_pause(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    for number in range(100):
        make_subscriber(page_id, f"s{number}@example.com")
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    rows = session().scalars(select(Delivery.id)).all()
    for number, expected in ((4, ""), (5, ""), (10, "10 of 100 mails came back (10.0%)")):
        for row in rows[:number]:
            take(settings, dsn(settings, row, row))
        mail_health.watch(settings)
        session().rollback()
        paused = session().scalar(select(SendLimit.paused_why)) or ""
        assert paused.startswith(expected) and bool(paused) is bool(expected)
    open_post(settings, LENA, page_id, draft("key-00000002"))
    drain(settings)
    assert len(edge.sent) == 100, "nothing leaves while mail is paused"


@pytest.mark.parametrize(("name", "value"), [("BOUNCE_ADDRESS", "nobody"), ("BOUNCE_LMTP", "2424")])
def test_settings_say_what_is_wrong(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        load({"CANDOR_HOME": str(tmp_path), name: value})
