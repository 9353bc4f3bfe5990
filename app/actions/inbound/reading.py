"""Reads stored deliveries: claims rows, has their source parse them, and applies the events.

Each row is claimed for a minute, so two workers never read the same one at once, and what a worker that died had
claimed is read by another.  Events and the row's new state are committed together.
"""

import json
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.actions.frame import changing_installation
from app.actions.inbound import spool
from app.actions.inbound.applying import apply
from app.actions.inbound.receiving import store
from app.db import release, shared_now, transaction
from app.db import session as read_session
from app.errors import CandorError, Invalid, NotFound, Unavailable
from app.models.inbound import InboundDelivery
from app.settings import Settings
from app.shapes import Actor
from app.sources import registry
from app.sources.base import NotUnderstood, Received
from app.sources.events import ConfirmationAsked, Event
from app.text import shorten
from app.vocabulary import InboundState

logger = logging.getLogger(__name__)
LEASE = timedelta(minutes=1)
BATCH = 50
MOST_ATTEMPTS = 5
REASON_LIMIT = 300
MOST_REPLAYED = 10_000


@dataclass(frozen=True, slots=True)
class ReadingOutcome:
    """What became of a row that was read; `changes` counts the events that said anything new about someone we know."""

    row_id: int
    state: InboundState
    reason: str
    changes: int = 0


def read_waiting(settings: Settings) -> int:
    """Take in what is spooled, then read rows until none is waiting; how many were read.

    Raises:
        Unavailable: the database can't be written; what isn't read stays.
    """
    take_in_spool(settings)
    count = 0
    while claimed := _claim(BATCH):
        owner, row_ids = claimed
        for row_id in row_ids:
            _read(settings, owner, row_id)
        count += len(row_ids)
    return count


def read_now(settings: Settings, row_id: int) -> ReadingOutcome | None:
    """Read one row at once, where its effect can't wait for a worker; None when another one is reading it.

    Raises:
        Unavailable: the database can't be written; a worker reads it later.
    """
    claimed = _claim(1, row_id)
    return _read(settings, claimed[0], row_id) if claimed else None


def take_in_spool(settings: Settings) -> int:
    """Store what this machine spooled; how many files were done with.  Raises Unavailable."""
    count = 0
    for path, kept in spool.read_all(settings):
        store(kept)
        path.unlink(missing_ok=True)
        count += 1
    return count


def replay(
    settings: Settings, actor: Actor, row_ids: Sequence[int] = (), state: InboundState | None = None
) -> list[ReadingOutcome]:
    """Read these rows again, or all in a state; what became of each.  What was applied before isn't applied twice.

    Raises:
        NotAllowed: the actor isn't an admin of all pages.
        NotFound: the row doesn't exist.
        Invalid: neither rows nor a state were named.
    """
    if bool(row_ids) == (state is not None):
        raise Invalid("Name one or more deliveries, or a state with --state.")
    query = select(InboundDelivery.id).order_by(InboundDelivery.id).limit(MOST_REPLAYED)
    query = query.where(InboundDelivery.id.in_(row_ids) if row_ids else InboundDelivery.state == state)
    with changing_installation(actor) as change:
        session = change.session
        found = list(session.scalars(query))
        missing = set(row_ids) - set(found)
        if missing:
            raise NotFound(f"There is no inbound delivery {min(missing)}. List them with candor inbound list.")
        session.execute(
            update(InboundDelivery)
            .where(InboundDelivery.id.in_(found))
            .values(state=InboundState.STORED, attempts=0, leased_by="", leased_until=None)
        )
        for row_id in found:
            change.audit("replay", "inbound delivery", str(row_id))
    outcomes = (read_now(settings, row_id) for row_id in found)
    return [one for one in outcomes if one is not None]


def _claim(limit: int, row_id: int | None = None) -> tuple[str, list[int]] | None:
    """Claim rows that wait, oldest first: who holds them, and which they are."""
    owner = secrets.token_hex(8)
    with transaction() as session:
        at = shared_now(session)
        free = or_(InboundDelivery.leased_until.is_(None), InboundDelivery.leased_until < at)
        query = select(InboundDelivery.id).where(InboundDelivery.state == InboundState.STORED, free)
        if row_id is not None:
            query = query.where(InboundDelivery.id == row_id)
        found = list(session.scalars(query.order_by(InboundDelivery.id).limit(limit).with_for_update(skip_locked=True)))
        if found:
            session.execute(
                update(InboundDelivery)
                .where(InboundDelivery.id.in_(found))
                .values(leased_by=owner, leased_until=at + LEASE, attempts=InboundDelivery.attempts + 1)
            )
    return (owner, found) if found else None


def _read(settings: Settings, owner: str, row_id: int) -> ReadingOutcome | None:
    """Read one claimed row and settle it.  Raises Unavailable."""
    row = read_session().get(InboundDelivery, row_id)
    if row is None or row.leased_by != owner:
        return None
    attempts, name, received_at = row.attempts, row.source, row.received_at
    received = Received(body=row.body, headers=json.loads(row.headers), path=row.path)
    release()
    changes = 0
    try:
        events = _events(settings, name, received)
    except NotUnderstood as error:
        outcome = ReadingOutcome(row_id, InboundState.NOT_UNDERSTOOD, str(error))
    except OSError as error:
        if attempts < MOST_ATTEMPTS:
            return None  # the lease ends, and it's tried again
        outcome = ReadingOutcome(row_id, InboundState.FAILED, f"the network failed ({type(error).__name__})")
    except Exception as error:
        logger.exception("inbound delivery %d of %s can't be read", row_id, name)
        outcome = ReadingOutcome(row_id, InboundState.FAILED, f"reading it failed ({type(error).__name__})")
    else:
        try:
            with transaction() as session:
                changes = sum(apply(session, settings, name, received_at, event) for event in events)
                outcome = ReadingOutcome(row_id, InboundState.UNDERSTOOD, _summary(events, changes), changes)
                _settle(session, owner, outcome)
            return outcome
        except Unavailable:
            raise
        except IntegrityError:
            if attempts < MOST_ATTEMPTS:
                return None  # another worker applied the same event at this moment: the next try finds it
            outcome = ReadingOutcome(row_id, InboundState.FAILED, "applying it failed (IntegrityError)")
        except Exception as error:
            logger.exception("inbound delivery %d of %s can't be applied", row_id, name)
            outcome = ReadingOutcome(row_id, InboundState.FAILED, f"applying it failed ({type(error).__name__})")
    with transaction() as session:
        _settle(session, owner, outcome)
    return outcome


def _events(settings: Settings, name: str, received: Received) -> tuple[Event, ...]:
    source = registry.source(name)
    if source is None:
        raise NotUnderstood(f"the source {name} isn't known to this version")
    try:
        events = source.parse(received, settings)
    except CandorError as error:
        raise NotUnderstood(error.sentence) from error
    for event in events:
        if isinstance(event, ConfirmationAsked):
            source.confirm(event.url)
    return events


def _settle(session: Session, owner: str, outcome: ReadingOutcome) -> None:
    session.execute(
        update(InboundDelivery)
        .where(InboundDelivery.id == outcome.row_id, InboundDelivery.leased_by == owner)
        .values(
            state=outcome.state,
            reason=shorten(outcome.reason, REASON_LIMIT),
            processed_at=shared_now(session),
            leased_by="",
            leased_until=None,
        )
    )


def _summary(events: Sequence[Event], changes: int) -> str:
    if not events:
        return "nothing that concerns this installation"
    return f"{len(events)} {'event' if len(events) == 1 else 'events'}, {changes} new"
