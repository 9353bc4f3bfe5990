"""Who is notified of an update, as SQL: one rule, used to count before and to plan after."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, String, case, exists, func, literal, select, true
from sqlalchemy.orm import Session, aliased

from app.models.component import Component
from app.models.delivery import Delivery, Dispatch
from app.models.post import Post, PostComponent
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost, Suppression
from app.shapes import AudienceCount
from app.states.deliveries import ARRIVED
from app.vocabulary import SubscriberState

NOT_CONFIRMED = "has not confirmed the address"
QUARANTINED = "quarantined after bounces"
SUPPRESSED = "on the suppression list"
NOT_ASKED = "did not ask about this"


def skip_reason(wants: ColumnElement[bool]) -> ColumnElement[str]:
    """Why a subscriber is skipped; the empty string when they get the update."""
    suppressed = exists().where(
        Suppression.channel == Subscriber.channel, Suppression.address_hash == Subscriber.address_hash
    )
    return case(
        (Subscriber.state == SubscriberState.UNCONFIRMED, literal(NOT_CONFIRMED, String)),
        (Subscriber.state == SubscriberState.QUARANTINED, literal(QUARANTINED, String)),
        (suppressed, literal(SUPPRESSED, String)),
        (wants, literal("", String)),
        else_=literal(NOT_ASKED, String),
    )


def wants_post(post_id: int) -> ColumnElement[bool]:
    """Whether a subscriber asked about everything, about a component of this post, or follows the post itself."""
    chosen = exists().where(
        SubscriberComponent.subscriber_id == Subscriber.id,
        SubscriberComponent.component_id == PostComponent.component_id,
        PostComponent.post_id == post_id,
    )
    return Subscriber.everything | chosen | _follows(SubscriberPost.post_id == post_id)


def wants_components(component_ids: Select[int]) -> ColumnElement[bool]:
    """Whether a subscriber asked about everything or about one of these components."""
    chosen = exists().where(
        SubscriberComponent.subscriber_id == Subscriber.id, SubscriberComponent.component_id.in_(component_ids)
    )
    return Subscriber.everything | chosen


def _follows(post: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a subscriber follows the post that `post` is true of."""
    return exists().where(SubscriberPost.subscriber_id == Subscriber.id, SubscriberPost.confirmed, post)


def audience_count(
    session: Session, page_id: int, component_public_ids: Sequence[str], post_public_id: str = ""
) -> AudienceCount:
    """Who would get an update about these components, per channel, and who would not, by reason; with a post's id, an
    update of that post, which has its followers.  One query.
    """
    components = select(Component.id).where(
        Component.page_id == page_id, Component.public_id.in_(list(component_public_ids))
    )
    wants = wants_components(components)
    if post_public_id:
        post = select(Post.id).where(Post.page_id == page_id, Post.public_id == post_public_id)
        wants |= _follows(SubscriberPost.post_id.in_(post))
    everybody = (Subscriber.page_id == page_id, Subscriber.state != SubscriberState.UNSUBSCRIBED)
    return _counted(session, skip_reason(wants), *everybody)


def audience_of_dispatch(session: Session, dispatch: Dispatch) -> AudienceCount:
    """Who would get a dispatch now.  One query."""
    return _counted(session, skip_reason(wants_dispatch(dispatch)), *of_dispatch(dispatch))


def of_dispatch(dispatch: Dispatch) -> tuple[ColumnElement[bool], ...]:
    """Which subscribers a dispatch is accounted for: all of the page, or those who got what it puts right."""
    of_page = (Subscriber.page_id == dispatch.page_id, Subscriber.state != SubscriberState.UNSUBSCRIBED)
    return (*of_page, _got_it(dispatch)) if dispatch.kind.follows_an_update else of_page


def wants_dispatch(dispatch: Dispatch) -> ColumnElement[bool]:
    """Whether one of these subscribers wants it; those who got what was wrong always do."""
    return true() if dispatch.kind.follows_an_update else wants_post(dispatch.post_id)


def _got_it(dispatch: Dispatch) -> ColumnElement[bool]:
    """Whether a subscriber got, or may have got, the update, or any of the post, before this dispatch was made.

    Deliveries first attempted after that carried the new text.
    """
    earlier = aliased(Dispatch)
    is_same = earlier.post_id == dispatch.post_id
    if dispatch.update_id is not None:
        is_same = earlier.update_id == dispatch.update_id
    return exists().where(
        Delivery.subscriber_id == Subscriber.id,
        Delivery.state.in_(ARRIVED),
        Delivery.first_attempt_at <= dispatch.created_at,
        earlier.id == Delivery.dispatch_id,
        earlier.id < dispatch.id,
        is_same,
    )


def _counted(session: Session, reason: ColumnElement[str], *which: ColumnElement[bool]) -> AudienceCount:
    rows = session.execute(
        select(Subscriber.channel, reason.label("reason"), func.count())
        .where(*which)
        .group_by(Subscriber.channel, "reason")
    )
    by_channel: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for channel, why, count in rows:
        if why:
            skipped[why] = skipped.get(why, 0) + count
        else:
            by_channel[channel] = count
    return AudienceCount(by_channel, skipped)
