"""A page's logo: a small picture, shown as it was given."""

from sqlalchemy import delete

from app.actions import audit
from app.actions.revisions import lock_page, touch
from app.clock import now
from app.db import transaction
from app.errors import Invalid
from app.guard.pictures import picture_of
from app.models.page import PageLogo
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor

LARGEST_BYTES = 32 * 1024
LARGEST_SIDE = 1200


def set_logo(settings: Settings, actor: Actor, page_id: int, body: bytes) -> None:
    """Give a page a logo, in place of the one it has; all of it is rendered again.

    Raises:
        Invalid: it is no PNG, JPEG or WebP picture, or too large.
        NotFound: there is no such page.
        Unavailable: the database can not be written; nothing was changed.
    """
    content_type = kind_of_logo(body)
    with transaction() as session:
        page = lock_page(session, page_id)
        logo = session.get(PageLogo, page_id)
        if logo is None:
            logo = PageLogo(page_id=page_id)
            session.add(logo)
        logo.content_type, logo.body, logo.updated_at = content_type, body, now()
        touch(session, page, everything=True)
        audit.record(session, actor, "set logo", "page", page.public_id, f"{content_type}, {len(body)} bytes")
    try_refresh(settings, page_id)


def remove_logo(settings: Settings, actor: Actor, page_id: int) -> None:
    """Take a page's logo away; its name stands there instead.  A page without one stays as it is.

    Raises:
        NotFound: there is no such page.
        Unavailable: the database can not be written; nothing was changed.
    """
    with transaction() as session:
        page = lock_page(session, page_id)
        if session.scalar(delete(PageLogo).where(PageLogo.page_id == page_id).returning(PageLogo.page_id)) is None:
            return
        touch(session, page, everything=True)
        audit.record(session, actor, "remove logo", "page", page.public_id)
    try_refresh(settings, page_id)


def kind_of_logo(body: bytes) -> str:
    """The picture's media type.  Raises Invalid: it can not be a logo."""
    if not body:
        raise Invalid.field("logo", "Choose a picture first.")
    if len(body) > LARGEST_BYTES:
        raise Invalid.field("logo", "The picture is larger than 32 KB. Make it smaller: every reader loads it.")
    picture = picture_of(body)
    if picture is None:
        raise Invalid.field("logo", "This is no picture that can be shown. Choose a PNG, JPEG or WebP file.")
    if max(picture.width, picture.height) > LARGEST_SIDE:
        raise Invalid.field(
            "logo",
            f"The picture is {picture.width} by {picture.height} pixels. It may have {LARGEST_SIDE} on each side.",
        )
    return picture.content_type
