"""Several subscribers at once: list, count, and change by id."""

from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, exists, func, select

from app.actions.subscribers import managing
from app.channels.registry import all_channels
from app.db import session
from app.errors import Invalid
from app.inputs.lists import LenientSubscriberQuery, Part, SubscriberFilter, SubscriberQuery
from app.inputs.subscribers import ALL, MOST_AT_ONCE, SubscriberSelection
from app.inputs.subscribers import TYPES as KINDS
from app.models.subscriber import ERASED, Subscriber, SubscriberComponent
from app.publish.views import PageView
from app.vocabulary import Scope, SubscriberState
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged
from app.web.api.documents import subscriber_documents
from app.web.api.paging import chosen

route = tagged("Subscribers")
LISTED = "/pages/<page_id>/subscribers"
TYPES = {kind: tuple(one.name for one in all_channels() if one.statuspage_type == kind) for kind in KINDS}
"""The channels of Statuspage's types; chat rooms and browsers are partners there, whatever their service."""

STATES = {
    state.value: state for state in (SubscriberState.ACTIVE, SubscriberState.UNCONFIRMED, SubscriberState.QUARANTINED)
}
SORTS = {
    "primary": Subscriber.address, "created_at": Subscriber.created_at, "quarantined_at": Subscriber.failing_since,
    "relevance": Subscriber.id,
}  # fmt: skip


@route(LISTED, "GET", scope=Scope.SUBSCRIBERS, asks=SubscriberQuery, answers=list[outputs.SubscriberOutput])
def list_subscribers(page: PageView) -> ResponseReturnValue:
    """List subscribers that match `q`, `type` and `state`, in the requested order."""
    asked = bodies.query(SubscriberQuery, lenient=LenientSubscriberQuery)
    where = [*_filters(page, asked), *_search(asked.q)]
    field = SORTS[asked.sort_field]
    order = field.desc() if asked.sort_direction == "desc" else field.asc()
    query = select(Subscriber).where(*where).order_by(order, Subscriber.id)
    return subscriber_documents(page, chosen(query, from_zero=True))


@route(f"{LISTED}/unsubscribed", "GET", scope=Scope.SUBSCRIBERS, asks=Part, answers=list[outputs.SubscriberOutput])
def list_unsubscribed(page: PageView) -> ResponseReturnValue:
    """List subscribers who unsubscribed, latest first."""
    query = (
        select(Subscriber)
        .where(*_here(page), Subscriber.state == SubscriberState.UNSUBSCRIBED)
        .order_by(Subscriber.unsubscribed_at.desc(), Subscriber.id.desc())
    )
    return subscriber_documents(page, chosen(query, from_zero=True))


@route(f"{LISTED}/count", "GET", scope=Scope.SUBSCRIBERS, asks=SubscriberFilter, answers=outputs.SubscriberCountsOutput)
def count_subscribers(page: PageView) -> ResponseReturnValue:
    """Count subscribers that match `type` and `state`, by type."""
    counts = _counts(_filters(page, bodies.query(SubscriberFilter)))
    return {name: sum(counts.get((channel, None), 0) for channel in channels) for name, channels in TYPES.items()}


@route(f"{LISTED}/histogram_by_state", "GET", scope=Scope.SUBSCRIBERS, answers=outputs.SubscriberHistogramOutput)
def histogram_by_state(page: PageView) -> ResponseReturnValue:
    """Count subscribers by type and state."""
    counts = _counts(_here(page))
    made = {}
    for name, channels in TYPES.items():
        states = {state: sum(counts.get((channel, state), 0) for channel in channels) for state in STATES}
        made[name] = {**states, "total": sum(states.values())}
    return made


@route(f"{LISTED}/histogram", "GET", scope=Scope.SUBSCRIBERS, is_ours=False)
def histogram(page: PageView) -> ResponseReturnValue:
    """The same, at the address that some clients use."""
    return histogram_by_state(page)


@route(
    f"{LISTED}/resend_confirmation",
    "POST",
    scope=Scope.SUBSCRIBERS,
    takes=SubscriberSelection,
    status=201,
    refuses=(409,),
)
def resend_confirmations(page: PageView) -> ResponseReturnValue:
    """Send another request to confirm to subscribers who haven't confirmed."""
    managing.resend_confirmation(settings(), bearer().actor, page.id, _chosen(page, "unconfirmed"))
    return "", 201


@route(f"{LISTED}/unsubscribe", "POST", scope=Scope.SUBSCRIBERS, takes=SubscriberSelection, status=201, refuses=(409,))
def unsubscribe_many(page: PageView) -> ResponseReturnValue:
    """Unsubscribe several subscribers."""
    managing.unsubscribe(settings(), bearer().actor, page.id, _chosen(page, "active"))
    return "", 201


@route(f"{LISTED}/reactivate", "POST", scope=Scope.SUBSCRIBERS, takes=SubscriberSelection, status=201, refuses=(409,))
def reactivate_many(page: PageView) -> ResponseReturnValue:
    """Reactivate quarantined subscribers."""
    managing.reactivate(settings(), bearer().actor, page.id, _chosen(page, "quarantined"))
    return "", 201


def _here(page: PageView) -> list[ColumnElement[bool]]:
    """The page's subscribers, without those who follow only an incident."""
    return [
        Subscriber.page_id == page.id, Subscriber.address.not_like(f"{ERASED}%"), Subscriber.is_canary.is_(False),
        Subscriber.everything | exists().where(SubscriberComponent.subscriber_id == Subscriber.id),
    ]  # fmt: skip


def _filters(page: PageView, asked: SubscriberFilter) -> list[ColumnElement[bool]]:
    return [*_here(page), *_of_type(asked.type), *_of_state(asked.state)]


def _of_type(name: str | None) -> list[ColumnElement[bool]]:
    return [] if name is None else [Subscriber.channel.in_(TYPES[name])]


def _of_state(name: str) -> list[ColumnElement[bool]]:
    return [Subscriber.state.in_(list(STATES.values()) if name == ALL else [STATES[name]])]


def _search(words: str) -> list[ColumnElement[bool]]:
    return [Subscriber.address.icontains(words, autoescape=True)] if words else []


def _counts(where: list[ColumnElement[bool]]) -> dict[tuple[str, str | None], int]:
    """By channel and state, and by channel alone."""
    rows = session().execute(
        select(Subscriber.channel, Subscriber.state, func.count())
        .where(*where)
        .group_by(Subscriber.channel, Subscriber.state)
    )
    made: dict[tuple[str, str | None], int] = {}
    for channel, state, count in rows:
        made[channel, state] = count
        made[channel, None] = made.get((channel, None), 0) + count
    return made


def _chosen(page: PageView, default_state: str) -> list[str]:
    """The ids that were sent, or with "all" those of everyone who matches, if they aren't too many."""
    given = bodies.read(SubscriberSelection)
    if not given.is_all:
        return list(given.subscribers)
    where = [*_here(page), *_of_type(given.type), *_of_state(given.state or default_state)]
    ids = list(session().scalars(select(Subscriber.public_id).where(*where).limit(MOST_AT_ONCE + 1)))
    if len(ids) > MOST_AT_ONCE:
        raise Invalid.field(
            "subscribers", f"This selects more than {MOST_AT_ONCE} subscribers. Send their ids in smaller groups."
        )
    return ids
