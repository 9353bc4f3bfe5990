"""Alarms: raised by regular checks, dismissed by a person."""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.actions.frame import changing_installation
from app.clock import now
from app.db import release, transaction
from app.db import session as read_session
from app.deliver import alarms
from app.deliver.alarms import FoundAlarm
from app.errors import NotFound
from app.models.alarm import Alarm
from app.settings import Settings
from app.shapes import Actor
from app.vocabulary import Role


def watch(_settings: Settings) -> None:
    """Look at what is being sent, and raise what is found."""
    found = alarms.look(read_session())
    release()
    raise_found(found)


def watch_addresses(_settings: Settings) -> None:
    """Look for addresses that are subscribed twice; the alarm ends when there are none any more."""
    found = alarms.look_at_addresses(read_session())
    standing = [one.number for one in alarms.raised(read_session()) if one.kind == alarms.SAME_ADDRESS]
    release()
    raise_found(found)
    if standing and not found:
        with transaction() as session:
            for alarm in session.scalars(select(Alarm).where(Alarm.id.in_(standing))):
                alarm.over_at = now()


def dismiss(actor: Actor, number: int) -> None:
    """Someone has seen an alarm.  It comes back only if there is more to say; dismissing it again changes nothing.
    Takes the role lead on one of the pages.

    Raises:
        NotAllowed: the actor's role isn't enough.
        NotFound: the alarm doesn't exist.
    """
    with changing_installation(actor, needs=Role.LEAD, on_any_page=True) as change:
        alarm = change.session.scalar(select(Alarm).where(Alarm.id == number).with_for_update())
        if alarm is None:
            raise NotFound("Alarm not found.")
        if alarm.over_at is None:
            alarm.over_at = now()
            change.audit("dismiss", "alarm", alarm.subject, alarm.sentence)


def _raise(session: Session, one: FoundAlarm) -> None:
    """Write an alarm down, unless another worker does at this moment: it found the same."""
    with suppress(IntegrityError), session.begin_nested():
        session.add(Alarm(kind=one.kind, subject=one.subject, sentence=one.sentence, raised_at=now()))


def raise_found(found: Sequence[FoundAlarm]) -> None:
    """Write down what is new or says something else than before."""
    if not found:
        return
    with transaction() as session:
        known = {
            (alarm.kind, alarm.subject): alarm
            for alarm in session.scalars(select(Alarm).where(Alarm.subject.in_([one.subject for one in found])))
        }
        for one in found:
            alarm = known.get((one.kind, one.subject))
            if alarm is None:
                _raise(session, one)
            elif alarm.sentence != one.sentence:
                alarm.sentence, alarm.raised_at, alarm.over_at = one.sentence, now(), None
