"""Maintenance that begins and ends by the clock: exactly once, with any number of workers."""

import logging
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, or_, select

from app.actions import audit
from app.actions.revisions import lock_page
from app.actions.updates import publish_update
from app.clock import now
from app.db import release, transaction
from app.db import session as read_session
from app.errors import CandorError, Invalid, NotFound, Unavailable
from app.models.post import Post
from app.settings import Settings
from app.shapes import SYSTEM, Actor, UpdateDraft
from app.vocabulary import PostKind, PostStatus

logger = logging.getLogger(__name__)
BEGUN = "The planned maintenance has begun. We will say here how it goes."
OVER = "The planned maintenance is completed."
UNDER_WAY = (PostStatus.IN_PROGRESS, PostStatus.VERIFYING)


def move_due(settings: Settings) -> None:
    """Say of each maintenance whose time has come that it has begun, or that it is over.

    The post's version is in the idempotency key: of several workers that see it due, one says so, and nobody does when
    somebody moved it meanwhile.

    Raises:
        Unavailable: the database went away; what is left is moved the next time.
    """
    due = read_session().execute(select(Post.public_id, Post.status, Post.version).where(_is_due(now()))).all()
    release()
    for public_id, status, version in due:
        has_begun = status == PostStatus.SCHEDULED
        to = PostStatus.IN_PROGRESS if has_begun else PostStatus.COMPLETED
        key = f"by-clock-{public_id}-{version}"
        draft = UpdateDraft(to, BEGUN if has_begun else OVER, key, version, acknowledged=True)
        try:
            publish_update(settings, SYSTEM, public_id, draft)
        except Unavailable:
            raise
        except CandorError as error:  # somebody was faster, by hand
            logger.info("%s is not moved by the clock: %s", public_id, error.sentence)


def set_by_clock(settings: Settings, actor: Actor, public_id: str, is_on: bool) -> None:
    """Have a maintenance begin and end by the clock, or by hand alone.  Doing it twice changes nothing.

    Raises:
        NotFound: there is no such post.
        Invalid: it is no maintenance.
        Unavailable: the database can not be written; nothing was changed.
    """
    row = read_session().execute(select(Post.page_id, Post.kind).where(Post.public_id == public_id)).first()
    if row is None:
        raise NotFound("There is no such post.")
    if row.kind != PostKind.MAINTENANCE:
        raise Invalid("Only maintenance has times to go by.")
    with transaction() as session:
        lock_page(session, row.page_id)
        post = session.scalars(select(Post).where(Post.public_id == public_id)).one()
        if (post.starts_itself, post.ends_itself) == (is_on, is_on):
            return
        post.starts_itself = post.ends_itself = is_on
        audit.record(session, actor, "go by clock" if is_on else "go by hand", "post", public_id, post.title)


def will_move() -> ColumnElement[bool]:
    """Which posts the clock will move some day, when nobody does it before."""
    return _is_due(datetime.max.replace(tzinfo=UTC))


def _is_due(at: datetime) -> ColumnElement[bool]:
    begins = and_(Post.starts_itself, Post.status == PostStatus.SCHEDULED, Post.scheduled_for <= at)
    ends = and_(Post.ends_itself, Post.status.in_(UNDER_WAY), Post.scheduled_until <= at)
    return and_(Post.closed_at.is_(None), Post.kind == PostKind.MAINTENANCE, or_(begins, ends))
