"""Rate limits for anonymous callers, counted in one table that holds keyed hashes instead of addresses."""

import hashlib
import hmac
import math
from datetime import timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from app.clock import now
from app.errors import TooMany
from app.models.subscriber import RateEvent
from app.settings import Settings


def bucket(settings: Settings, name: str, *values: str) -> str:
    """The name of a counter: what is limited, and a keyed hash of whom it concerns."""
    digest = hmac.new(
        settings.secret_key.encode(), "\x00".join((name, *values)).encode("utf-8", "replace"), hashlib.sha256
    )
    return f"{name}:{digest.hexdigest()[:40]}"


def count(session: Session, bucket: str, limit: int, seconds: int) -> None:
    """Count one event in the caller's transaction.

    Raises:
        TooMany: there were `limit` events in the last `seconds` already; this one isn't counted.
    """
    wait = retry_after(session, bucket, limit, seconds)
    if wait:
        raise TooMany(f"Too many attempts. Wait {_words(wait)}, then try again.", wait)
    session.add(RateEvent(bucket=bucket, at=now()))
    session.flush()


def retry_after(session: Session, bucket: str, limit: int, seconds: int) -> int:
    """How many seconds until one more event fits; 0 when it fits now."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:bucket, 0))"), {"bucket": bucket})
    since = now() - timedelta(seconds=seconds)
    total = (
        session.scalar(select(func.count(RateEvent.id)).where(RateEvent.bucket == bucket, RateEvent.at > since)) or 0
    )
    if total < limit:
        return 0
    frees = session.scalar(
        select(RateEvent.at)
        .where(RateEvent.bucket == bucket, RateEvent.at > since)
        .order_by(RateEvent.at, RateEvent.id)
        .offset(total - limit)
        .limit(1)
    )
    assert frees is not None
    return max(1, math.ceil((frees - since).total_seconds()))


def forget(session: Session, bucket: str) -> None:
    """Start the counter again."""
    session.execute(delete(RateEvent).where(RateEvent.bucket == bucket))


def _words(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{math.ceil(minutes / 60)} h"
