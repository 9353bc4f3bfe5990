"""Bounces and complaints, whoever told them: taken once, they settle a delivery and count against its address."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions.subscriber_rows import address_hash
from app.channels.registry import channel as channel_named
from app.clock import now
from app.db import transaction
from app.deliver import bounces
from app.errors import Invalid
from app.guard import return_path
from app.guard.bounce_mail import BounceMail
from app.guard.return_path import Row
from app.models.delivery import Delivery, MailEvent, Notice
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.states import deliveries
from app.text import shorten
from app.vocabulary import ChannelName

BOUNCE, COMPLAINT = "bounce", "complaint"
DETAIL_LIMIT = 300
NOT_THE_ADDRESS = ("5.2.", "5.3.", "5.4.", "5.5.", "5.6.", "5.7.", "5.1.7", "5.1.8")
"""Lasting refusals that say nothing against the address: full, down, unroutable, too big, policy, our own sender."""


@dataclass(frozen=True, slots=True)
class MailReport:
    """One thing that was told.  `source` names who, `source_id` is theirs; `row` is the mail's where it is known."""

    source: str
    source_id: str
    kind: str
    permanent: bool
    address: str
    status: str = ""
    detail: str = ""
    row: Row | None = None

    @property
    def is_hard(self) -> bool:
        """Whether the address itself is wrong.  A lasting bounce without a code is taken as that."""
        return self.kind == BOUNCE and self.permanent and not self.status.startswith(NOT_THE_ADDRESS)


def from_mail(settings: Settings, found: BounceMail) -> MailReport:
    """A returned mail as a report; its row from the address that it came back to."""
    rows = (return_path.read(settings.secret_key, address) for address in found.returned_to)
    return MailReport(
        source="mail",
        source_id=found.source_id,
        kind=COMPLAINT if found.is_complaint else BOUNCE,
        permanent=found.permanent,
        address=found.recipient,
        status=found.status,
        row=next((row for row in rows if row is not None), None),
    )


def record(settings: Settings, report: MailReport) -> bool:
    """Take a report; whether it was new and about somebody we know.

    Without a signed return path a report is believed only when its provider signed it (`source` other than "mail").
    """
    if report.source == "mail" and report.row is None:
        return False
    with transaction() as session:
        known = select(MailEvent.id).where(MailEvent.source == report.source, MailEvent.source_id == report.source_id)
        if session.scalar(known) is not None:
            return False
        delivery, people = _about(session, settings, report)
        if not people:
            return False
        session.add(
            MailEvent(
                kind=report.kind, source=report.source, source_id=report.source_id[:200], permanent=report.permanent,
                address_hash=people[0].address_hash, delivery_id=delivery.id if delivery else None,
                detail=shorten(f"{report.status} {report.detail}".strip(), DETAIL_LIMIT), at=now(),
            )
        )  # fmt: skip
        if delivery is not None and report.kind == BOUNCE and report.permanent:
            deliveries.bounce(delivery, f"came back ({report.status})" if report.status else "came back")
        if report.kind == COMPLAINT:
            for person in people:
                bounces.quarantine(session, person, bounces.COMPLAINED)
        elif report.is_hard:
            bounces.count_hard(session, people)
    return True


def _about(session: Session, settings: Settings, report: MailReport) -> tuple[Delivery | None, list[Subscriber]]:
    """The delivery and the subscribers that a report is about: of its row, or else everybody with that address."""
    if report.row is not None:
        row: Delivery | Notice | None
        if report.row.table == "delivery":
            row = session.get(Delivery, report.row.number, with_for_update=True)
        else:
            row = session.get(Notice, report.row.number)
        person = session.get(Subscriber, row.subscriber_id) if row is not None else None
        return (row if isinstance(row, Delivery) else None), [person] if person is not None else []
    try:
        normal = channel_named(ChannelName.EMAIL).normalise(report.address, settings)
    except Invalid:
        return None, []
    hashed = address_hash(settings, ChannelName.EMAIL, normal)
    people = select(Subscriber).where(Subscriber.channel == ChannelName.EMAIL, Subscriber.address_hash == hashed)
    return None, list(session.scalars(people.with_for_update()))
