"""Stores what an outside system sends: once for each source and key, within 200 ms, even without the database."""

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from app.actions.inbound import spool
from app.clock import now
from app.db import release, transaction
from app.errors import Unavailable
from app.models.inbound import InboundDelivery
from app.settings import Settings
from app.sources.base import LONGEST_KEY, Received, Source

logger = logging.getLogger(__name__)
STORE_SECONDS = 0.2
THREAD = "store-inbound"
MOST_WAITING = 32
"""So many stores of one process may wait for a database that hangs; what comes in beyond that is spooled at once."""

_room = threading.BoundedSemaphore(MOST_WAITING)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery.  `row_id` is None when it was spooled; `is_new` is False when it was known already."""

    is_new: bool
    row_id: int | None


def receive(settings: Settings, source: Source, received: Received) -> Receipt:
    """Authenticate and store a delivery, in the spool if the database can't be written within 200 ms.

    Raises:
        Forbidden, Invalid, NotFound: see `Source.authenticate`.
        Unavailable: this source isn't set up here, or neither the database nor the spool can be written.
    """
    kept = _authenticated(settings, source, received)
    receipt = _within(STORE_SECONDS, lambda: store(kept))
    if receipt is not None:
        return receipt
    spool.write(settings, kept)
    logger.warning("the database can't be written: a delivery of %s went to the spool", source.name)
    return Receipt(is_new=True, row_id=None)


def receive_into_database(settings: Settings, source: Source, received: Received) -> Receipt:
    """The same for what is kept elsewhere until we have it, such as a mailbox: without the spool.

    Raises:
        Forbidden, Invalid, NotFound: see `Source.authenticate`.
        Unavailable: the database can't be written.
    """
    return store(_authenticated(settings, source, received))


def store(kept: spool.SpooledDelivery) -> Receipt:
    """Store a delivery unless its key is known.  Raises Unavailable."""
    try:
        with transaction() as session:
            known = session.scalar(_known(kept.source, kept.key))
            if known is not None:
                return Receipt(is_new=False, row_id=known)
            row = InboundDelivery(
                source=kept.source,
                key=kept.key,
                received_at=kept.received_at,
                path=kept.path,
                headers=json.dumps(kept.headers),
                body=kept.body,
                size=len(kept.body),
            )
            session.add(row)
            session.flush()
            return Receipt(is_new=True, row_id=row.id)
    except IntegrityError:  # the same delivery came in twice at once
        with transaction() as session:
            return Receipt(is_new=False, row_id=session.scalar(_known(kept.source, kept.key)))


def _authenticated(settings: Settings, source: Source, received: Received) -> spool.SpooledDelivery:
    return spool.SpooledDelivery(
        source=source.name,
        key=source.authenticate(received, settings)[:LONGEST_KEY],
        received_at=now(),
        path=received.path,
        headers=source.redacted(received),
        body=received.body,
    )


def _known(source: str, key: str) -> Select[int]:
    return select(InboundDelivery.id).where(InboundDelivery.source == source, InboundDelivery.key == key)


def _within(seconds: float, work: Callable[[], Receipt]) -> Receipt | None:
    """What `work` returns, in a thread and with a session of its own; None when the database isn't available or takes
    longer.  What is stored after that is stored once all the same, because the spooled copy has the same key.
    """
    if not _room.acquire(blocking=False):
        return None
    app: Flask = cast(Any, current_app)._get_current_object()  # the thread needs the app itself, not this context's
    outcome: Future[Receipt] = Future()

    def run() -> None:
        try:
            with app.app_context():
                try:
                    outcome.set_result(work())
                finally:
                    release()
        except BaseException as error:
            outcome.set_exception(error)
        finally:
            _room.release()

    threading.Thread(target=copy_context().run, args=(run,), name=THREAD, daemon=True).start()
    try:
        return outcome.result(seconds)
    except (TimeoutError, Unavailable):
        return None
