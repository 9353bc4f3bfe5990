"""What the owner of a number may say by text: STOP and START."""

import re

from sqlalchemy import delete, func, select

from app.actions import audit, limits
from app.actions.subscriber_rows import LIFTED_BY_CONFIRMING, VISITOR, address_hash, end
from app.channels.twilio import STOPPED
from app.clock import now
from app.db import transaction
from app.errors import Invalid, TooMany
from app.models.subscriber import Subscriber, Suppression
from app.settings import Settings
from app.vocabulary import ChannelName

DAY_SECONDS = 86_400
_E164 = re.compile(r"\+[1-9]\d{6,14}")


def stop_by_sms(settings: Settings, number: str) -> None:
    """The owner of a number texted STOP: every subscription of it ends, and it is written to no more.

    Raises:
        Invalid: that is not a number.
    """
    hashed = _number_hash(settings, number)
    with transaction() as session:
        for row in session.scalars(
            select(Subscriber)
            .where(Subscriber.channel == ChannelName.SMS, Subscriber.address_hash == hashed)
            .with_for_update()
        ):
            end(session, VISITOR, row, "STOP")
        known = (Suppression.channel == ChannelName.SMS) & (Suppression.address_hash == hashed)
        if not session.scalar(select(func.count(Suppression.id)).where(known)):
            session.add(Suppression(channel=ChannelName.SMS, address_hash=hashed, why=STOPPED, created_at=now()))
            audit.record(session, VISITOR, "suppress", "address", hashed[:12], "STOP")


def start_by_sms(settings: Settings, number: str) -> None:
    """The owner of a number texted START: it may be written to again, once it is subscribed and confirmed again.

    Raises:
        Invalid: that is not a number.
    """
    hashed = _number_hash(settings, number)
    with transaction() as session:
        lifted = session.execute(
            delete(Suppression)
            .where(
                Suppression.channel == ChannelName.SMS,
                Suppression.address_hash == hashed,
                Suppression.why.in_(LIFTED_BY_CONFIRMING),
            )
            .returning(Suppression.id)
        ).all()
        if lifted:
            audit.record(session, VISITOR, "lift suppression", "address", hashed[:12], "START")


def count_message(settings: Settings, message_sid: str) -> bool:
    """Whether this inbound message is new; providers deliver some of them twice."""
    try:
        with transaction() as session:
            limits.count(session, limits.bucket(settings, "inbound-sms", message_sid), 1, DAY_SECONDS)
    except TooMany:
        return False
    return True


def _number_hash(settings: Settings, number: str) -> str:
    if not _E164.fullmatch(number):
        raise Invalid.field("From", "That is not a phone number.")
    return address_hash(settings, ChannelName.SMS, number)
