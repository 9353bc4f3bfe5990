"""Which texts are skipped: a person gets one in ten minutes, and a day has the operator's budget."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from app.channels.registry import all_channels
from app.clock import now
from app.deliver.ledger import Claim
from app.models.account_contact import AccountNotice
from app.models.delivery import Delivery, Dispatch, Notice
from app.models.page import Page
from app.models.post import Update
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.vocabulary import DeliveryState, DispatchKind, DispatchState, PostStatus

QUIET = timedelta(minutes=10)
TEXTED_LATELY = "got another text less than 10 minutes ago"
BUDGET_SPENT = "today's budget for texts is spent"
RETRIED_FOR = timedelta(hours=25)
OUT = (DeliveryState.SENT, DeliveryState.UNKNOWN)


def paid_channels() -> list[str]:
    """The channels on which each message is paid for."""
    return [one.name for one in all_channels() if one.costs_money]


def skip(session: Session, settings: Settings, claims: Sequence[Claim]) -> dict[int, str]:
    """Why texts of one dispatch are left out, by the claims' ids.  Three queries, one more with a budget.

    The first word about a post and the last one go to everyone, whatever they got before; only the budget ends them.
    """
    if not claims:
        return {}
    reasons = {}
    if not _is_start_or_end(session, claims[0].batch_id):
        lately = _texted_lately(session, claims)
        reasons = {claim.id: TEXTED_LATELY for claim in claims if claim.recipient_id in lately}
    if settings.sms_daily_budget:
        left = settings.sms_daily_budget - segments_today(session, min(claim.id for claim in claims))
        others = [claim for claim in claims if claim.id not in reasons]
        reasons |= {claim.id: BUDGET_SPENT for claim in others[max(0, left) :]}
    return reasons


def is_spent(session: Session, settings: Settings) -> bool:
    """Whether nothing more may be texted today: asked before a notice, such as "confirm your number"."""
    return bool(settings.sms_daily_budget) and segments_today(session) >= settings.sms_daily_budget


def segments_today(session: Session, before: int | None = None) -> int:
    """How many segments went out since midnight (UTC) or are on their way; of these only those before a delivery's id:
    first come, first served, however many workers there are.

    A text about an update is worded to fit into one segment, so texts are what is counted.
    """
    at = now()
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    on_the_way = and_(Delivery.state == DeliveryState.SENDING, Delivery.id < before if before is not None else true())
    texts = session.scalar(
        select(func.count())
        .select_from(Delivery)
        .where(
            Delivery.dispatch_id.in_(_recent_dispatches(at)),
            Delivery.channel.in_(paid_channels()),
            or_(on_the_way, _went_out(midnight)),
        )
    )
    notices = (
        session.scalar(
            select(func.count(one.id)).where(
                one.channel.in_(paid_channels()), one.state.in_(OUT), one.settled_at >= midnight
            )
        )
        for one in (Notice, AccountNotice)
    )
    return (texts or 0) + sum(count or 0 for count in notices)


def _went_out(since: datetime) -> ColumnElement[bool]:
    """Whether a provider took it since then; what it could not deliver is paid for too."""
    taken = or_(Delivery.state.in_(OUT), and_(Delivery.state == DeliveryState.FAILED, Delivery.provider_id != ""))
    return and_(taken, Delivery.settled_at >= since)


def _recent_dispatches(at: datetime) -> Select[int]:
    """Those of which a text may have gone out within a day.  They are few, and each knows its rows by channel."""
    return select(Dispatch.id).where(
        or_(Dispatch.state == DispatchState.SENDING, Dispatch.created_at > at - RETRIED_FOR - timedelta(days=1))
    )


def _is_start_or_end(session: Session, dispatch_id: int) -> bool:
    """Whether it is the first or last message that subscribers get about a post or its maintenance.

    What is no update (a correction, a withdrawal, a reminder) is rare and waits for nothing either.
    """
    earlier = aliased(Dispatch)
    is_first = ~exists().where(earlier.post_id == Dispatch.post_id, earlier.id < Dispatch.id)
    kind, status, first = session.execute(
        select(Dispatch.kind, Update.status, is_first)
        .select_from(Dispatch)
        .outerjoin(Update, Update.id == Dispatch.update_id)
        .where(Dispatch.id == dispatch_id)
    ).one()
    if kind is not DispatchKind.UPDATE:
        return True
    return bool(first) or PostStatus(status) is PostStatus.IN_PROGRESS or PostStatus(status).is_terminal


def _texted_lately(session: Session, claims: Sequence[Claim]) -> set[int]:
    """The subscribers of these claims who got a text within ten minutes, on this page or another."""
    at = now()
    mine, theirs = aliased(Subscriber), aliased(Subscriber)
    lately = or_(
        and_(Delivery.state.in_(OUT), Delivery.settled_at > at - QUIET),
        and_(Delivery.state == DeliveryState.SENDING, Delivery.dispatch_id < claims[0].batch_id),
    )
    found = session.scalars(
        select(mine.id)
        .join(
            theirs,
            and_(
                theirs.page_id.in_(select(Page.id)),
                theirs.channel == mine.channel,
                theirs.address_hash == mine.address_hash,
            ),
        )
        .join(Delivery, Delivery.subscriber_id == theirs.id)
        .where(
            mine.id.in_([claim.recipient_id for claim in claims]),
            Delivery.dispatch_id.in_(_recent_dispatches(at)),
            Delivery.dispatch_id != claims[0].batch_id,
            lately,
        )
    )
    return set(found)
