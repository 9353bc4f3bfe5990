"""Timeouts: how long a process waits for the database, and connections that enforce it.

A web process must answer soon, also when the database is frozen: its connections are open, and nothing comes.  psycopg
waits forever then, and looking up a host's name has no limit either, so both are bounded here.  Workers, commands and
migrations have statements that rightly take long: they wait.
"""

import sqlite3
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from app.db.breaker import CircuitBreaker

Result = TypeVar("Result")
NO_ANSWER = "the database isn't responding"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How many seconds a process waits: for a lock that another transaction holds, and for any answer at all.

    `answer` bounds each statement and the opening of a connection; None waits as long as it takes.  It is longer than
    `lock`, so that a server that is alive says itself what is the matter and the connection can be kept.
    """

    lock: float
    answer: float | None


WORKING = Timeouts(lock=5.0, answer=None)
"""For workers, commands and migrations."""
SERVING = Timeouts(lock=2.0, answer=2.2)
"""For web processes: a caller learns within three seconds that the database isn't responding."""


class SqliteOpener:
    """Opens connections to a database file that exists; a missing one is an error and never rendered again."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.lock_seconds = timeouts.lock
        self.locks = CircuitBreaker(timeouts.lock) if timeouts.answer is not None else None

    def __call__(self, path: str, **options: Any) -> sqlite3.Connection:
        """As `sqlite3.connect`.

        Raises:
            sqlite3.OperationalError: the file is missing or can't be opened.
        """
        address = path
        if path != ":memory:" and not options.get("uri"):
            address = f"{Path(path).absolute().as_uri()}?mode=rw"
            options["uri"] = True
        opened: sqlite3.Connection = sqlite3.connect(address, **{"timeout": self.lock_seconds, **options})
        return opened


class PostgresOpener:
    """Opens connections to PostgreSQL on which no wait is longer than `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._breaker = CircuitBreaker(seconds)
        self._connection_type: Any = None

    def __call__(self, *words: Any, **options: Any) -> Any:
        """As `psycopg.connect`.

        Raises:
            psycopg.OperationalError: there is no answer in time, or there was none a moment ago.
        """
        import psycopg

        if self._connection_type is None:
            self._connection_type = _bounded(self._seconds, self._breaker)
        if not self._breaker.may_wait():
            raise psycopg.OperationalError(NO_ANSWER)
        try:
            return _within(self._seconds, lambda: self._connection_type.connect(*words, **options))
        except TimeoutError:
            self._breaker.failed()
            raise psycopg.OperationalError(NO_ANSWER) from None
        except psycopg.Error:
            self._breaker.failed()
            raise


def _bounded(seconds: float, breaker: CircuitBreaker) -> type[Any]:
    """A class of connections that give up: made when it is needed, because SQLite's users need no psycopg."""
    import psycopg
    from psycopg import abc

    class BoundedConnection(psycopg.Connection[Any]):
        def wait(self, gen: abc.PQGen[Result], *words: Any, **options: Any) -> Result:
            """Wait for one exchange with the server; after `seconds` without its end the connection is closed."""
            try:
                result = super().wait(_until(monotonic() + seconds, gen), *words, **options)
            except TimeoutError:
                breaker.failed()
                self.close()  # what comes later answers a question that no one asks any more
                raise psycopg.OperationalError(NO_ANSWER) from None
            breaker.worked()
            return result

    return BoundedConnection


def _until(deadline: float, steps: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
    """The same steps of an exchange; psycopg comes by ten times a second also when nothing arrived.

    Raises:
        TimeoutError: the deadline passed before the last step.
    """
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if not ready and monotonic() >= deadline:
                raise TimeoutError
            wanted = steps.send(ready)
    except StopIteration as end:
        result: Result = end.value
        return result


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """What `work` returns or raises; it runs in a thread of its own, because a name's look-up can't be bounded.

    Raises:
        TimeoutError: it took longer.  A connection that comes later is closed.
    """
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        outcome.add_done_callback(_close_late)
        raise


def _close_late(outcome: Future[Any]) -> None:
    if outcome.exception() is None:
        outcome.result().close()
