"""Which page a request is about.  The console's addresses name it; it is looked up once, by `current_page`."""

from typing import Any

from flask import Blueprint, g, request
from flask import session as cookie
from werkzeug.routing import BaseConverter

from app.db import session
from app.errors import NotFound
from app.publish.addresses import DEFAULT_SLUG
from app.publish.serve import PAGE
from app.queries.pages import PageFacts, all_pages
from app.vocabulary import RESERVED_SLUGS
from app.web.access import known_actor

LAST_USED = "page"
"""The cookie's entry with the slug of the page that was worked on last."""


class SlugConverter(BaseConverter):
    """A page's slug in an address; never one of the words that stood in its place when there was one page only."""

    regex = rf"(?!(?:{'|'.join(sorted(RESERVED_SLUGS))})(?:/|\Z))[a-z0-9][a-z0-9-]{{0,63}}"


def name_page(blueprint: Blueprint) -> None:
    """Make a blueprint's addresses name the page: views and `url_for` need not pass it on."""
    blueprint.record_once(lambda state: state.app.url_map.converters.__setitem__("page", SlugConverter))
    blueprint.url_value_preprocessor(_take_slug)
    blueprint.url_defaults(_put_slug)


def current_page() -> PageFacts:
    """The page that the address names; where it names none, the page worked on last, or else the first.

    Raises:
        NotFound: the page doesn't exist, or there are no pages.
    """
    found: PageFacts | None = g.get("page")
    if found is None:
        slug = g.get("page_slug", "")
        found = g.page = _named(slug) if slug else _at_hand()
        if slug and cookie.get(LAST_USED) != slug:
            cookie[LAST_USED] = slug
    return found


def visited_page() -> str:
    """The slug of the public page at whose address the request came, by host and path.

    Raises:
        NotFound: there is none.
    """
    slug: str = request.environ.get(PAGE, DEFAULT_SLUG)
    if not slug:
        raise NotFound("There is no status page at this address.")
    return slug


def reread() -> PageFacts:
    """The page as it is now, after a change.  Raises NotFound."""
    g.pop("pages", None)
    g.pop("page", None)
    return current_page()


def known_pages() -> tuple[PageFacts, ...]:
    """Every page, the default one first.  Asks the database once in a request."""
    if "pages" not in g:
        g.pages = all_pages(session())
    known: tuple[PageFacts, ...] = g.pages
    return known


def own_pages() -> tuple[PageFacts, ...]:
    """The pages on which who is signed in has a role."""
    me = known_actor()
    return tuple(page for page in known_pages() if me is None or me.role_on(page.id) is not None)


def default_page() -> PageFacts:
    """The page that is meant where none is named.

    Raises:
        NotFound: there is none yet.
    """
    known = known_pages()
    if not known:
        raise NotFound("No page yet. Open the setup link, or run candor init.")
    return known[0]


def _named(slug: str) -> PageFacts:
    for page in known_pages():
        if page.slug == slug:
            return page
    raise NotFound("Page not found.")


def _at_hand() -> PageFacts:
    last = cookie.get(LAST_USED)
    own = own_pages()
    return next((page for page in own if page.slug == last), None) or (own[0] if own else default_page())


def _take_slug(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values is not None:
        g.page_slug = values.pop("page_slug", "")


def _put_slug(_endpoint: str, values: dict[str, Any]) -> None:
    if "page_slug" not in values:
        values["page_slug"] = g.get("page_slug") or current_page().slug
