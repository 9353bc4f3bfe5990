"""The fate of texts after a provider accepted them, from its callbacks or by polling."""

import logging
from contextlib import closing
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import twilio_account
from app.channels import twilio
from app.channels.names import SMS
from app.channels.twilio import Inquiry, Message
from app.clock import now
from app.db import release, session, transaction
from app.deliver import endpoints
from app.deliver.letters import Letters
from app.errors import DeliveryError, NotFound
from app.models.account_contact import AccountContact, AccountNotice
from app.models.delivery import Delivery, DeliveryAttempt, Dispatch, LedgerRow, Notice
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.states import account_contacts, deliveries
from app.states.deliveries import Ledger, finish_if_done
from app.twilio_account import TwilioAccount
from app.vocabulary import DeliveryState, DispatchState

logger = logging.getLogger(__name__)
TAKEN = frozenset({"accepted", "queued", "sending", "sent"})
ARRIVED = frozenset({"delivered", "read"})
LOST = frozenset({"undelivered", "failed", "canceled"})
DELIVERED = "delivered to the phone"
ASK_AFTER = timedelta(minutes=1)
ASK_UNTIL = timedelta(hours=24)
ASKED_AT_ONCE = 50
REASONS = {
    30002: "the SMS provider's account is suspended",
    30003: "the phone can't be reached",
    30004: "the carrier or the phone blocks our texts",
    30005: "the number is not in use",
    30006: twilio.NOT_A_MOBILE,
    30007: "the carrier filtered the text",
    30036: "the text became stale before it could be delivered",
    21610: "the person replied STOP",
}
"""By Twilio's codes."""
ENDS = {21610: twilio.STOPPED, 30006: twilio.NOT_A_MOBILE}


class Doubt(NamedTuple):
    """A text of which it isn't known whether the provider took it."""

    delivery_id: int
    dispatch_id: int
    number: str
    at: datetime
    language: str


def note_status(ledger: Ledger, row_id: int, message: Message) -> None:
    """The provider says how a text stands.  What it says about an earlier try never undoes a later one's success.

    A text whose outcome was in doubt, or that waits to be tried again, is settled by it.
    """
    with transaction() as writing:
        record_status(writing, ledger, row_id, message)


def record_status(writing: Session, ledger: Ledger, row_id: int, message: Message) -> None:
    """The same in the caller's transaction."""
    row = writing.get(ledger, row_id, with_for_update=True)
    if row is None or row.channel != SMS or not row.attempts:
        return
    is_open = row.state in {DeliveryState.PENDING, DeliveryState.UNKNOWN}
    if message.status in ARRIVED:
        deliveries.settle_by_provider(row, DeliveryState.SENT, DELIVERED, message.sid)
    elif message.status in TAKEN and is_open:
        deliveries.settle_by_provider(row, DeliveryState.SENT, "", message.sid)
    elif message.status in LOST and _concerns(row, message):
        deliveries.settle_by_provider(row, DeliveryState.FAILED, _why(message.code), message.sid)
        _follow(writing, row, message.code)
    writing.flush()
    if isinstance(row, Delivery):
        finish_if_done(writing, row.dispatch_id)


def reconcile(settings: Settings) -> None:
    """Ask the provider about each text in doubt: it is sent if it was taken, and tried again if it wasn't.

    What is in doubt after 24 hours stays so.  Talks to the provider: a slow one keeps the caller waiting.
    """
    who = twilio_account.account(settings.sms_url)
    if who is None:
        return
    doubts = _doubts(session())
    release()
    if doubts:
        _ask(settings, who, doubts)


def _ask(settings: Settings, who: TwilioAccount, doubts: list[Doubt]) -> None:
    letters = Letters(settings)
    with closing(Inquiry(settings, who)) as inquiry:
        for doubt in doubts:
            try:
                words = letters.of_dispatch(session(), doubt.dispatch_id, SMS).letter(doubt.language).text
            except NotFound:  # withdrawn: it isn't sent again, and those who may have got it are notified
                continue
            release()
            try:
                found = inquiry.find(doubt.number, words, doubt.at)
            except DeliveryError as error:
                logger.warning("texts stay in doubt: %s", error.sentence)
                return
            if found is not None:
                note_status(Delivery, doubt.delivery_id, found)
            else:
                _try_again(doubt)


def _doubts(reading: Session) -> list[Doubt]:
    """Dispatches that are open are few, and each knows its rows by channel and state."""
    at = now()
    rows = reading.execute(
        select(Delivery.id, Delivery.dispatch_id, Subscriber.address, Delivery.settled_at, Delivery.language)
        .join(Dispatch, Dispatch.id == Delivery.dispatch_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(
            Dispatch.state == DispatchState.SENDING,
            Delivery.channel == SMS,
            Delivery.state == DeliveryState.UNKNOWN,
            Delivery.settled_at.between(at - ASK_UNTIL, at - ASK_AFTER),
        )
        .order_by(Delivery.settled_at, Delivery.id)
        .limit(ASKED_AT_ONCE)
    )
    return [Doubt(row[0], row[1], row[2], row[3] or at, row[4]) for row in rows]


def _try_again(doubt: Doubt) -> None:
    """Unless someone else has asked meanwhile, and it was tried again already."""
    with transaction() as writing:
        row = writing.get(Delivery, doubt.delivery_id, with_for_update=True)
        if row is not None and row.state == DeliveryState.UNKNOWN and row.settled_at == doubt.at:
            deliveries.try_again(writing, row, "the SMS provider does not know of it")


def _concerns(row: LedgerRow, message: Message) -> bool:
    """Whether a failure belongs to the row's current attempt."""
    if row.state not in {DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN}:
        return False
    return row.provider_id in {"", message.sid}


def _follow(writing: Session, row: LedgerRow, code: int) -> None:
    if isinstance(row, Delivery):
        writing.add(DeliveryAttempt(delivery_id=row.id, at=now(), reason=row.reason))
    if code in ENDS and isinstance(row, Delivery | Notice):
        endpoints.end(writing, writing.get_one(Subscriber, row.subscriber_id), ENDS[code])
    elif code in ENDS and isinstance(row, AccountNotice):
        contact = writing.get(AccountContact, row.contact_id) if row.contact_id is not None else None
        if contact is not None:
            account_contacts.lose(writing, contact)


def _why(code: int) -> str:
    return REASONS.get(code) or f"the carrier couldn't deliver the text{f' ({code})' if code else ''}"
