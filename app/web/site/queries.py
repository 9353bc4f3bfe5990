"""What visitors' pages show, read into frozen values from public tables alone."""

from dataclasses import dataclass

from sqlalchemy import select

from app.db import session
from app.errors import NotFound
from app.models.component import Component, ComponentGroup
from app.models.page import Page
from app.models.post import Post
from app.vocabulary import Language


@dataclass(frozen=True, slots=True)
class Choice:
    """A component that may be chosen."""

    public_id: str
    name: str
    group: str


@dataclass(frozen=True, slots=True)
class FollowedPost:
    """A post that somebody follows, or may."""

    public_id: str
    title: str


@dataclass(frozen=True, slots=True)
class VisitorPage:
    """A page's name and its visible components, in the page's order."""

    id: int
    name: str
    language: Language
    choices: tuple[Choice, ...]


def find_page(page_id: int | None = None) -> VisitorPage | None:
    """The page of this id, or the default one; None when there is none yet.  Two queries."""
    wanted = select(Page.id, Page.name, Page.locale).order_by(Page.id).limit(1)
    row = session().execute(wanted.where(Page.id == page_id) if page_id is not None else wanted).one_or_none()
    if row is None:
        return None
    found = session().execute(
        select(Component.public_id, Component.name, ComponentGroup.name)
        .outerjoin(ComponentGroup, Component.group_id == ComponentGroup.id)
        .where(Component.page_id == row.id, Component.visible, Component.archived_at.is_(None))
        .order_by(ComponentGroup.position.nulls_first(), ComponentGroup.id, Component.position, Component.id)
    )
    language = Language(row.locale) if row.locale in set(Language) else Language.ENGLISH
    return VisitorPage(row.id, row.name, language, tuple(Choice(key, name, group or "") for key, name, group in found))


def followable(page_id: int, public_id: str) -> FollowedPost | None:
    """A post that may be followed; None when the page has none of this id."""
    row = session().execute(
        select(Post.public_id, Post.title).where(Post.page_id == page_id, Post.public_id == public_id)
    )
    found = row.one_or_none()
    return FollowedPost(found.public_id, found.title) if found else None


def page(page_id: int | None = None) -> VisitorPage:
    """As `find_page`.

    Raises:
        NotFound: there is no page.
    """
    found = find_page(page_id)
    if found is None:
        raise NotFound("This status page is not set up yet.")
    return found
