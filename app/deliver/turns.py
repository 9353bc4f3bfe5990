"""Who does what only one worker at a time may do: taken for a while, as deliveries are, so that nothing waits for ever
for a worker that died.
"""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.exc import IntegrityError

from app.db import shared_now, transaction
from app.models.turn import Turn

LONGEST = timedelta(minutes=15)
"""Nobody takes a turn for longer: one that is further away was written by a clock that was wrong."""


def take(name: str, length: timedelta) -> datetime | None:
    """Take a turn; until when it is ours, None while it is not due.  Raises Unavailable."""
    try:
        with transaction() as session:
            at = shared_now(session)
            until = at + length
            is_due = or_(Turn.due_at <= at, Turn.due_at > at + LONGEST)
            taken = session.scalar(
                update(Turn).where(Turn.name == name, is_due).values(due_at=until).returning(Turn.name)
            )
            if taken is None and session.get(Turn, name) is not None:
                return None
            if taken is None:
                session.add(Turn(name=name, due_at=until))
            return until
    except IntegrityError:  # it was nobody's, and another worker was first
        return None


def give_back(name: str, until: datetime, pause: timedelta) -> None:
    """End a turn that was taken `until` then; the next one begins after `pause`.  Raises Unavailable."""
    with transaction() as session:
        due_at = shared_now(session) + pause
        session.execute(update(Turn).where(Turn.name == name, Turn.due_at == until).values(due_at=due_at))
