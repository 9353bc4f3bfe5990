"""How many deliveries may be claimed now, by rate, connections and pauses that all workers share in `send_limit`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.delivery import Delivery, SendLimit
from app.vocabulary import DeliveryState

BURST_SECONDS = 1.0
ALL = "*"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many rows may be claimed: of the channel, of destinations with a limit of their own, and of `each` other."""

    total: int
    domains: Mapping[str, int]
    each: int | None = None
    limits_rate: bool = False


def allowance(session: Session, channel: str, wanted: int, at: datetime) -> Allowance:
    """What the limits leave of `wanted`.  The rows stay locked until the claim is committed."""
    rows = session.scalars(select(SendLimit).where(SendLimit.channel == channel).with_for_update()).all()
    if not rows:
        return Allowance(wanted, {})
    held = _held(session, channel) if any(row.connections is not None for row in rows) else {}
    left = {row.domain: _left(row, held.get(row.domain, 0), at, wanted) for row in rows if row.domain not in {"", ALL}}
    named = {row.domain: row for row in rows}
    total = _left(named[""], sum(held.values()), at, wanted) if "" in named else wanted
    each = None
    if ALL in named:
        each = _left(named[ALL], 0, at, wanted)
        left |= {domain: max(0, each - count) for domain, count in held.items() if domain not in left}
    return Allowance(total, left, each, limits_rate=any(row.per_second is not None for row in rows))


def is_paused(session: Session, channel: str) -> bool:
    """Whether nothing is sent on all of a channel."""
    held = (SendLimit.channel == channel, SendLimit.domain == "", SendLimit.paused_why != "")
    return session.scalar(select(SendLimit.id).where(*held)) is not None


def spend(session: Session, channel: str, claimed: Mapping[str, int], at: datetime) -> None:
    """Take tokens for what was claimed, by destination."""
    for row in session.scalars(select(SendLimit).where(SendLimit.channel == channel)):
        if row.per_second is not None:
            count = claimed.get(row.domain, 0) if row.domain else sum(claimed.values())
            row.tokens = _refilled(row, at) - count
            row.refilled_at = at


def _held(session: Session, channel: str) -> dict[str, int]:
    """What is being sent, by destination, by all workers together."""
    rows = session.execute(
        select(Delivery.domain, func.count())
        .where(Delivery.channel == channel, Delivery.state == DeliveryState.SENDING)
        .group_by(Delivery.domain)
    )
    return {row[0]: row[1] for row in rows}


def _left(row: SendLimit, held: int, at: datetime, wanted: int) -> int:
    if row.paused_why:
        return 0
    left = wanted
    if row.per_second is not None:
        left = min(left, int(_refilled(row, at)))
    if row.connections is not None:
        left = min(left, row.connections - held)
    return max(0, left)


def _refilled(row: SendLimit, at: datetime) -> float:
    """The tokens there are now.  A clock that was put back adds none."""
    rate = row.per_second or 0.0
    gone = max(0.0, (at - row.refilled_at).total_seconds())
    return min(max(1.0, rate * BURST_SECONDS), row.tokens + gone * rate)
