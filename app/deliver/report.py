"""The delivery report of a dispatch: counts per channel and state, the speed, and the time left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.channels.registry import names as channel_names
from app.clock import now
from app.deliver.audience import audience_of_dispatch
from app.models.delivery import Delivery, Dispatch
from app.models.post import Update
from app.states.deliveries import RETRY_LANE, is_in
from app.vocabulary import DeliveryState, DispatchKind, DispatchState

WAITING = (DeliveryState.PENDING, DeliveryState.SENDING)
TRIED = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.BOUNCED, DeliveryState.UNKNOWN)
SAMPLE_FOR = timedelta(seconds=10)
LONGEST_WINDOW = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Sample:
    """How many had been tried at an instant: what the rate of a later report is measured from."""

    at: datetime
    tried: int


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """One dispatch at one moment.  `counts` is per channel and state, `skipped` per reason.

    While the dispatch is held nothing is planned yet: the counts then say who would get it (as pending), and `skipped`
    who would not.  `retrying` of those who wait were tried before, the next at `retry_at`.  `per_second` were
    tried over the last `seconds`; both are 0.0 when that isn't known.
    """

    public_id: str
    kind: DispatchKind
    state: DispatchState
    hold_until: datetime
    is_planned: bool
    counts: Mapping[str, Mapping[DeliveryState, int]]
    skipped: Mapping[str, int]
    retrying: int = 0
    retry_at: datetime | None = None
    per_second: float = 0.0
    seconds: float = 0.0

    @property
    def is_active(self) -> bool:
        """Whether the figures may still move."""
        return self.state in {DispatchState.HELD, DispatchState.SENDING}

    @property
    def audience(self) -> int:
        """Everyone accounted for: sent, failed, bounced, skipped, unknown and waiting together."""
        planned = sum(sum(states.values()) for states in self.counts.values())
        return planned + self.left_out if self.state is DispatchState.HELD else planned

    @property
    def channels(self) -> Mapping[str, Mapping[DeliveryState, int]]:
        """The counts in the vocabulary's order."""
        return {name: self.counts[name] for name in channel_names() if name in self.counts}

    def total(self, *states: DeliveryState) -> int:
        """How many are in one of these states, over all channels."""
        return sum(channel.get(state, 0) for channel in self.counts.values() for state in states)

    @property
    def waiting(self) -> int:
        return self.total(*WAITING)

    @property
    def tried(self) -> int:
        """How many have been tried to the end."""
        return self.total(*TRIED)

    @property
    def left_out(self) -> int:
        """How many are, or would be, skipped."""
        if self.state is DispatchState.HELD:
            return sum(self.skipped.values())
        return self.total(DeliveryState.SKIPPED)

    @property
    def not_received(self) -> int:
        """Everyone of the audience who isn't known to have it."""
        return self.audience - self.total(DeliveryState.SENT)

    @property
    def percent(self) -> int:
        """How much of what there was to send has been tried, rounded down: 100 only when no one waits."""
        due = self.tried + self.waiting
        return 100 * self.tried // due if due else 100

    @property
    def seconds_left(self) -> float | None:
        """How long first attempts will take at this rate; None when that can't be said."""
        first = self.waiting - self.retrying
        return first / self.per_second if first > 0 and self.per_second > 0 else None


@dataclass(frozen=True, slots=True)
class DispatchName:
    """One dispatch of an update: the update itself, a correction, a withdrawal."""

    id: int
    public_id: str
    kind: DispatchKind
    sequence: int


def dispatches_of(session: Session, update_id: int) -> Sequence[DispatchName]:
    """What was sent about an update, itself first; a withdrawal of the whole post is about each of its updates.

    One query.
    """
    post_id = select(Update.post_id).where(Update.id == update_id).scalar_subquery()
    whole_post = Dispatch.update_id.is_(None) & (Dispatch.post_id == post_id)
    rows = session.execute(
        select(Dispatch.id, Dispatch.public_id, Dispatch.kind, Dispatch.sequence)
        .where(
            (Dispatch.update_id == update_id) | (whole_post & (Dispatch.kind == DispatchKind.WITHDRAWAL)),
        )
        .order_by(Dispatch.id)
    )
    return [DispatchName(*row) for row in rows]


def dispatch_report(
    session: Session,
    update_id: int,
    *,
    public_id: str = "",
    why_skipped: bool = True,
    sample: Sample | None = None,
) -> DispatchReport | None:
    """What happened to an update's notices, or to those of its dispatch with that id; None when it notified no one.
    At most five queries.

    Without `why_skipped` the reasons are left out once it is planned: they cost a look at every row that was skipped.
    The rate is measured from `sample`, or from the start.
    """
    chosen = chosen_dispatch(dispatches_of(session, update_id), public_id)
    dispatch = session.get(Dispatch, chosen.id) if chosen is not None else None
    if dispatch is None:
        return None
    state = dispatch.state
    if state is DispatchState.HELD:
        would = audience_of_dispatch(session, dispatch)
        wanted = {channel: {DeliveryState.PENDING: count} for channel, count in would.by_channel.items()}
        return DispatchReport(
            public_id=dispatch.public_id,
            kind=dispatch.kind,
            state=state,
            hold_until=dispatch.hold_until,
            is_planned=False,
            counts=wanted,
            skipped=would.skipped,
        )
    skipped = _skipped(session, dispatch.id) if why_skipped else {}
    report = DispatchReport(
        public_id=dispatch.public_id,
        kind=dispatch.kind,
        state=state,
        hold_until=dispatch.hold_until,
        is_planned=dispatch.planned_at is not None,
        counts=_counts(session, dispatch.id),
        skipped=skipped,
    )
    if state is not DispatchState.SENDING:
        return report
    retrying, retry_at = _retries(session, dispatch.id)
    per_second, seconds = _rate(dispatch, report.tried, sample)
    return replace(report, retrying=retrying, retry_at=retry_at, per_second=per_second, seconds=seconds)


def chosen_dispatch(dispatches: Sequence[DispatchName], public_id: str = "") -> DispatchName | None:
    """The one with that id, else the update's own; None when there is none."""
    named = [one for one in dispatches if one.public_id == public_id]
    return next(iter([*named, *dispatches]), None)


def _counts(session: Session, dispatch_id: int) -> dict[str, dict[DeliveryState, int]]:
    counts: dict[str, dict[DeliveryState, int]] = {}
    rows = session.execute(
        select(Delivery.channel, Delivery.state, func.count())
        .where(Delivery.dispatch_id == dispatch_id)
        .group_by(Delivery.channel, Delivery.state)
    )
    for channel, state, count in rows:
        counts.setdefault(channel, {})[DeliveryState(state)] = count
    return counts


def _skipped(session: Session, dispatch_id: int) -> dict[str, int]:
    rows = session.execute(
        select(Delivery.reason, func.count())
        .where(
            Delivery.dispatch_id == dispatch_id,
            Delivery.channel.in_(channel_names()),
            Delivery.state == DeliveryState.SKIPPED,
        )
        .group_by(Delivery.reason)
    )
    return {row[0]: row[1] for row in rows}


def _retries(session: Session, dispatch_id: int) -> tuple[int, datetime | None]:
    """How many wait for another try, and when the first of them is due: read from the index of what waits."""
    row = session.execute(
        select(func.count(), func.min(Delivery.due_at)).where(
            Delivery.channel.in_(channel_names()),
            Delivery.lane == RETRY_LANE,
            is_in(Delivery, DeliveryState.PENDING),
            Delivery.dispatch_id + 0 == dispatch_id,  # kept away from the dispatch's index, which is the longer one
        )
    ).one()
    return row[0], row[1]


def _rate(dispatch: Dispatch, tried: int, sample: Sample | None) -> tuple[float, float]:
    """Tries a second, and over how many seconds that was: since the sample, or since the start while that is near."""
    begun = sample or Sample(dispatch.planned_at or now(), 0)
    seconds = (now() - begun.at).total_seconds()
    if not 0 < seconds <= LONGEST_WINDOW.total_seconds():
        return 0.0, 0.0
    return max(0, tried - begun.tried) / max(seconds, 1.0), seconds
