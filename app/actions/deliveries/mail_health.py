"""Bounce and complaint rates: a high rate raises an alarm, a higher one pauses email."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.actions import alarms
from app.actions.deliveries import send_limits
from app.channels.names import EMAIL
from app.clock import now
from app.db import release, transaction
from app.db import session as read_session
from app.deliver.alarms import FoundAlarm
from app.models.delivery import Delivery, Dispatch, MailEvent, SendLimit
from app.settings import Settings
from app.shapes import SYSTEM
from app.vocabulary import DeliveryState

WINDOW = timedelta(hours=24)
FEWEST_MAILS = 100
ALARM_BOUNCES, PAUSE_BOUNCES = 0.05, 0.10
ALARM_COMPLAINTS, PAUSE_COMPLAINTS = 0.001, 0.005
HANDED_OVER = (DeliveryState.SENT, DeliveryState.BOUNCED)


@dataclass(frozen=True, slots=True)
class MailHealth:
    """The mails of the last 24 hours that a server took, and what came back of them."""

    mails: int
    bounces: int
    complaints: int

    def reaches(self, bounces: float, complaints: float) -> bool:
        """Whether one of these shares is reached.  A few mails say nothing."""
        if self.mails < FEWEST_MAILS:
            return False
        return self.bounces / self.mails >= bounces or self.complaints / self.mails >= complaints

    @property
    def sentence(self) -> str:
        share = f"{self.bounces / self.mails:.1%}" if self.mails else "0 %"
        came_back = f"{self.bounces:,} of {self.mails:,} mails came back ({share})"
        return f"{came_back}, with {self.complaints:,} complaints, in 24 hours"


def mail_health(session: Session) -> MailHealth:
    """The figures.  Two queries."""
    since = now() - WINDOW
    recent = select(Dispatch.id).where(Dispatch.created_at >= since)
    mails = select(func.count()).where(
        Delivery.dispatch_id.in_(recent), Delivery.channel == EMAIL, Delivery.state.in_(HANDED_OVER)
    )
    events = session.execute(
        select(MailEvent.kind, func.count()).where(MailEvent.at >= since, MailEvent.permanent).group_by(MailEvent.kind)
    )
    found = {row[0]: row[1] for row in events}
    return MailHealth(session.scalar(mails) or 0, found.get("bounce", 0), found.get("complaint", 0))


def watch(_settings: Settings) -> None:
    """Raise the alarm, and pause mail, when a share is reached."""
    health = mail_health(read_session())
    paused = read_session().scalar(
        select(SendLimit.paused_why).where(SendLimit.channel == EMAIL, SendLimit.domain == "")
    )
    release()
    if not health.reaches(ALARM_BOUNCES, ALARM_COMPLAINTS):
        return
    is_too_much = health.reaches(PAUSE_BOUNCES, PAUSE_COMPLAINTS)
    said = f"{health.sentence}. " + (
        "Email is paused. Find out why, then run candor limits resume email."
        if is_too_much
        else "Find out why before providers block your mail."
    )
    alarms.raise_found([FoundAlarm("mail-health", "email", said)])
    if is_too_much and not paused:
        with transaction() as session:
            send_limits.pause_within(session, SYSTEM, EMAIL, "", health.sentence)
