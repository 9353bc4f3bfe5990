"""Canaries: addresses of the operator's own that get a notice every day, and prove that each channel works."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.subscriber_rows import address_hash, find_subscriber
from app.channels.registry import channel as channel_named
from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.deliver.wake_up import wake_workers
from app.errors import Conflict, NotFound
from app.models.delivery import Notice
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import Actor
from app.states import deliveries, subscribers
from app.vocabulary import DeliveryState, NoticeKind, SubscriberState

EVERY = timedelta(hours=24)
OPEN = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)


def add_canary(settings: Settings, actor: Actor, page_id: int, channel: str, address: str) -> str:
    """Make an address the page's canary on its channel, subscribed at once; its public id.  Adding it again changes
    nothing.

    Raises:
        Invalid: the address can not be taken.
        Conflict: whoever has it unsubscribed.
    """
    about = channel_named(channel)
    name = about.name
    normal = about.normalise(address, settings)
    hashed = address_hash(settings, name, normal)
    with transaction() as session:
        row = find_subscriber(session, page_id, name, hashed)
        if row is not None and row.state == SubscriberState.UNSUBSCRIBED:
            raise Conflict("That address unsubscribed. Subscribe it again on the status page first.")
        if row is None:
            row = subscribers.add(session, page_id=page_id, channel=name, address=normal, address_hash=hashed)
            row.secret = about.new_secret()
            row.label = f"Canary ({about.label})"
        if not row.is_canary:
            row.is_canary = True
            audit.record(session, actor, "add", "canary", row.public_id, name)
        if row.state != SubscriberState.ACTIVE:
            subscribers.activate(session, row)
        return row.public_id


def remove_canary(actor: Actor, public_id: str) -> None:
    """Let a canary be an ordinary subscriber again; it still hears of updates.

    Raises:
        NotFound: there is no such canary.
    """
    with transaction() as session:
        row = session.scalar(select(Subscriber).where(Subscriber.public_id == public_id).with_for_update())
        if row is None or not row.is_canary:
            raise NotFound("There is no such canary. See candor canary list.")
        row.is_canary = False
        audit.record(session, actor, "remove", "canary", public_id, row.channel)


def run_canaries(actor: Actor) -> int:
    """Write to every canary now, unless a notice to it is still under way; how many notices that were."""
    with transaction() as session:
        count = _write(session, now())
        if count:
            audit.record(session, actor, "run", "canary", "", f"{count} notices")
        return count


def run_due(_settings: Settings) -> None:
    """Write to each canary that was not written to for a day."""
    before = now() - EVERY
    if read_session().scalar(select(Subscriber.id).where(Subscriber.is_canary).limit(1)) is not None:
        with transaction() as session:
            _write(session, before)


def _write(session: Session, before: datetime) -> int:
    """A notice for each active canary whose last one was written before that instant and is settled."""
    canaries = session.scalars(
        select(Subscriber)
        .where(Subscriber.is_canary, Subscriber.state == SubscriberState.ACTIVE)
        .order_by(Subscriber.id)
        .with_for_update()
    ).all()
    theirs = (Notice.kind == NoticeKind.CANARY, Notice.subscriber_id.in_([row.id for row in canaries]))
    last: dict[int, datetime] = dict(
        session.execute(
            select(Notice.subscriber_id, func.max(Notice.created_at)).where(*theirs).group_by(Notice.subscriber_id)
        ).all()
    )
    busy = set(session.scalars(select(Notice.subscriber_id).where(*theirs, Notice.state.in_(OPEN))))
    due = [row for row in canaries if row.id not in busy and not (row.id in last and last[row.id] > before)]
    for row in due:
        deliveries.queue_notice(session, row, NoticeKind.CANARY)
    if due:
        wake_workers(session)
    return len(due)
