"""When to try again, on each channel, and when to give up."""

import secrets
from datetime import datetime, timedelta

from app.vocabulary import ChannelName

STEPS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30))
THEN = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=24)
ENDPOINT_STEPS = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
"""As Standard Webhooks recommends: ten tries over three days."""

JITTER = 0.2
_random = secrets.SystemRandom()


def next_attempt(
    attempts: int,
    first_attempt_at: datetime,
    at: datetime,
    retry_after: int | None = None,
    channel: ChannelName = ChannelName.EMAIL,
) -> datetime | None:
    """When to try again after `attempts` tries, the last of them `at`; None when it is time to give up.

    Webhooks have their own schedule.  Everything else is tried after 1, 5, 15 and 30 minutes, then hourly until 24
    hours after the first attempt, and five times at least: a clock that was put forward ends nothing.
    `retry_after` (seconds) is what the other side asked for: never earlier than that.
    """
    steps = ENDPOINT_STEPS if channel is ChannelName.WEBHOOK else STEPS
    step = steps[attempts - 1] if 0 < attempts <= len(steps) else None
    if step is None and channel is ChannelName.WEBHOOK:
        return None
    wait = (step or THEN) * _random.uniform(1 - JITTER, 1 + JITTER)
    due = at + max(wait, timedelta(seconds=retry_after or 0))
    return due if step is not None or due <= first_attempt_at + GIVE_UP_AFTER else None


def longest_wait(channel: ChannelName) -> timedelta:
    """No try is further away than this.  Mail servers do not say when they want to be asked again; others may say, and
    are heard for up to a day.
    """
    return (THEN if channel is ChannelName.EMAIL else GIVE_UP_AFTER) * (1 + JITTER) + timedelta(minutes=1)


def gave_up(channel: ChannelName) -> str:
    """How long it was tried, for people."""
    return "Gave up after three days" if channel is ChannelName.WEBHOOK else "Gave up after 24 hours"
