"""Locks for jobs that only one worker at a time may do.  Each expires, so that a worker that died blocks no one."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.exc import IntegrityError

from app.db import shared_now, transaction
from app.models.job_lock import JobLock

LONGEST = timedelta(minutes=15)
"""No lock is held for longer: one that is further away was written by a clock that was wrong."""


def acquire(name: str, length: timedelta) -> datetime | None:
    """Acquire a lock; until when it is ours, None while it isn't due.  Raises Unavailable."""
    try:
        with transaction() as session:
            at = shared_now(session)
            until = at + length
            is_due = or_(JobLock.due_at <= at, JobLock.due_at > at + LONGEST)
            taken = session.scalar(
                update(JobLock).where(JobLock.name == name, is_due).values(due_at=until).returning(JobLock.name)
            )
            if taken is None and session.get(JobLock, name) is not None:
                return None
            if taken is None:
                session.add(JobLock(name=name, due_at=until))
            return until
    except IntegrityError:  # it was no one's, and another worker was first
        return None


def release(name: str, until: datetime, pause: timedelta) -> None:
    """Release a lock that was acquired `until` then; it can be acquired again after `pause`.  Raises Unavailable."""
    with transaction() as session:
        due_at = shared_now(session) + pause
        session.execute(update(JobLock).where(JobLock.name == name, JobLock.due_at == until).values(due_at=due_at))
