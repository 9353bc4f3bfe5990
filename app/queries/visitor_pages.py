"""What visitors' pages show and how they look, read into frozen values from public tables alone."""

from dataclasses import dataclass

from sqlalchemy import select

from app.db import session
from app.errors import NotFound
from app.models.component import Component, ComponentGroup
from app.models.page import Page
from app.models.post import Post
from app.publish.addresses import DEFAULT_SLUG
from app.publish.environment import asset_urls
from app.publish.snapshot import read_page
from app.publish.views import LogoView
from app.vocabulary import Language


@dataclass(frozen=True, slots=True)
class ComponentChoice:
    """A component that may be chosen."""

    public_id: str
    name: str
    group: str


@dataclass(frozen=True, slots=True)
class FollowedPost:
    """A post that someone follows, or may."""

    public_id: str
    title: str


@dataclass(frozen=True, slots=True)
class VisitorPage:
    """A page's name, its look and its visible components, in the page's order.

    `style` is where the public page's own style is, below `base`: what the addresses begin with at which it is shown.
    """

    id: int
    slug: str
    url: str
    name: str
    language: Language
    choices: tuple[ComponentChoice, ...]
    style: str
    logo: LogoView | None
    base: str = ""


def find_page(page_id: int | None = None, slug: str = "") -> VisitorPage | None:
    """The page of this id or slug, or the default one; None when there is none.  Four queries.

    "default" is also what the first page is called while no one has written down the addresses of pages.
    """
    wanted = select(Page.id).order_by(Page.slug != DEFAULT_SLUG, Page.id).limit(1)
    if page_id is not None:
        wanted = wanted.where(Page.id == page_id)
    elif slug not in {"", DEFAULT_SLUG}:
        wanted = wanted.where(Page.slug == slug)
    known = session().scalar(wanted)
    if known is None:
        return None
    page = read_page(session(), known)
    found = session().execute(
        select(Component.public_id, Component.name, ComponentGroup.name)
        .outerjoin(ComponentGroup, Component.group_id == ComponentGroup.id)
        .where(Component.page_id == page.id, Component.visible, Component.archived_at.is_(None))
        .order_by(ComponentGroup.position.nulls_first(), ComponentGroup.id, Component.position, Component.id)
    )
    choices = tuple(ComponentChoice(key, name, group or "") for key, name, group in found)
    return VisitorPage(
        id=page.id,
        slug=page.slug,
        url=page.url,
        name=page.name,
        language=page.language,
        choices=choices,
        style=asset_urls(page)["css"].removeprefix(page.base),
        logo=page.logo,
    )


def followable(page_id: int, public_id: str) -> FollowedPost | None:
    """A post that may be followed; None when the page has none of this id."""
    row = session().execute(
        select(Post.public_id, Post.title).where(Post.page_id == page_id, Post.public_id == public_id)
    )
    found = row.one_or_none()
    return FollowedPost(found.public_id, found.title) if found else None


def page(page_id: int | None = None, slug: str = "") -> VisitorPage:
    """As `find_page`.

    Raises:
        NotFound: the page doesn't exist.
    """
    found = find_page(page_id, slug)
    if found is None:
        raise NotFound("This status page is not set up yet.")
    return found
