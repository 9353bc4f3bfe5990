"""When to try again: 1, 5, 15 and 30 minutes, then hourly, jittered, until 24 hours after the first attempt."""

import secrets
from datetime import datetime, timedelta

from app.clock import now
from app.vocabulary import ChannelName

STEPS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30))
THEN = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=24)
JITTER = 0.2
_random = secrets.SystemRandom()


def next_attempt(
    attempts: int, first_attempt_at: datetime, retry_after: int | None = None, channel: ChannelName = ChannelName.EMAIL
) -> datetime | None:
    """When to try again after `attempts` tries; None when it is time to give up.

    `retry_after` (seconds) is what the other side asked for: never earlier than that.
    """
    step = STEPS[attempts - 1] if 0 < attempts <= len(STEPS) else THEN
    wait = step * _random.uniform(1 - JITTER, 1 + JITTER)
    due = now() + max(wait, timedelta(seconds=retry_after or 0))
    return due if due <= first_attempt_at + GIVE_UP_AFTER else None
