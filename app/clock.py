"""The only source of the current time, so that tests can freeze it, and of time zones, so that all machines agree.

The rules of time zones come from the `tzdata` package that Candor is installed with, never from the system: web and
worker machines with older and newer systems would show different times otherwise.  PYTHONTZPATH overrides this.
"""

import os
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

if "PYTHONTZPATH" not in os.environ:
    zoneinfo.reset_tzpath(to=())

_frozen: ContextVar[datetime | None] = ContextVar("frozen", default=None)


def now() -> datetime:
    """The present instant, UTC and timezone-aware."""
    return _frozen.get() or datetime.now(UTC)


def stopped() -> datetime | None:
    """Where a test has stopped the clock: then no other clock is read either."""
    return _frozen.get()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Stop the clock at `at` (timezone-aware) for the length of the block, in this thread alone."""
    token = _frozen.set(at.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)
