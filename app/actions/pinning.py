"""Keeping a post on top of the page after it is over."""

from sqlalchemy import select

from app.actions import audit
from app.actions.revisions import lock_page, touch
from app.db import session as read_session
from app.db import transaction
from app.errors import NotFound
from app.models.post import Post
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor


def pin_post(settings: Settings, actor: Actor, public_id: str, pinned: bool) -> None:
    """Keep a post on top of the page, or stop keeping it there.  Doing it twice changes nothing; nobody is notified.

    Raises:
        NotFound: there is no such post.
        Unavailable: the database can not be written; nothing was changed.
    """
    page_id = read_session().scalar(select(Post.page_id).where(Post.public_id == public_id))
    if page_id is None:
        raise NotFound("There is no such post.")
    with transaction() as session:
        page = lock_page(session, page_id)
        post = session.scalars(select(Post).where(Post.public_id == public_id)).one()
        if post.pinned == pinned:
            return
        post.pinned = pinned
        touch(session, page, post)
        audit.record(session, actor, "pin" if pinned else "unpin", "post", public_id, post.title)
    try_refresh(settings, page_id)
