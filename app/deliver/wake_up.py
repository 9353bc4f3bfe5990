"""Wakes workers when there is something to do: LISTEN and NOTIFY on PostgreSQL, a short poll everywhere else."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import db

logger = logging.getLogger(__name__)
CHANNEL = "candor_work"
POLL_SECONDS = 0.5
CALM_SECONDS = 5.0
"""How often a worker looks even without a wake-up: a notification may be missed, and retries become due without one."""

AGAIN_SECONDS = 5.0


def wake_workers(session: Session) -> None:
    """Wake every worker when this transaction is committed.  Nothing to do on SQLite, where they poll."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


class WakeUp:
    """What the threads of one worker sleep on."""

    def __init__(self) -> None:
        self._notified = threading.Condition()
        self._count = 0
        self._is_listening = False

    def wait(self, seconds: float, seen: int) -> int:
        """Sleep until notified or `seconds` have passed; `seen` is what the last call returned, 0 at first.

        Who would look again after `POLL_SECONDS` sleeps longer while notifications are listened for.
        """
        if self._is_listening and seconds >= POLL_SECONDS:
            seconds = max(seconds, CALM_SECONDS)
        with self._notified:
            self._notified.wait_for(lambda: self._count != seen, seconds)
            return self._count

    def notify(self) -> None:
        """Wake everyone who sleeps on it."""
        with self._notified:
            self._count += 1
            self._notified.notify_all()

    def listen(self, is_stopping: Callable[[], bool]) -> None:
        """Pass on every NOTIFY until told to stop; connects again after a loss.  Returns at once on SQLite."""
        if db.engine.dialect.name != "postgresql":
            return
        while not is_stopping():
            try:
                self._listen_once(is_stopping)
            except Exception as error:
                logger.warning("not woken by the database, looking twice a second: %s", type(error).__name__)
            self._is_listening = False
            if not is_stopping():
                self.wait(AGAIN_SECONDS, self._count)

    def _listen_once(self, is_stopping: Callable[[], bool]) -> None:
        raw = db.engine.raw_connection()
        try:
            connection = raw.driver_connection
            assert connection is not None
            connection.rollback()
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
            self._is_listening = True
            self.notify()
            while not is_stopping():
                for _ in connection.notifies(timeout=1.0, stop_after=1):
                    self.notify()
        finally:
            self._is_listening = False
            with suppress(Exception):
                raw.invalidate()
