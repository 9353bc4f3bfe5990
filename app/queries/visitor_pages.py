"""What visitors' pages show and how they look, read into frozen values from public tables alone."""

from dataclasses import dataclass, field, replace

from sqlalchemy import select

from app.db import session
from app.errors import NotFound
from app.models.component import Component, ComponentGroup, ComponentGroupText, ComponentText
from app.models.page import Page
from app.models.post import Post
from app.publish.addresses import DEFAULT_SLUG
from app.publish.environment import asset_urls
from app.publish.snapshot import read_page
from app.publish.views import LogoView, Translations
from app.vocabulary import Language


@dataclass(frozen=True, slots=True)
class ComponentChoice:
    """A component that may be chosen; `names` and `groups` are what it and its group are called in other languages."""

    public_id: str
    name: str
    group: str
    names: Translations = field(default_factory=dict, hash=False)
    groups: Translations = field(default_factory=dict, hash=False)

    def in_language(self, language: Language) -> "ComponentChoice":
        """The same with the names in a language, where there are any."""
        return replace(self, name=self.names.get(language, self.name), group=self.groups.get(language, self.group))


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
    """The page of this id or slug, or the default one; None when there is none.  Six queries.

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
        select(Component.public_id, Component.name, ComponentGroup.name, Component.id, ComponentGroup.id)
        .outerjoin(ComponentGroup, Component.group_id == ComponentGroup.id)
        .where(Component.page_id == page.id, Component.visible, Component.archived_at.is_(None))
        .order_by(ComponentGroup.position.nulls_first(), ComponentGroup.id, Component.position, Component.id)
    )
    names, groups = _names(page.id)
    choices = tuple(
        ComponentChoice(
            public_id=public_id,
            name=name,
            group=group or "",
            names=names.get(component_id, {}),
            groups=groups.get(group_id, {}),
        )
        for public_id, name, group, component_id, group_id in found
    )
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


def _names(page_id: int) -> tuple[dict[int, dict[str, str]], dict[int | None, dict[str, str]]]:
    """What components and groups are called in other languages, by row id."""
    names: dict[int, dict[str, str]] = {}
    for component_id, language, name in session().execute(
        select(ComponentText.component_id, ComponentText.language, ComponentText.name)
        .join(Component)
        .where(Component.page_id == page_id)
    ):
        names.setdefault(component_id, {})[language] = name
    groups: dict[int | None, dict[str, str]] = {}
    for group_id, language, name in session().execute(
        select(ComponentGroupText.group_id, ComponentGroupText.language, ComponentGroupText.name)
        .join(ComponentGroup)
        .where(ComponentGroup.page_id == page_id)
    ):
        groups.setdefault(group_id, {})[language] = name
    return names, groups


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
