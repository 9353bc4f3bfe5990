"""The page's revision: it increases by one with every public change, and tells the renderer what to render."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import now
from app.errors import NotFound
from app.models.page import Page
from app.models.post import Post


def lock_page(session: Session, page_id: int) -> Page:
    """The page, held until the transaction ends: public changes of one page happen one after another.

    Raises:
        NotFound: the page doesn't exist.
    """
    page = session.scalar(select(Page).where(Page.id == page_id).with_for_update())
    if page is None:
        raise NotFound("Page not found.")
    return page


def touch(session: Session, page: Page, post: Post | None = None, *, everything: bool = False) -> int:
    """Raise the page's revision; `post` is what changed, `everything` that all of it has to be rendered again."""
    page.revision += 1
    page.updated_at = now()
    if everything:
        page.rebuild_revision = page.revision
    if post is not None:
        post.changed_revision = page.revision
        post.updated_at = page.updated_at
    session.flush()
    return page.revision
