"""What each mail provider reports, and returned mail, read without a database."""

import json
from pathlib import Path
from typing import Any

import pytest

from app import return_path
from app.mail_verdict import MailVerdict
from app.settings import Settings
from app.sources import mail, mailgun, postmark, sendgrid, ses
from app.sources.base import NotUnderstood, Received, Source
from app.sources.events import Bounced, Complained, Event, Unsubscribed

DATA = Path(__file__).parents[1] / "data" / "inbound"
GONE, FULL, POLICY, BLOCKED, TIME_OUT, UNKNOWN = MailVerdict


def parse(source: Source, settings: Settings, body: object) -> tuple[Event, ...]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return source.parse(Received(body=raw), settings)


def given(name: str) -> Any:
    return json.loads((DATA / name).read_text().replace("{N}", "1"))


def mailed(settings: Settings, name: str) -> bytes:
    back = return_path.make(settings.secret_key, "bounces@example.com", "delivery", 7)
    return (DATA / name).read_text().replace("{VERP}", back).replace("{N}", "1").encode()


def told(events: tuple[Event, ...]) -> list[tuple[type, object]]:
    return [(type(one), one.verdict if isinstance(one, Bounced) else "") for one in events]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dsn-500-mailbox-full.eml", [(Bounced, FULL)]),
        ("dsn-500-blocked-ip.eml", [(Bounced, BLOCKED)]),
        ("dsn-500-spam-554-560.eml", [(Bounced, POLICY)]),
        ("qmail-bounce.eml", [(Bounced, GONE)]),
        ("arf-auth-failure.eml", []),
    ],
)
def test_returned_mail(plain_settings: Settings, name: str, expected: object) -> None:
    raw = mailed(plain_settings, name)
    assert mail.SOURCE.authenticate(Received(body=raw), plain_settings)
    events = parse(mail.SOURCE, plain_settings, raw)
    assert told(events) == expected
    assert all(isinstance(one, Bounced) and one.address == "sub1@example.net" for one in events)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("abuse", [(Complained, "")]), ("Fraud", [(Complained, "")]), ("virus", [(Complained, "")]),
        ("opt-out", [(Unsubscribed, "")]), ("not-spam", []), ("other", []), ("dmarc", []),
    ],
)  # fmt: skip
def test_a_feedback_report_is_read_by_its_type(plain_settings: Settings, kind: str, expected: object) -> None:
    raw = mailed(plain_settings, "arf-auth-failure.eml").replace(b"auth-failure", kind.encode())
    assert told(parse(mail.SOURCE, plain_settings, raw)) == expected
    ses_body = {"notificationType": "Complaint", "complaint": {**given("ses-notspam.json")["complaint"]}}
    ses_body["complaint"]["complaintFeedbackType"] = kind
    assert told(parse(ses.SOURCE, plain_settings, sns(ses_body))) == expected if kind != "dmarc" else True


def test_a_feedback_report_without_a_type_is_not_understood(plain_settings: Settings) -> None:
    raw = mailed(plain_settings, "arf-auth-failure.eml").replace(b"Feedback-Type: auth-failure\n", b"")
    with pytest.raises(NotUnderstood):
        parse(mail.SOURCE, plain_settings, raw)


def test_a_reply_says_nothing_and_an_unknown_bounce_is_not_understood(plain_settings: Settings) -> None:
    away = b"From: carol@example.com\nSubject: I am away\nAuto-Submitted: auto-replied\n\nUntil Monday.\n"
    assert parse(mail.SOURCE, plain_settings, away) == ()
    with pytest.raises(NotUnderstood):
        parse(mail.SOURCE, plain_settings, b"From: MAILER-DAEMON@x.example\nSubject: Hm\n\nIt went wrong.\n")


def sns(message: object) -> dict[str, object]:
    return {"Type": "Notification", "MessageId": "m", "Message": json.dumps(message)}


@pytest.mark.parametrize(
    ("source", "body", "expected"),
    [
        (mailgun.SOURCE, {"event-data": given("mailgun-old-602.json")}, [(Bounced, TIME_OUT)]),
        (mailgun.SOURCE, {"event-data": given("mailgun-unsubscribed.json")}, [(Unsubscribed, "")]),
        (postmark.SOURCE, given("postmark-subscriptionchange.json"), [(Unsubscribed, "")]),
        (postmark.SOURCE, {**given("postmark-subscriptionchange.json"), "SuppressSending": False}, []),
        (postmark.SOURCE, {**given("postmark-subscriptionchange.json"), "SuppressionReason": "HardBounce"}, []),
        (postmark.SOURCE, {"RecordType": "Bounce", "ID": 1, "Type": "HardBounce"}, [(Bounced, GONE)]),
        (
            postmark.SOURCE,
            {"RecordType": "Bounce", "ID": 1, "Type": "HardBounce", "Details": "smtp;552 5.2.2 over quota"},
            [(Bounced, FULL)],
        ),
        (postmark.SOURCE, {"RecordType": "Bounce", "ID": 1, "Type": "SpamNotification"}, [(Bounced, POLICY)]),
        (postmark.SOURCE, {"RecordType": "Bounce", "ID": 1, "Type": "Transient"}, [(Bounced, UNKNOWN)]),
        (ses.SOURCE, sns(given("ses-notspam.json")), []),
        (ses.SOURCE, {"Type": "Notification", "Message": "You have chosen to subscribe."}, []),
        (
            ses.SOURCE,
            sns(
                {
                    "eventType": "Bounce",
                    "bounce": {
                        "bounceType": "Permanent",
                        "bounceSubType": "MailboxFull",
                        "bouncedRecipients": [{"emailAddress": "a@example.net", "status": "5.1.1"}],
                    },
                }
            ),
            [(Bounced, FULL)],
        ),
        (
            sendgrid.SOURCE,
            [
                {
                    "event": "bounce",
                    "sg_event_id": "1",
                    "type": "bounce",
                    "status": "5.0.0",
                    "reason": "550 unknown user",
                },
                {"event": "bounce", "sg_event_id": "2", "type": "blocked", "status": "5.1.1"},
                {"event": "bounce", "sg_event_id": "3", "status": "5.1.1", "bounce_classification": "Reputation"},
                {"event": "group_unsubscribe", "sg_event_id": "4"},
                {"event": "spamreport", "sg_event_id": "5"},
                {"event": "open", "sg_event_id": "6"},
            ],
            [(Bounced, GONE), (Bounced, UNKNOWN), (Bounced, BLOCKED), (Unsubscribed, ""), (Complained, "")],
        ),
    ],
)
def test_what_providers_report(plain_settings: Settings, source: Source, body: object, expected: object) -> None:
    assert told(parse(source, plain_settings, body)) == expected


def test_the_return_path_in_a_report_names_the_delivery(plain_settings: Settings) -> None:
    back = return_path.make(plain_settings.secret_key, "bounces@example.com", "delivery", 7)
    bounce = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "a@example.net"}]}
    message = sns({"notificationType": "Bounce", "mail": {"source": back}, "bounce": bounce})
    event = {"event": "complained", "id": "1", "envelope": {"sender": back}}
    for events in (
        parse(ses.SOURCE, plain_settings, message),
        parse(mailgun.SOURCE, plain_settings, {"event-data": event}),
    ):
        (one,) = events
        assert isinstance(one, Bounced | Complained)
        assert one.returned_to == (back,)
