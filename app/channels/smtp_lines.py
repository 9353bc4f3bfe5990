"""Several SMTP connections, managed by one thread.

A line that waits long for an answer isn't waited for: another is opened beside it, up to a limit.  Connections are
opened in threads of their own, because finding and greeting a server may take long; a process that ends leaves them.
"""

import selectors
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import suppress

from app.channels.smtp import SmtpSession, SmtpUnreachable, open_connection
from app.channels.smtp_line import SmtpConnection

MESSAGE_SECONDS = 60.0
STALLED_SECONDS = 0.5
STALLED_TIMES = 4.0
LOST_SECONDS = 5.0
OPENING_AT_ONCE = 16
MOST_LINES = 250


class Lines:
    """Up to `count` lines that work at once, and more beside those that are stalled."""

    def __init__(self, url: str, hello: str, count: int) -> None:
        self._url, self._hello, self._count = url, hello, count
        self._lines: list[SmtpConnection] = []
        self._selector = selectors.DefaultSelector()
        self._writing: set[SmtpConnection] = set()
        self._opening: list[Future[SmtpSession]] = []
        self._failure = ""
        self._failed_until = 0.0
        self._usual = 0.0

    @property
    def stall_seconds(self) -> float:
        """Seconds after which a line counts as stalled: longer with a server that is slow with everyone."""
        return max(STALLED_SECONDS, STALLED_TIMES * self._usual)

    def learn(self, seconds: float) -> None:
        """A message was answered after so long."""
        self._usual += (seconds - self._usual) / 8 if self._usual else seconds

    @property
    def lost(self) -> str:
        """Why there is no line and none can be opened for some seconds; empty when that isn't so."""
        return self._failure if not self._lines and time.monotonic() < self._failed_until else ""

    @property
    def is_busy(self) -> bool:
        return any(not line.is_idle for line in self._lines)

    @property
    def is_opening(self) -> bool:
        return bool(self._opening)

    def idle(self) -> SmtpConnection | None:
        """A line that can take a copy now; when there is none, one is opened if there may be."""
        for line in self._lines:
            if line.is_idle and not line.is_closed:
                return line
        self._open_more(time.monotonic())
        return None

    def _open_more(self, now: float) -> None:
        """Open lines beside those that are stalled: the more of them there are, the more at once."""
        stalled = sum(now - line.since > self.stall_seconds for line in self._lines)
        wanted = self._count + stalled // 2 - (len(self._lines) - stalled) - len(self._opening)
        room = min(MOST_LINES - len(self._lines), OPENING_AT_ONCE) - len(self._opening)
        if now < self._failed_until:
            return
        for _ in range(min(wanted, room)):
            future: Future[SmtpSession] = Future()
            self._opening.append(future)
            threading.Thread(target=self._open, args=(future,), name="smtp-opening", daemon=True).start()

    def _open(self, future: Future[SmtpSession]) -> None:
        try:
            future.set_result(open_connection(self._url, self._hello))
        except BaseException as error:
            future.set_exception(error)

    def ready(self, seconds: float) -> Iterator[SmtpConnection]:
        """Wait up to `seconds` for something to happen; the lines that can be read, or that broke."""
        self._take_opened(seconds if not self._lines else 0.0)
        for line in self._lines:
            if line.wants_to_write is not (line in self._writing):
                self._watch(line)
        for key, events in self._selector.select(0.005 if self._opening else seconds) if self._lines else ():
            if isinstance(key.fileobj, SmtpConnection):
                if events & selectors.EVENT_WRITE:
                    key.fileobj.flush()
                yield key.fileobj

    def late(self) -> Iterator[SmtpConnection]:
        """The lines whose answer has been waited for too long; they are closed."""
        limit = time.monotonic() - MESSAGE_SECONDS
        for line in [line for line in self._lines if not line.is_idle and line.began < limit]:
            line.close()
            yield line

    def stalled(self) -> Iterator[SmtpConnection]:
        """The connections on which a copy waits behind one that gets no reply."""
        limit = time.monotonic() - self.stall_seconds
        return (line for line in list(self._lines) if line.may_take_back and line.since < limit)

    def drop(self, line: SmtpConnection) -> None:
        """Forget a line that is closed."""
        if line in self._lines:
            self._lines.remove(line)
            self._writing.discard(line)
            with suppress(KeyError, ValueError):
                self._selector.unregister(line)

    def fail(self, why: str) -> None:
        """Open nothing for some seconds."""
        self._failure, self._failed_until = why, time.monotonic() + LOST_SECONDS

    def forgive(self) -> None:
        """Whatever failed, a line may be opened now; what is still being opened since then tells nothing of now."""
        self._failed_until = 0.0
        if not self._lines:
            self._leave_opening()

    def close(self, keep: int = 0) -> None:
        """Say QUIT on the idle lines but `keep` of them, and cut the others when none is kept."""
        for line in [line for line in self._lines if line.is_idle or not keep][keep:]:
            self._forget(line)
        if not keep:
            self._leave_opening()

    def _leave_opening(self) -> None:
        while self._opening:
            self._opening.pop().add_done_callback(_hang_up)

    def _forget(self, line: SmtpConnection) -> None:
        self.drop(line)
        line.close(politely=True)

    def _take_opened(self, seconds: float) -> None:
        if self._opening and seconds:
            wait(self._opening, seconds, "FIRST_COMPLETED")
        for future in [future for future in self._opening if future.done()]:
            self._opening.remove(future)
            try:
                line = SmtpConnection(future.result())
            except SmtpUnreachable as error:
                self.fail(str(error))
                continue
            self._lines.append(line)
            self._selector.register(line, selectors.EVENT_READ)

    def _watch(self, line: SmtpConnection) -> None:
        if line.is_closed:
            return
        writing = selectors.EVENT_WRITE if line.wants_to_write else 0
        self._selector.modify(line, selectors.EVENT_READ | writing)
        (self._writing.add if writing else self._writing.discard)(line)


def _hang_up(future: Future[SmtpSession]) -> None:
    """No one waits any more for the connection that was being opened."""
    if future.exception() is None:
        future.result().sock.close()
