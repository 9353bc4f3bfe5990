"""Erasing a person's data on request.  Delivery counts stay; who received the messages is forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from app.actions import audit, rate_limits
from app.actions.frame import changing, changing_installation
from app.actions.inbound import keeping as inbound
from app.actions.subscribers.shared import hashes_of, lock_subscriber
from app.errors import NotFound
from app.models.delivery import Delivery, MailEvent, Notice
from app.models.page import Page
from app.models.subscriber import RateEvent, Subscriber, SubscriberComponent, SubscriberPost
from app.settings import Settings
from app.shapes import Actor
from app.states import subscribers
from app.vocabulary import Role

_HEAD_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Erased:
    """How many subscriptions, and how many kept messages, are gone."""

    subscriptions: int
    messages: int


@dataclass(frozen=True, slots=True)
class _Person:
    channel: str
    address: str
    address_hash: str
    tags: frozenset[str]
    """How the return paths of their mails name them: "d12" for a delivery, "n3" for a notice."""


def erase(settings: Settings, actor: Actor, address: str, *, never_again: bool = False) -> Erased:
    """Erase the person with this address, on every page.

    Raises:
        NotFound: no one has it.
    """
    with changing_installation(actor) as change:
        session = change.session
        hashes = hashes_of(settings, address)
        people = _erase(session, settings, actor, _held(session, Subscriber.address_hash.in_(hashes)), never_again)
    if not people:
        raise NotFound("No subscriber has this address. Enter it as the list of subscribers shows it.")
    return Erased(len(people), _forget_kept(settings, people))


def erase_subscriber(
    settings: Settings, actor: Actor, page_id: int, public_id: str, *, never_again: bool = False
) -> Erased:
    """Erase one subscriber of a page, and with them any with the same address on another page that the actor
    administers.

    Raises:
        NotFound: the subscriber doesn't exist.
    """
    with changing(settings, actor, page_id, needs=Role.ADMIN, lock=False) as change:
        session = change.session
        row = lock_subscriber(session, page_id, public_id)
        if row.is_erased:
            return Erased(0, 0)
        same = _held(session, Subscriber.address_hash == row.address_hash)
        mine = [one for one in same if one.page_id == page_id or actor.role_on(one.page_id) is Role.ADMIN]
        people = _erase(session, settings, actor, mine, never_again)
    return Erased(len(people), _forget_kept(settings, people))


def _held(session: Session, whose: ColumnElement[bool]) -> Sequence[Subscriber]:
    return session.scalars(select(Subscriber).where(whose).order_by(Subscriber.id).with_for_update()).all()


def _erase(
    session: Session, settings: Settings, actor: Actor, rows: Sequence[Subscriber], never_again: bool
) -> list[_Person]:
    pages = session.scalars(select(Page.id)).all() if rows else ()
    people = [_Person(row.channel, row.address, row.address_hash, _tags(session, row.id)) for row in rows]
    for row, person in zip(rows, people, strict=True):
        _forget_around(session, row.id)
        subscribers.erase(row)
        said = "and never to be written to" * never_again
        audit.record(session, actor, "erase", "subscriber", row.public_id, said, page_id=row.page_id)
        session.execute(
            update(Subscriber)
            .where(Subscriber.owner_email == person.address)
            .values(owner_email="")
            .execution_options(synchronize_session=False)
        )
    for person in {one.address_hash: one for one in people}.values():
        if session.scalar(select(Subscriber.id).where(Subscriber.address_hash == person.address_hash)) is None:
            _forget_hash(session, settings, person, pages)
        if never_again:
            subscribers.suppress(session, person.channel, person.address_hash, subscribers.ASKED_NEVER)
    return people


def _tags(session: Session, subscriber_id: int) -> frozenset[str]:
    deliveries = session.scalars(select(Delivery.id).where(Delivery.subscriber_id == subscriber_id))
    notices = session.scalars(select(Notice.id).where(Notice.subscriber_id == subscriber_id))
    return frozenset([*(f"d{number}" for number in deliveries), *(f"n{number}" for number in notices)])


def _forget_kept(settings: Settings, people: Sequence[_Person]) -> int:
    """Remove messages to these people, and what outside systems sent about them; how many messages there were."""
    addresses = {person.address for person in people}
    inbound.erase(settings, addresses, {tag for person in people for tag in person.tags})
    return _forget_messages(settings.outbox, addresses)


def _forget_around(session: Session, subscriber_id: int) -> None:
    """Choices and notices go; deliveries keep only what happened, not where they went."""
    theirs = select(Delivery.id).where(Delivery.subscriber_id == subscriber_id)
    for chosen in (SubscriberComponent, SubscriberPost):
        session.execute(delete(chosen).where(chosen.subscriber_id == subscriber_id))
    session.execute(delete(Notice).where(Notice.subscriber_id == subscriber_id))
    for statement in (
        update(MailEvent).where(MailEvent.delivery_id.in_(theirs)).values(address_hash="", detail=""),
        update(Delivery).where(Delivery.subscriber_id == subscriber_id).values(domain="", provider_id=""),
    ):
        session.execute(statement.execution_options(synchronize_session=False))


def _forget_hash(session: Session, settings: Settings, person: _Person, pages: Sequence[int]) -> None:
    """What is kept about an address by its hash alone: suppressions, bounces, and counted tries."""
    subscribers.lift(session, person.channel, person.address_hash)
    session.execute(
        update(MailEvent)
        .where(MailEvent.address_hash == person.address_hash)
        .values(address_hash="", detail="")
        .execution_options(synchronize_session=False)
    )
    buckets = [rate_limits.bucket(settings, "subscribe-address", f"{page}:{person.address_hash}") for page in pages]
    session.execute(delete(RateEvent).where(RateEvent.bucket.in_(buckets)))


def _forget_messages(outbox: Path, addresses: set[str]) -> int:
    """Remove the kept messages that are addressed to one of these; how many they were."""
    wanted = {f"to: {address}".encode().lower() for address in addresses}
    count = 0
    for path in outbox.glob("*/*"):
        if path.is_file() and not path.is_symlink() and _is_to(path, wanted):
            path.unlink(missing_ok=True)
            count += 1
    return count


def _is_to(path: Path, wanted: set[bytes]) -> bool:
    """Whether the head of a message has one of these lines."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return any(line.strip().lower().replace(b"<", b"").replace(b">", b"") in wanted for line in head.split(b"\n"))
