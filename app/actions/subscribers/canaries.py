"""Canaries: the operator's own addresses, which get a test message every day to prove that each channel works."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.actions.frame import changing
from app.actions.subscribers.shared import find_subscriber
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
from app.states.subscribers import address_hash
from app.vocabulary import DeliveryState, NoticeKind, Role, SubscriberState

EVERY = timedelta(hours=24)
OPEN = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)


def add_canary(settings: Settings, actor: Actor, page_id: int, channel: str, address: str) -> str:
    """Make an address the page's canary on its channel, subscribed at once; its public id.  Adding it again changes
    nothing.  Takes the role lead.

    Raises:
        Invalid: the address is invalid.
        Conflict: the address was unsubscribed.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
    """
    about = channel_named(channel)
    name = about.name
    normal = about.normalise(address, settings)
    hashed = address_hash(settings, name, normal)
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session = change.session
        row = find_subscriber(session, page_id, name, hashed)
        if row is not None and row.state == SubscriberState.UNSUBSCRIBED:
            raise Conflict("This address unsubscribed. Subscribe it again on the status page first.")
        if row is None:
            row = subscribers.add(session, page_id=page_id, channel=name, address=normal, address_hash=hashed)
            row.secret = about.new_secret()
            row.label = f"Canary ({about.label})"
        if not row.is_canary:
            row.is_canary = True
            change.audit("add", "canary", row.public_id, name)
        if row.state != SubscriberState.ACTIVE:
            subscribers.activate(session, row)
        return row.public_id


def remove_canary(settings: Settings, actor: Actor, page_id: int, public_id: str) -> None:
    """Let a canary be an ordinary subscriber again; it still gets updates.  Takes the role lead.

    Raises:
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that canary.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        row = change.session.scalar(
            select(Subscriber)
            .where(Subscriber.page_id == page_id, Subscriber.public_id == public_id, Subscriber.is_canary)
            .with_for_update()
        )
        if row is None:
            raise NotFound("Canary not found. To list canaries, run candor canary list.")
        row.is_canary = False
        change.audit("remove", "canary", public_id, row.channel)


def run_canaries(settings: Settings, actor: Actor, page_id: int) -> int:
    """Write to each of the page's canaries now, unless a notice to it is still under way; how many notices that were.
    Takes the role lead.

    Raises:
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        count = _write(change.session, now(), page_id)
        if count:
            change.audit("run", "canary", "", f"{count} notices")
        return count


def run_due(_settings: Settings) -> None:
    """Write to each canary that wasn't written to for a day."""
    before = now() - EVERY
    if read_session().scalar(select(Subscriber.id).where(Subscriber.is_canary).limit(1)) is not None:
        with transaction() as session:
            _write(session, before)


def _write(session: Session, before: datetime, page_id: int | None = None) -> int:
    """A notice for each active canary, of this page or of all, whose last one is settled and was written before."""
    on_page = () if page_id is None else (Subscriber.page_id == page_id,)
    canaries = session.scalars(
        select(Subscriber)
        .where(*on_page, Subscriber.is_canary, Subscriber.state == SubscriberState.ACTIVE)
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
