"""One sender and its thread: takes messages from the queue and records each outcome."""

import logging
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

from app.channels.base import Sender
from app.channels.registry import channel
from app.deliver.feed import Item
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import DeliveryState

logger = logging.getLogger(__name__)
STALLED_SECONDS = 1.0
FINISH_SECONDS = 5.0
FAULT = "an internal error; see the log"
Queue = SimpleQueue[Item]


class PooledSender:
    """Sends messages over one warm connection.  Used from one thread; `is_stalled` may be asked from another."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        queue: Queue,
        is_stopping: Callable[[], bool] = lambda: False,
        tend: Callable[[], None] = lambda: None,
    ) -> None:
        """`tend` is called now and then between messages: a pool of one settles and claims with it."""
        self._settings = settings
        self._name = name
        self._queue = queue
        self._is_stopping = is_stopping
        self._tend = tend
        self._sender: Sender | None = None
        self._ahead: Item | None = None
        self._busy_since = 0.0

    def work(self, wait: float = 0.0) -> bool:
        """Send what is in the queue until it is empty; whether there was anything within `wait` seconds."""
        item = self._next(wait)
        if item is None:
            return False
        while item is not None and not self._is_stopping():
            self._send(item)
            item = self._next(0.0)
        if item is not None:
            _give_back(item)
        return True

    @property
    def is_stalled(self) -> bool:
        """Whether the other side has been silent for long; another sender takes the rest meanwhile."""
        since = self._busy_since
        return bool(since) and time.monotonic() - since > STALLED_SECONDS

    def close(self) -> None:
        """Let go of the connection."""
        if self._ahead is not None:
            _give_back(self._ahead)
            self._ahead = None
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    def _next(self, wait: float) -> Item | None:
        if self._ahead is not None:
            item, self._ahead = self._ahead, None
            return item
        try:
            return self._queue.get(timeout=wait) if wait else self._queue.get_nowait()
        except Empty:
            return None

    def _send(self, first: Item) -> None:
        """Send `first` and all that follow with the same letter.

        Told to stop, nothing more is begun.  What is under way gets some time; what has no answer then is in doubt, and
        stays claimed: the next worker reads that in the journal.
        """
        under_way: dict[int, Item] = {}
        stopping_since = 0.0
        self._ahead = first
        try:
            if self._sender is None:
                self._sender = channel(self._name).open(self._settings)
            for outcome in self._sender.send(first.letter, self._recipients(first.letter, under_way)):
                self._settle(outcome, under_way)
                self._tend()
                if self._is_stopping():
                    stopping_since = stopping_since or time.monotonic()
                    if not under_way or time.monotonic() - stopping_since > FINISH_SECONDS:
                        return
        except Exception:
            logger.exception("the %s channel failed", self._name)
            if self._sender is not None:
                self._sender.close()
            self._sender = None
            if self._ahead is first:  # it failed before it took the first
                under_way[first.recipient.delivery_id], self._ahead = first, None
            for row, item in under_way.items():
                item.feed.note(Outcome(row, DeliveryState.FAILED, FAULT))
        finally:
            self._busy_since = 0.0

    def _recipients(self, letter: Letter, under_way: dict[int, Item]) -> Iterator[Recipient]:
        item = self._next(0.0)
        while item is not None:
            if item.letter is not letter:
                self._ahead = item
                return
            if item.recipient.may_go():
                under_way[item.recipient.delivery_id] = item
                self._busy_since = self._busy_since or time.monotonic()
                yield item.recipient
            else:
                _give_back(item)
            item = None if self._is_stopping() else self._next(0.0)

    def _settle(self, outcome: Outcome, under_way: dict[int, Item]) -> None:
        item = under_way.pop(outcome.delivery_id, None)
        if item is not None:
            item.feed.note(outcome)
            self._busy_since = time.monotonic() if under_way else 0.0


def _give_back(item: Item) -> None:
    item.feed.note(Outcome(item.recipient.delivery_id, DeliveryState.PENDING))
