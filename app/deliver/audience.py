"""Who hears of an update, as SQL: one rule, used to count before and to plan after."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, String, case, exists, func, literal, select
from sqlalchemy.orm import Session

from app.models.component import Component
from app.models.post import Post, PostComponent
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost, Suppression
from app.shapes import AudienceCount
from app.vocabulary import ChannelName, SubscriberState

NOT_CONFIRMED = "has not confirmed the address"
QUARANTINED = "quarantined after bounces"
SUPPRESSED = "on the suppression list"
NOT_ASKED = "did not ask about this"
UNSUBSCRIBED = "unsubscribed meanwhile"


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
    return _counted(session, page_id, skip_reason(wants))


def audience_of_post(session: Session, page_id: int, post_id: int) -> AudienceCount:
    """Who would get an update of this post now.  One query."""
    return _counted(session, page_id, skip_reason(wants_post(post_id)))


def _counted(session: Session, page_id: int, reason: ColumnElement[str]) -> AudienceCount:
    rows = session.execute(
        select(Subscriber.channel, reason.label("reason"), func.count())
        .where(Subscriber.page_id == page_id, Subscriber.state != SubscriberState.UNSUBSCRIBED)
        .group_by(Subscriber.channel, "reason")
    )
    by_channel: dict[ChannelName, int] = {}
    skipped: dict[str, int] = {}
    for channel, why, count in rows:
        if why:
            skipped[why] = skipped.get(why, 0) + count
        else:
            by_channel[ChannelName(channel)] = count
    return AudienceCount(by_channel, skipped)
