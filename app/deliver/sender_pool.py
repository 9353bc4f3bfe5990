"""All senders of one channel in one process: a feed that talks to the ledger, and senders that talk to the world.

A sender that waits for a slow destination is replaced by another, up to a limit, so a slow destination never delays the
others.  What each of them does is noted by the feed; the feed alone uses the database.
"""

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from app.channels.base import Size
from app.db import release as release_connection
from app.deliver.feed import Feed
from app.deliver.send import PooledSender, Queue
from app.errors import CandorError
from app.models.account_contact import AccountNotice
from app.models.delivery import Delivery, Notice
from app.settings import Settings
from app.shapes import Outcome
from app.vocabulary import DeliveryState

logger = logging.getLogger(__name__)
BATCH = 800
IDLE_SECONDS = 0.5
BUSY_SECONDS = 0.02
FAULT_SECONDS = 1.0
LOW = 50
TEND_SECONDS = 1.0
LEAVE_SECONDS = 6.0
KEPT_WARM_SECONDS = 30.0


class SenderPool:
    """The senders of one channel.  `run` and `work` are called from one thread, inside an application context."""

    def __init__(
        self, settings: Settings, name: str, size: Size, is_stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self.name = name
        self._settings = settings
        self._size = size
        self._is_stopping = is_stopping
        self._queue: Queue = SimpleQueue()
        self._feeds = tuple(Feed(settings, table, name) for table in (AccountNotice, Notice, Delivery))
        self._senders: dict[PooledSender, threading.Thread] = {}
        self._alone: PooledSender | None = None
        self._tend_at = self._tended_at = 0.0

    def round(self) -> float:
        """Settle, claim, renew, and start senders as needed, once; seconds to wait before the next round.

        Raises:
            Unavailable: the database went away.  What went out is noted and settled later.
        """
        try:
            self._settle_and_claim()
            if self._size.is_alone:
                return BUSY_SECONDS if self._send_alone() else IDLE_SECONDS
            self._start_senders()
        finally:
            release_connection()
        return BUSY_SECONDS if any(feed.held for feed in self._feeds) else IDLE_SECONDS

    def work(self) -> int:
        """One batch, sent in this thread and settled, for the command line and tests; how many rows were claimed."""
        for feed in self._feeds:
            feed.settle()
            feed.look()
        self._fill()
        count = sum(feed.held for feed in self._feeds)
        if count:
            sender = PooledSender(self._settings, self.name, self._queue, self._is_stopping)
            sender.work()
            sender.close()
            self._hand_back()
            for feed in self._feeds:
                feed.settle()
        return count

    def look(self) -> None:
        """Woken up: look at the ledger in the next round."""
        for feed in self._feeds:
            feed.look()

    def leave(self) -> None:
        """Leave in order: nothing new is begun, connections are closed, the ledger is settled.

        A sender that still waits for a response is abandoned; its messages are in doubt, as the journal records.
        """
        if self._alone is not None:
            self._alone.close()
        deadline = time.monotonic() + LEAVE_SECONDS
        for thread in self._senders.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._hand_back()
        for feed in self._feeds:
            feed.close()

    def _settle_and_claim(self) -> None:
        for feed in self._feeds:
            if feed.is_due:
                feed.settle()
            feed.renew()
        self._fill()

    def _tend(self) -> None:
        """Between two messages: settle what waits for it, and claim before the queue runs dry."""
        at = time.monotonic()
        is_wanted = self._queue.qsize() < LOW or any(feed.is_due for feed in self._feeds)
        if at < self._tend_at or not (is_wanted or at - self._tended_at > TEND_SECONDS):
            return
        self._tended_at = at
        try:
            self._settle_and_claim()
        except CandorError as error:
            logger.warning("%s goes on with what it holds: %s", self.name, error.sentence)
            self._tend_at = at + FAULT_SECONDS
        except Exception:  # whatever is wrong with the books, what is on its way must not be cut off for it
            logger.exception("%s goes on with what it holds", self.name)
            self._tend_at = at + FAULT_SECONDS
        finally:
            release_connection()

    def _send_alone(self) -> bool:
        if self._alone is None:
            self._alone = PooledSender(self._settings, self.name, self._queue, self._is_stopping, self._tend)
        return self._alone.work() or any(feed.held for feed in self._feeds)

    def _fill(self) -> None:
        if self._is_stopping() or self._queue.qsize() >= BATCH:
            return
        for feed in self._feeds:
            for item in feed.take(BATCH):
                self._queue.put(item)

    def _start_senders(self) -> None:
        """Start senders while there is work for them and too few are free to do it."""
        self._senders = {sender: thread for sender, thread in self._senders.items() if thread.is_alive()}
        free = sum(not sender.is_stalled for sender in self._senders)
        wanted = min(self._size.working - free, self._queue.qsize(), self._size.most - len(self._senders))
        for _ in range(wanted):
            sender = PooledSender(self._settings, self.name, self._queue, self._is_stopping)
            thread = threading.Thread(target=self._run, args=(sender,), name=f"{self.name}-sender", daemon=True)
            self._senders[sender] = thread
            thread.start()

    def _run(self, sender: PooledSender) -> None:
        """One sender's thread: it ends when there has been nothing to do for a while, or when too many are free."""
        idle_since = time.monotonic()
        try:
            while not self._is_stopping() and time.monotonic() - idle_since < KEPT_WARM_SECONDS:
                if sender.work(IDLE_SECONDS):
                    idle_since = time.monotonic()
                    if sum(not other.is_stalled for other in list(self._senders)) > self._size.working:
                        break
        except Exception:
            logger.exception("a sender of %s ended", self.name)
        finally:
            sender.close()

    def _hand_back(self) -> None:
        """Give back what is still in the queue."""
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            item.feed.note(Outcome(item.recipient.delivery_id, DeliveryState.PENDING))
