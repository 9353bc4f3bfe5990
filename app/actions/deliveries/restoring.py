"""A database that was put back from a backup sends nothing on its own: all channels are paused until a person says
whether unsent messages are sent or dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.actions.deliveries import send_limits
from app.actions.frame import changing_installation
from app.actions.posts import auto_start
from app.channels.registry import names as channel_names
from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.deliver import plan
from app.deliver.alarms import RESTORED
from app.errors import Conflict
from app.models.account_contact import AccountNotice
from app.models.alarm import Alarm
from app.models.delivery import Delivery, Dispatch, Notice, SendLimit
from app.models.machine import Machine
from app.models.page import Page
from app.models.post import Post, Update
from app.shapes import SYSTEM, Actor
from app.states import deliveries
from app.states.deliveries import UNSENT, Ledger, is_in
from app.text import public_id
from app.vocabulary import DeliveryState, DispatchState, Role

PAUSED = "restored from a backup"
DROPPED = "dropped after a restore"
OPEN = (DispatchState.HELD, DispatchState.SENDING)
NOTICES: tuple[Ledger, ...] = (Notice, AccountNotice)
LEDGERS: tuple[Ledger, ...] = (Delivery, *NOTICES)
NOTHING_TO_ASK = "Nothing is paused because of a restore. See candor limits list."


@dataclass(frozen=True, slots=True)
class Unsent:
    """An update that was under way.  `waiting` counts the subscribers who haven't been sent it, as far as planned."""

    page_slug: str
    update_id: str
    title: str
    waiting: int


@dataclass(frozen=True, slots=True)
class Question:
    """What a person has to decide: `updates` that were under way, and how many single `notices`, at the time `at`."""

    sentence: str
    updates: tuple[Unsent, ...]
    notices: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many updates were ended or cancelled, and how many messages aren't sent."""

    updates: int
    messages: int


def is_under_way(session: Session) -> bool:
    """Whether anything would be sent automatically: open dispatches, notices, or maintenance with automatic times."""
    looks: tuple[Select[int], ...] = (
        select(Dispatch.id).where(Dispatch.state.in_(OPEN)),
        *(
            select(table.id).where(is_in(table, state))
            for table in NOTICES
            for state in (DeliveryState.PENDING, DeliveryState.SENDING)
        ),
        select(Post.id).where(auto_start.will_move()),
    )
    return any(session.scalar(look.limit(1)) is not None for look in looks)


def hold(since: datetime | None) -> bool:
    """Pause every channel and raise the alarm, unless it was raised after `since`; whether it was raised now.

    A channel that someone has paused before keeps their reason.

    Raises:
        Unavailable: the database can't be written; nothing was changed.
    """
    with transaction() as session:
        asked_at = session.scalar(select(func.max(Alarm.raised_at)).where(Alarm.kind == RESTORED))
        if asked_at is not None and since is not None and asked_at >= since:
            return False
        seen_at = session.scalar(select(func.max(Machine.seen_at)))
        backup = f"a backup of {seen_at:%Y-%m-%d %H:%M} UTC" if seen_at else "a backup"
        pause_everything(
            session,
            f"This database was restored from {backup}. What was being sent is paused: "
            "resume it, or drop it, on the limits screen.",
        )
        return True


def pause_everything(session: Session, sentence: str) -> None:
    """Pause every channel and raise the alarm with this sentence, in the caller's transaction."""
    paused = set(session.scalars(select(SendLimit.channel).where(SendLimit.domain == "", SendLimit.paused_why != "")))
    for channel in channel_names():
        if channel not in paused:
            send_limits.pause_within(session, SYSTEM, channel, "", PAUSED)
    _end_alarm(session)
    session.add(Alarm(kind=RESTORED, subject=public_id(), sentence=sentence, raised_at=now()))


def take_back() -> None:
    """The workers that were sending when the backup was made don't use this database: what they held waits again.

    Raises:
        Unavailable: the database can't be written; nothing was changed.
    """
    with transaction() as session:
        for table in LEDGERS:
            deliveries.expire(session, table)


def question(session: Session) -> Question | None:
    """What there is to decide after a restore; None when no channel is paused because of one.  At most five queries."""
    if session.scalar(_paused().with_only_columns(SendLimit.id).limit(1)) is None:
        return None
    alarm = session.scalar(select(Alarm).where(Alarm.kind == RESTORED).order_by(Alarm.id.desc()).limit(1))
    waiting = (
        select(func.count())
        .where(Delivery.dispatch_id == Dispatch.id, Delivery.state.in_(UNSENT))
        .correlate(Dispatch)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Page.slug, func.coalesce(Update.public_id, Dispatch.public_id), Post.title, waiting)
        .select_from(Dispatch)
        .outerjoin(Update, Update.id == Dispatch.update_id)
        .join(Post, Post.id == Dispatch.post_id)
        .join(Page, Page.id == Dispatch.page_id)
        .where(Dispatch.state.in_(OPEN))
        .order_by(Dispatch.id)
    )
    notices = sum(
        session.scalar(select(func.count()).where(is_in(table, DeliveryState.PENDING))) or 0 for table in NOTICES
    )
    sentence = alarm.sentence if alarm is not None else "This database was restored from a backup."
    return Question(sentence, tuple(Unsent(*row) for row in rows), notices, now())


def resume(actor: Actor) -> None:
    """Send on every channel that was paused because of a restore.  What waited goes first.  Takes the role lead.

    Raises:
        Conflict: nothing is paused because of a restore.
        NotAllowed: the actor's role on all pages isn't enough.
    """
    with changing_installation(actor, needs=Role.LEAD) as change:
        _resume_within(change.session, actor)


def drop(actor: Actor, before: datetime) -> Dropped:
    """Send nothing of what was made before that instant, and go on with what is made after it.

    A dispatch that is held is cancelled.  Of one that was begun, those who haven't got it are skipped with the reason,
    and so are those of whom it isn't known whether they got it.

    Raises:
        Conflict: nothing is paused because of a restore, so what waits isn't a restored backup's.
        NotAllowed: the actor's role on all pages isn't enough.
    """
    with changing_installation(actor, needs=Role.LEAD) as change:  # asked before anything is planned
        _require_paused(change.session)
    _plan_begun(before)
    with changing_installation(actor, needs=Role.LEAD) as change:
        session = change.session
        _resume_within(session, actor)
        messages = deliveries.skip(session, Notice, Notice.created_at <= before, DROPPED)
        messages += deliveries.skip(session, AccountNotice, AccountNotice.created_at <= before, DROPPED)
        dispatches = session.scalars(_open(before).with_for_update()).all()
        for dispatch in dispatches:
            if dispatch.state == DispatchState.HELD:
                deliveries.cancel(session, dispatch)
            else:
                messages += deliveries.skip(session, Delivery, Delivery.dispatch_id == dispatch.id, DROPPED)
            change.audit("drop", "dispatch", dispatch.public_id, DROPPED, page_id=dispatch.page_id)
            deliveries.finish_if_done(session, dispatch.id)
        return Dropped(len(dispatches), messages)


def _resume_within(session: Session, actor: Actor) -> None:
    for row in _require_paused(session):
        send_limits.resume_within(session, actor, row)
    _end_alarm(session)


def _require_paused(session: Session) -> Sequence[SendLimit]:
    """Raises Conflict: nothing is paused because of a restore."""
    rows = session.scalars(_paused().with_for_update()).all()
    if not rows:
        raise Conflict(NOTHING_TO_ASK)
    return rows


def _paused() -> Select[SendLimit]:
    return select(SendLimit).where(SendLimit.domain == "", SendLimit.paused_why == PAUSED).order_by(SendLimit.id)


def _open(before: datetime) -> Select[Dispatch]:
    return select(Dispatch).where(Dispatch.state.in_(OPEN), Dispatch.created_at <= before).order_by(Dispatch.id)


def _plan_begun(before: datetime) -> None:
    """Write the rows that are still missing, so that everyone is accounted for."""
    begun = _open(before).where(Dispatch.state == DispatchState.SENDING, Dispatch.planned_at.is_(None))
    for dispatch_id in read_session().scalars(begun.with_only_columns(Dispatch.id)).all():
        plan.plan(dispatch_id)


def _end_alarm(session: Session) -> None:
    standing = select(Alarm).where(Alarm.kind == RESTORED, Alarm.over_at.is_(None))
    for alarm in session.scalars(standing):
        alarm.over_at = now()
