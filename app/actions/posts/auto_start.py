"""Maintenance that starts and ends automatically at its planned times: exactly once, with any number of workers."""

import logging
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, or_, select

from app.actions.posts.publishing import publish_update
from app.clock import now
from app.db import release
from app.db import session as read_session
from app.errors import CandorError, Unavailable
from app.models.post import Post
from app.settings import Settings
from app.shapes import SYSTEM, UpdateDraft
from app.vocabulary import PostKind, PostStatus

logger = logging.getLogger(__name__)
BEGUN = "The scheduled maintenance has started. We will post updates here."
OVER = "The scheduled maintenance is complete."
UNDER_WAY = (PostStatus.IN_PROGRESS, PostStatus.VERIFYING)


def move_due(settings: Settings) -> None:
    """Say of each maintenance whose time has come that it has begun, or that it is over.

    The post's version is in the idempotency key: of several workers that see it due, one says so, and no one does when
    someone moved it meanwhile.

    Raises:
        Unavailable: the database went away; what is left is moved the next time.
    """
    due = (
        read_session()
        .execute(select(Post.page_id, Post.public_id, Post.status, Post.version).where(_is_due(now())))
        .all()
    )
    release()
    for page_id, public_id, status, version in due:
        has_begun = status == PostStatus.SCHEDULED
        to = PostStatus.IN_PROGRESS if has_begun else PostStatus.COMPLETED
        key = f"by-clock-{public_id}-{version}"
        draft = UpdateDraft(
            status=to,
            body=BEGUN if has_begun else OVER,
            idempotency_key=key,
            version=version,
            acknowledged=True,
        )
        try:
            publish_update(settings, SYSTEM, page_id, public_id, draft)
        except Unavailable:
            raise
        except CandorError as error:  # someone was faster, by hand
            logger.info("%s is not moved automatically: %s", public_id, error.sentence)


def will_move() -> ColumnElement[bool]:
    """Which posts will be moved automatically some day, unless someone moves them before."""
    return _is_due(datetime.max.replace(tzinfo=UTC))


def _is_due(at: datetime) -> ColumnElement[bool]:
    begins = and_(Post.auto_start, Post.status == PostStatus.SCHEDULED, Post.scheduled_for <= at)
    ends = and_(Post.auto_end, Post.status.in_(UNDER_WAY), Post.scheduled_until <= at)
    return and_(Post.closed_at.is_(None), Post.kind == PostKind.MAINTENANCE, or_(begins, ends))
