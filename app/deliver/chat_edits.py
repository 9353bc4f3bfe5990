"""Corrections of chat messages, on services that can edit messages."""

import logging
from contextlib import closing
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.channels import slack
from app.channels.names import CHAT
from app.clock import now
from app.db import release, session, transaction
from app.deliver import limits
from app.deliver.letters import Letters
from app.errors import DeliveryError
from app.models.delivery import Delivery, DeliveryAttempt, Dispatch
from app.models.post import Post, Update
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.states import deliveries
from app.vocabulary import DeliveryState

logger = logging.getLogger(__name__)
EDITED = "edited after a correction"
NOT_EDITED = "still shows the text before a correction"
EDITED_UNTIL = timedelta(hours=24)
EDITED_AT_ONCE = 50


class Outdated(NamedTuple):
    """A message that still says what was corrected since."""

    delivery_id: int
    dispatch_id: int
    message: str
    address: str
    language: str
    time_zone: str


def edit_corrected(settings: Settings) -> None:
    """Put the corrected words into every room that got the others.  Talks to the service: a slow one delays the caller.

    A message is edited once a correction: one that can't be edited keeps its text, and its row says so.  Nothing is
    edited while all of the channel is paused.
    """
    outdated = [] if limits.is_paused(session(), CHAT) else _outdated(session())
    release()
    if not outdated:
        return
    letters = Letters(settings)
    with closing(slack.Slack()) as talking:
        for one in outdated:
            words = letters.of_dispatch(session(), one.dispatch_id, CHAT).letter(one.language, one.time_zone).text
            release()
            where = slack.room(one.address)
            try:
                if where is not None:
                    talking.edit(where, one.message, words)
                _settle(one, EDITED)
            except DeliveryError as error:
                logger.warning("a chat message keeps its old words: %s", error.sentence)
                _settle(one, NOT_EDITED, error.sentence)


def _outdated(reading: Session) -> list[Outdated]:
    """What was settled before its update was corrected; settled again when it was edited."""
    at = now()
    rows = reading.execute(
        select(
            Delivery.id,
            Delivery.dispatch_id,
            Delivery.provider_id,
            Subscriber.address,
            Delivery.language,
            Subscriber.time_zone,
        )
        .join(Dispatch, Dispatch.id == Delivery.dispatch_id)
        .join(Update, Update.id == Dispatch.update_id)
        .join(Post, Post.id == Update.post_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(
            Update.corrected_at > at - EDITED_UNTIL,
            Update.withdrawn_at.is_(None),
            Post.withdrawn_at.is_(None),
            Delivery.channel == CHAT,
            Delivery.state == DeliveryState.SENT,
            Delivery.settled_at < Update.corrected_at,
            Delivery.provider_id.startswith(slack.PREFIX),
        )
        .order_by(Delivery.id)
        .limit(EDITED_AT_ONCE)
    )
    return [Outdated(*row) for row in rows]


def _settle(one: Outdated, reason: str, why: str = "") -> None:
    with transaction() as writing:
        row = writing.get(Delivery, one.delivery_id, with_for_update=True)
        if row is not None and deliveries.edited(row, reason):
            writing.add(
                DeliveryAttempt(delivery_id=row.id, at=now(), reason=f"{reason}{f': {why}' if why else ''}"[:300])
            )
