"""The circuit breaker: after the database didn't respond, callers fail at once instead of waiting again."""

import threading
from time import monotonic

REST_SECONDS = 1.0


class CircuitBreaker:
    """Remembers that waiting was in vain, so that a request waits once and not for each statement, and that threads
    aren't all taken by waiting: until one succeeds, one caller at a time waits, and the others hear at once.
    """

    def __init__(self, longest_try: float) -> None:
        self._longest_try = longest_try
        self._again_at: float | None = None
        self._deciding = threading.Lock()

    def may_wait(self) -> bool:
        """Whether this caller may try and wait for the outcome.  It then says `failed` or `worked`."""
        with self._deciding:
            if self._again_at is None:
                return True
            if monotonic() < self._again_at:
                return False
            self._again_at = monotonic() + self._longest_try + REST_SECONDS
            return True

    def failed(self) -> None:
        with self._deciding:
            self._again_at = monotonic() + REST_SECONDS

    def worked(self) -> None:
        self._again_at = None
