"""Before a worker sends anything, it checks whether its database was restored from a backup.

It was, when it is older than what this machine remembers.  When it doesn't know this machine, another one of a living
installation will show within a while that it works, and then this one is new there; when none does, it is a copy.
"""

import logging
import threading
import time
from datetime import datetime
from pathlib import Path

from flask import Flask

from app.actions.deliveries import restoring
from app.clock import now
from app.db import release, session, translated
from app.deliver import heartbeat, process_lock
from app.deliver.heartbeat import KnownHeartbeats, OwnHeartbeat
from app.errors import CandorError
from app.settings import Settings
from app.worker.sweeps import run_sweep

logger = logging.getLogger(__name__)
BEAT_SECONDS = 20.0
OBSERVE_SECONDS = 45.0
"""So long it is watched whether another machine beats: at least two beats of it fit in."""

LOOK_SECONDS = 0.5
FAULT_SECONDS = 1.0


def wait_until_decided(settings: Settings, stop: threading.Event, *, once: bool = False) -> bool:
    """Wait until it is decided whether what waits in this database may be sent; False when told to stop before.

    When it may not, all channels are paused and an alarm says so.  It waits for a database that can't be reached.

    Raises:
        Unavailable: it can't be asked, and that is tried only `once`.
    """
    while not _may_start(settings.home):
        if stop.wait(FAULT_SECONDS):
            return False
    detection = RestoreDetection(settings)
    while not stop.is_set():
        try:
            with translated():
                if detection.check():
                    return True
        except CandorError as error:
            if once:
                raise
            logger.warning("nothing is sent yet: %s", error.sentence)
            stop.wait(FAULT_SECONDS)
        except Exception:
            if once:
                raise
            logger.exception("nothing is sent yet")
            stop.wait(FAULT_SECONDS)
        finally:
            release()
        stop.wait(LOOK_SECONDS)
    return False


def beat(settings: Settings) -> None:
    """Say that this machine works on this database; one that was put back under a running worker is noticed here."""
    own = heartbeat.load_own(settings.home)
    if heartbeat.is_restored(own, heartbeat.load_known(session(), own)) and restoring.is_under_way(session()):
        _hold(own.seen_at)
    heartbeat.beat(settings.home)


def beat_forever(flask_app: Flask, settings: Settings, stop: threading.Event) -> None:
    """Beat in a thread of its own: however long a sweep takes, the others see that this machine lives."""
    with flask_app.app_context():
        while not stop.wait(BEAT_SECONDS):
            run_sweep(beat, settings)


class RestoreDetection:
    """One worker's look at its database, until it is decided."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._began_at = now()
        self._until = 0.0
        self._first: KnownHeartbeats | None = None

    def check(self) -> bool:
        """Whether it is decided.

        Raises:
            Unavailable: the database can't be read or written.
            OSError: the data folder can't be.
        """
        own = heartbeat.load_own(self._home)
        known = heartbeat.load_known(session(), own)
        if not heartbeat.is_as_left(own, known) and restoring.is_under_way(session()) and not self._is_alive(known):
            if known.others and time.monotonic() < self._until:
                return False
            _hold(self._since(own, known))
        release()
        try:
            heartbeat.beat(self._home)
        except OSError as error:  # the database knows it, and a file that is older than the database does no harm
            logger.warning("this machine can't record that it runs here: %s", error.strerror or error)
        return True

    def _is_alive(self, known: KnownHeartbeats) -> bool:
        """Whether another machine has shown since the first look that it works here."""
        if self._first is None:
            self._first, self._until = known, time.monotonic() + OBSERVE_SECONDS
            if known.others:
                logger.warning("this database may be a restored backup: waiting to see whether another machine works")
        return any(self._first.others.get(name) != seen_at for name, seen_at in known.others.items())

    def _since(self, own: OwnHeartbeat, known: KnownHeartbeats) -> datetime | None:
        """A question that was asked after that instant is this one."""
        return own.seen_at if known.own is not None else self._began_at


def _hold(since: datetime | None) -> None:
    if restoring.hold(since):
        logger.warning("this database was restored from a backup: what was being sent is paused")


def _may_start(home: Path) -> bool:
    try:
        return process_lock.hold_shared(home)
    except OSError as error:
        logger.warning("the data folder can't be used: %s", error.strerror or error)
        return False
