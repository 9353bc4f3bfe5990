"""How long a provider may hold a message before it is stale."""

from datetime import datetime

from app.clock import now

LONGEST_SECONDS, SHORTEST_SECONDS = 1800, 60


def seconds_left(until: datetime | None) -> int:
    """Seconds until what a message says is stale, 30 minutes at most; also when that isn't known, or past."""
    left = int((until - now()).total_seconds()) if until is not None else 0
    return max(SHORTEST_SECONDS, min(left, LONGEST_SECONDS)) if left > 0 else LONGEST_SECONDS
