"""What a mail server sends back when it can not deliver (RFC 3464), about a mail of ours."""

from sqlalchemy import select

from app import return_path
from app.actions.inbound import reading, receiving
from app.actions.posts.publishing import open_post
from app.db import session
from app.errors import Forbidden
from app.models.delivery import Delivery
from app.settings import Settings
from app.sources import mail
from app.sources.base import Received
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.factories import LENA

DSN = """From: MAILER-DAEMON@mx.example.net
To: {back}
Subject: Undelivered Mail Returned to Sender
Message-ID: <{number}@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; carol@example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} no such user

--b
Content-Type: text/rfc822-headers

To: carol@example.com
--b--
"""


def delivered(settings: Settings, page_id: int) -> int:
    """One mail that was sent; its row."""
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    session().rollback()
    return session().scalars(select(Delivery.id)).one()


def back(settings: Settings, row: int) -> str:
    return return_path.make(settings.secret_key, "bounces@example.com", "delivery", row)


def dsn(settings: Settings, row: int, number: int = 1, status: str = "5.1.1", action: str = "failed") -> bytes:
    return DSN.format(back=back(settings, row), number=number, status=status, action=action).encode()


def state() -> tuple[str, str]:
    session().rollback()
    row = session().scalars(select(Delivery)).one()
    return row.state, row.reason


def take(settings: Settings, raw: bytes, recipient: str = "") -> bool:
    """Take in a returned mail and read it at once; whether it said anything new about somebody we know."""
    session().rollback()
    received = Received(body=raw, headers={mail.ENVELOPE_TO: recipient})
    try:
        receipt = receiving.receive_into_database(settings, mail.SOURCE, received)
    except Forbidden:
        return False
    outcome = reading.read_now(settings, receipt.row_id or 0)
    return outcome is not None and outcome.changes > 0
