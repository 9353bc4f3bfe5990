"""The states of subscribers and suppressions: the only place that changes them, and what changes with them.

A subscriber is unconfirmed until the owner of the address says yes, then active; quarantined when mail came back, the
owner complained or an endpoint failed for long; unsubscribed when it is over.  A suppression says of an address on a
channel, on every page, that nothing is sent there.

What always holds:

- an active subscriber has confirmed, at a known time, and its address isn't suppressed;
- an unconfirmed one has no time of confirmation;
- `unsubscribed_at` is set when, and only when, a subscriber is unsubscribed;
- `disabled_why` is empty while a subscriber is active or unconfirmed;
- an erased subscriber is unsubscribed and has no address; `token_version` never falls.

The caller holds the transaction, and the row locked where there is one.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, select, update
from sqlalchemy.orm import Session

from app.channels.twilio import STOPPED
from app.clock import now
from app.models.subscriber import ERASED, Subscriber, Suppression
from app.settings import Settings
from app.vocabulary import SubscriberState

SUPPRESSES_AT = 2
UNSUBSCRIBED = "unsubscribed meanwhile"
NO_SUCH_ADDRESS = "the address does not exist"
COMPLAINED = "marked our mail as unwanted"
ASKED_NEVER = "asked never to be contacted"
REASON_LIMIT = 200
MAY_BE_ASKED = (UNSUBSCRIBED, NO_SUCH_ADDRESS)
"""Suppressions in spite of which someone who asks for updates is sent the one message that asks them to confirm."""

LIFTED_BY_THE_OWNER = (UNSUBSCRIBED, STOPPED)
"""What a text that says START ends."""

Columns = dict[str, Any]


def address_hash(settings: Settings, channel: str, address: str) -> str:
    """What an address is found by: a keyed hash of the channel and the normalised address, as hex."""
    message = f"{channel}:{address}".encode("utf-8", "surrogatepass")
    return hmac.new(settings.secret_key.encode(), message, hashlib.sha256).hexdigest()


# Subscribers


def add(
    session: Session,
    *,
    page_id: int,
    channel: str,
    address: str,
    address_hash: str,
    everything: bool = True,
) -> Subscriber:
    """A new, unconfirmed subscriber, to everything or to nothing yet."""
    row = Subscriber(
        page_id=page_id,
        channel=channel,
        address=address,
        address_hash=address_hash,
        state=SubscriberState.UNCONFIRMED,
        created_at=now(),
        everything=everything,
    )
    session.add(row)
    session.flush()
    return row


def ask(row: Subscriber) -> None:
    """Subscribe this address again: a person who unsubscribed has to confirm again."""
    if row.state == SubscriberState.UNSUBSCRIBED:
        unconfirm(row)


def unconfirm(row: Subscriber) -> None:
    """What was confirmed holds no longer: nothing is sent before the owner says yes again."""
    row.state, row.confirmed_at, row.unsubscribed_at, row.disabled_why = SubscriberState.UNCONFIRMED, None, None, ""


def activate(session: Session, row: Subscriber) -> None:
    """The owner said yes, or an operator vouches for it.  What suppressed the address is lifted, so that it is written
    to.
    """
    if row.state in {SubscriberState.UNCONFIRMED, SubscriberState.UNSUBSCRIBED} or row.confirmed_at is None:
        row.confirmed_at = now()
    row.state, row.unsubscribed_at, row.bounces = SubscriberState.ACTIVE, None, 0
    row.failing_since, row.disabled_why = None, ""
    session.flush()
    lift(session, row.channel, row.address_hash)


def reactivate(session: Session, row: Subscriber) -> bool:
    """Write again to someone quarantined; whether they were.  Who never confirmed has to do that first."""
    if row.state != SubscriberState.QUARANTINED:
        return False
    if row.confirmed_at is not None:
        activate(session, row)
        return True
    row.bounces, row.failing_since = 0, None
    unconfirm(row)
    session.flush()
    lift(session, row.channel, row.address_hash)
    return True


def end(row: Subscriber, why: str = "") -> bool:
    """The subscription is over, for that reason where the other side gave one; False when it was over already."""
    if row.state == SubscriberState.UNSUBSCRIBED:
        return False
    row.state, row.unsubscribed_at, row.disabled_why = SubscriberState.UNSUBSCRIBED, now(), why[:REASON_LIMIT]
    return True


def disable(row: Subscriber, why: str) -> bool:
    """Nothing more is sent to an endpoint that fails, until someone enables it; False when it wasn't active."""
    if row.state != SubscriberState.ACTIVE:
        return False
    row.state, row.disabled_why = SubscriberState.QUARANTINED, why[:REASON_LIMIT]
    return True


def fails(row: Subscriber) -> datetime:
    """An endpoint failed; since when it does."""
    row.failing_since = row.failing_since or now()
    return row.failing_since


def works(row: Subscriber) -> None:
    """An endpoint took something: its failures are forgiven."""
    row.failing_since = None


def count_hard_bounce(session: Session, rows: Iterable[Subscriber]) -> None:
    """An address was said not to exist.  Once may be a server's mistake; the second time nothing more is sent to it."""
    for row in rows:
        row.bounces += 1
        if row.bounces >= SUPPRESSES_AT:
            session.flush()
            suppress(session, row.channel, row.address_hash, NO_SUCH_ADDRESS)


def erase(row: Subscriber) -> None:
    """Forget who it was: what stays is a number that deliveries hang on.  No link that was sent works any more."""
    row.address = f"{ERASED}{row.id}"
    row.address_hash = hashlib.sha256(row.address.encode()).hexdigest()
    row.label = row.domain = row.secret = row.previous_secret = row.owner_email = row.time_zone = row.locale = ""
    row.previous_secret_until = row.failing_since = row.confirmed_at = None
    row.bounces, row.everything, row.is_canary, row.disabled_why = 0, True, False, ""
    row.token_version += 1
    row.state, row.unsubscribed_at = SubscriberState.UNSUBSCRIBED, row.unsubscribed_at or now()


# Suppressions


def is_suppressed(channel: str, address_hash: str) -> ColumnElement[bool]:
    """Whether nothing may be sent to an address."""
    return exists().where(Suppression.channel == channel, Suppression.address_hash == address_hash)


def suppress(session: Session, channel: str, address_hash: str, why: str, at: datetime | None = None) -> bool:
    """Suppress an address on all pages.  Returns whether that is new."""
    session.execute(
        update(Subscriber)
        .where(
            Subscriber.channel == channel,
            Subscriber.address_hash == address_hash,
            Subscriber.state.in_([SubscriberState.ACTIVE, SubscriberState.UNCONFIRMED]),
        )
        .values(state=SubscriberState.QUARANTINED)
    )
    known = session.scalar(
        select(Suppression).where(Suppression.channel == channel, Suppression.address_hash == address_hash)
    )
    if known is not None:
        known.created_at = max(known.created_at, at or now())
        return False
    session.add(Suppression(channel=channel, address_hash=address_hash, why=why[:REASON_LIMIT], created_at=at or now()))
    session.flush()
    return True


def stop(session: Session, channel: str, address_hash: str, why: str, at: datetime | None = None) -> bool:
    """The owner of an address wants nothing more from any page: every subscription of it ends; whether that is new."""
    for row in session.scalars(
        select(Subscriber)
        .where(Subscriber.channel == channel, Subscriber.address_hash == address_hash)
        .order_by(Subscriber.id)
        .with_for_update()
    ):
        end(row, why)
    session.flush()
    return suppress(session, channel, address_hash, why, at)


def lift(
    session: Session, channel: str, address_hash: str, *, why: Collection[str] = (), until: datetime | None = None
) -> bool:
    """Let an address be written to again, where it was suppressed for one of these reasons (any, when none is named)
    and not after `until`; whether it was.  Subscribers stay as they are: each is reactivated, or confirms, on its own.
    """
    which = [Suppression.channel == channel, Suppression.address_hash == address_hash]
    if why:
        which.append(Suppression.why.in_(why))
    if until is not None:
        which.append(Suppression.created_at <= until)
    return bool(session.execute(delete(Suppression).where(*which).returning(Suppression.id)).all())


# In bulk


def columns(
    state: SubscriberState, *, created_at: datetime, confirmed_at: datetime | None, unsubscribed_at: datetime | None
) -> Columns:
    """The state of someone who comes from elsewhere, with the times that belong to it."""
    is_confirmed, is_over = state is not SubscriberState.UNCONFIRMED, state is SubscriberState.UNSUBSCRIBED
    return {
        "state": state,
        "confirmed_at": (confirmed_at or created_at) if is_confirmed else None,
        "unsubscribed_at": (unsubscribed_at or now()) if is_over else None,
    }


def insert_many(session: Session, rows: Sequence[Columns]) -> None:
    """Write new subscribers; their states are those that `columns` made."""
    if rows:  # as they are: the session would group them by what is None
        session.connection().execute(insert(Subscriber), rows)


def update_many(session: Session, rows: Sequence[Columns]) -> None:
    """Write what changed of subscribers, by their ids; their states are those that `columns` made."""
    if rows:
        session.execute(update(Subscriber), rows)


def insert_suppressions(session: Session, rows: Sequence[Columns]) -> None:
    """Write addresses that nothing is sent to; active subscribers among them are quarantined by `settle_suppressed`."""
    if rows:
        session.connection().execute(insert(Suppression), rows)


def settle_suppressed(session: Session) -> None:
    """After rows came from elsewhere: no one is active whose address is suppressed here, or was there."""
    session.execute(
        update(Subscriber)
        .where(
            Subscriber.state == SubscriberState.ACTIVE,
            exists().where(
                Suppression.channel == Subscriber.channel, Suppression.address_hash == Subscriber.address_hash
            ),
        )
        .values(state=SubscriberState.QUARANTINED)
        .execution_options(synchronize_session=False)
    )
