"""The retry schedule of each channel, and when to give up."""

import secrets
from datetime import datetime, timedelta

from app.channels.base import Retries

JITTER = 0.2
_random = secrets.SystemRandom()


def next_attempt(
    attempts: int, first_attempt_at: datetime, at: datetime, retry_after: int | None, retries: Retries
) -> datetime | None:
    """When to try again after `attempts` tries, the last of them `at`; None when it is time to give up.

    Every step of `retries` is taken whatever the clock says: one that was put forward ends nothing.
    `retry_after` (seconds) is what the other side asked for: never earlier than that.
    """
    step = retries.steps[attempts - 1] if 0 < attempts <= len(retries.steps) else None
    usual = step or retries.then
    if usual is None:
        return None
    wait = usual * _random.uniform(1 - JITTER, 1 + JITTER)
    due = at + max(wait, timedelta(seconds=retry_after or 0))
    return due if step is not None or due <= first_attempt_at + retries.give_up_after else None


def longest_wait(retries: Retries) -> timedelta:
    """No try is further away than this."""
    return retries.longest * (1 + JITTER) + timedelta(minutes=1)
