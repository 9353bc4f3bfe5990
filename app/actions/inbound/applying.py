"""Applies events in the caller's transaction: the same event twice changes nothing more."""

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import return_path
from app.actions import audit
from app.actions.subscribers.shared import end
from app.channels.names import EMAIL, SMS
from app.channels.registry import channel as channel_named
from app.channels.twilio import STOPPED, Message
from app.clock import now
from app.deliver import texts
from app.errors import Invalid
from app.mail_verdict import MailVerdict
from app.models.account_contact import AccountContact, AccountNotice
from app.models.delivery import Delivery, MailEvent, Notice
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import VISITOR
from app.sources.events import Bounced, Complained, Event, Keyword, TextReceived, TextStatus, Unsubscribed
from app.states import account_contacts, deliveries, subscribers
from app.states.deliveries import Ledger
from app.states.subscribers import address_hash
from app.text import shorten

DETAIL_LIMIT = 300
RETURNED_MAIL = "mail"
"""The source that no provider vouches for: only a signed return path makes one of its events ours."""

TEXTED: dict[str, Ledger] = {"d": Delivery, "n": Notice, "a": AccountNotice}
"""Where the text is that a provider tells of, by the letter in its reference."""

_ADDRESS = re.compile(r"[^\s<>\"']+@[^\s<>\"']+")
"""What servers say names addresses, which are kept as hashes alone."""

_E164 = re.compile(r"\+[1-9]\d{6,14}")


def apply(session: Session, settings: Settings, source: str, received_at: datetime, event: Event) -> bool:
    """Do what one event says; whether it said anything new about someone we know."""
    match event:
        case Bounced() | Complained() | Unsubscribed():
            return _mail_event(session, settings, source, event)
        case TextReceived(keyword=Keyword.STOP):
            return _stop(session, settings, event.number, received_at)
        case TextReceived(keyword=Keyword.START):
            return _start(session, settings, event.number, received_at)
        case TextStatus():
            table = TEXTED[event.kind]
            texts.record_status(session, table, event.row_id, Message(event.message_id, event.status, event.code))
            return True
        case _:
            return False


def _mail_event(session: Session, settings: Settings, source: str, event: Bounced | Complained | Unsubscribed) -> bool:
    known = select(MailEvent.id).where(MailEvent.source == source, MailEvent.source_id == event.event_id)
    if session.scalar(known) is not None:
        return False
    rows = (return_path.read(settings.secret_key, address) for address in event.returned_to)
    row = next((row for row in rows if row is not None), None)
    if row is None and source == RETURNED_MAIL:
        return False
    if row is not None and row.table == AccountNotice.__tablename__:
        return _contact_event(session, row.number, event)
    delivery, people = _about(session, settings, row, event.address)
    if not people:
        return False
    is_permanent = not isinstance(event, Bounced) or event.permanent
    said = f"{event.code} {event.verdict}: {event.detail}" if isinstance(event, Bounced) else ""
    session.add(
        MailEvent(
            kind=_kind(event),
            source=source,
            source_id=event.event_id,
            permanent=is_permanent,
            address_hash=people[0].address_hash,
            delivery_id=delivery.id if delivery else None,
            detail=shorten(_ADDRESS.sub("…", said).strip(" :"), DETAIL_LIMIT),
            at=now(),
        )
    )
    for person in people:
        if isinstance(event, Complained):
            subscribers.suppress(session, person.channel, person.address_hash, subscribers.COMPLAINED)
        elif isinstance(event, Unsubscribed):
            end(session, VISITOR, person, source)
    if isinstance(event, Bounced) and is_permanent:
        if delivery is not None:
            deliveries.bounce(delivery, f"came back ({event.code})" if event.code else "came back")
        if event.verdict is MailVerdict.ADDRESS_GONE:
            subscribers.count_hard_bounce(session, people)
    return True


def _contact_event(session: Session, number: int, event: Bounced | Complained | Unsubscribed) -> bool:
    """What came back of a notice to an account: the contact has to be verified again.  Whether that is new."""
    notice = session.get(AccountNotice, number, with_for_update=True)
    if notice is None or not isinstance(event, Bounced) or not event.permanent:
        return False
    is_new = notice.state in deliveries.ARRIVED
    deliveries.bounce(notice, f"came back ({event.code})" if event.code else "came back")
    contact = session.get(AccountContact, notice.contact_id) if notice.contact_id is not None else None
    if contact is not None and is_new:
        account_contacts.lose(session, contact)
    return is_new


def _kind(event: Bounced | Complained | Unsubscribed) -> str:
    return {Bounced: "bounce", Complained: "complaint", Unsubscribed: "unsubscribe"}[type(event)]


def _about(
    session: Session, settings: Settings, named: return_path.RowReference | None, address: str
) -> tuple[Delivery | None, list[Subscriber]]:
    """The delivery and the subscribers that an event is about: of its row, or else everyone with that address."""
    if named is not None:
        row: Delivery | Notice | None
        if named.table == "delivery":
            row = session.get(Delivery, named.number, with_for_update=True)
        else:
            row = session.get(Notice, named.number)
        person = session.get(Subscriber, row.subscriber_id) if row is not None else None
        return (row if isinstance(row, Delivery) else None), [person] if person is not None else []
    try:
        normal = channel_named(EMAIL).normalise(address, settings)
    except Invalid:
        return None, []
    hashed = address_hash(settings, EMAIL, normal)
    people = select(Subscriber).where(Subscriber.channel == EMAIL, Subscriber.address_hash == hashed)
    return None, list(session.scalars(people.with_for_update()))


def _stop(session: Session, settings: Settings, number: str, at: datetime) -> bool:
    """The owner of a number texted STOP: each subscription of it ends, and no text goes there any more.

    A STOP that is read late doesn't undo what they confirmed after they had sent it.
    """
    if not _E164.fullmatch(number):
        return False  # a short code or a name, which can't be subscribed
    hashed = address_hash(settings, SMS, number)
    rows = session.scalars(
        select(Subscriber).where(Subscriber.channel == SMS, Subscriber.address_hash == hashed).with_for_update()
    ).all()
    if any(row.confirmed_at is not None and row.confirmed_at > at for row in rows):
        return False
    for row in rows:
        end(session, VISITOR, row, "STOP")
    if subscribers.suppress(session, SMS, hashed, STOPPED, at):
        audit.record(session, VISITOR, "suppress", "address", hashed[:12], "STOP")
    return True


def _start(session: Session, settings: Settings, number: str, at: datetime) -> bool:
    """The owner of a number texted START: texts may go there again, once it's subscribed and confirmed again.

    A START that is read late doesn't undo a STOP that came after it.
    """
    if not _E164.fullmatch(number):
        return False
    hashed = address_hash(settings, SMS, number)
    lifted = subscribers.lift(session, SMS, hashed, why=subscribers.LIFTED_BY_THE_OWNER, until=at)
    if lifted:
        audit.record(session, VISITOR, "lift suppression", "address", hashed[:12], "START")
    return lifted
