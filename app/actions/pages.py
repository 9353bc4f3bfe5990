"""Pages: made at set-up, renamed and moved later."""

import re
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app.actions import audit
from app.actions.revisions import lock_page, touch
from app.db import session as read_session
from app.db import transaction
from app.errors import Invalid, NotFound
from app.models.page import Page
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor
from app.text import clean_field

NAME_LIMIT = 100
URL_LIMIT = 500


def default_page_id() -> int:
    """The id of the default page.

    Raises:
        NotFound: Candor is not set up yet.
    """
    page_id: int | None = read_session().scalar(select(func.min(Page.id)))
    if page_id is None:
        raise NotFound("There is no page yet. Open the set-up link, or run candor init.")
    return page_id


def create_page(
    settings: Settings, actor: Actor, *, name: str, url: str = "", time_zone: str = "Etc/UTC", locale: str = "en"
) -> int:
    """Make a page; its id.  An empty `url` means BASE_URL.

    Raises:
        Invalid: a field can not be taken.
    """
    fields = _checked(settings, name=name, url=url, time_zone=time_zone, locale=locale)
    with transaction() as session:
        count = session.scalar(select(func.count(Page.id))) or 0
        page = Page(slug="default" if count == 0 else _slug(name, count), **fields)
        session.add(page)
        session.flush()
        audit.record(session, actor, "create", "page", page.public_id, page.name)
        page_id = page.id
    try_refresh(settings, page_id)
    return page_id


def edit_page(
    settings: Settings, actor: Actor, page_id: int, *, name: str, url: str, time_zone: str, locale: str
) -> None:
    """Change what a page is called and where and in which zone it stands; all of it is rendered again.

    Raises:
        Invalid: a field can not be taken.
        NotFound: there is no such page.
    """
    fields = _checked(settings, name=name, url=url, time_zone=time_zone, locale=locale)
    del fields["host"]  # feed ids are made of it: were they to change, every reader would get every entry again
    with transaction() as session:
        page = lock_page(session, page_id)
        for field, value in fields.items():
            setattr(page, field, value)
        touch(session, page, everything=True)
        audit.record(session, actor, "edit", "page", page.public_id, page.name)
    try_refresh(settings, page_id)


def _checked(settings: Settings, *, name: str, url: str, time_zone: str, locale: str) -> dict[str, str]:
    url = clean_field(url, name="url", label="The address", limit=URL_LIMIT, required=False) or settings.base_url
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise Invalid.field("url", "The address should look like https://status.example.com.")
    return {
        "name": clean_field(name, name="name", label="The page's name", limit=NAME_LIMIT),
        "url": url.rstrip("/"),
        "host": (parts.hostname or "")[:255],
        "time_zone": _zone(time_zone),
        "locale": _locale(locale),
    }


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):  # unknown names, and names that are no names at all
        raise Invalid.field("time_zone", "Choose a time zone by its name, such as Europe/Berlin.") from None


def _locale(locale: str) -> str:
    if not re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", locale):
        raise Invalid.field("locale", "Choose a language by its code, such as en or de.")
    return locale


def _slug(name: str, count: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{words or 'page'}-{count + 1}"
