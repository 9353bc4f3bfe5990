"""Pages: made at set-up; renamed, moved and given another look later."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app.actions import audit
from app.actions.revisions import lock_page, touch
from app.db import session as read_session
from app.db import transaction
from app.errors import Invalid, NotFound
from app.guard.contrast import readable_on
from app.mail_address import read_sender
from app.models.page import Page
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor
from app.text import clean_field
from app.vocabulary import Language

NAME_LIMIT = 100
URL_LIMIT = 500
PAPERS = ("#fbfaf7", "#ffffff")
"""What the accent is read on in the light design: `--paper` and `--paper-raised`."""

Given = TypeVar("Given")


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
    fields = _read(settings, name=name, url=url, time_zone=time_zone, locale=locale)
    host = (urlsplit(fields["url"]).hostname or "")[:255]
    with transaction() as session:
        count = session.scalar(select(func.count(Page.id))) or 0
        page = Page(slug="default" if count == 0 else _slug(name, count), host=host, **fields)
        session.add(page)
        session.flush()
        audit.record(session, actor, "create", "page", page.public_id, page.name)
        page_id = page.id
    try_refresh(settings, page_id)
    return page_id


def edit_page(
    settings: Settings,
    actor: Actor,
    page_id: int,
    *,
    name: str | None = None,
    url: str | None = None,
    time_zone: str | None = None,
    locale: str | None = None,
    languages: Sequence[str] | None = None,
    accent: str | None = None,
    mail_from: str | None = None,
) -> None:
    """Change what a page is called, where it stands, how it looks and who its mail is from; all is rendered again.

    None leaves a fact as it is.  An empty `url` means BASE_URL, an empty `accent` the house's own colour, an empty
    `mail_from` MAIL_FROM; `locale` is always among the languages.

    Raises:
        Invalid: with a sentence for every field that can not be taken.
        NotFound: there is no such page.
    """
    fields = _read(
        settings, name=name, url=url, time_zone=time_zone, locale=locale, languages=languages, accent=accent,
        mail_from=mail_from,
    )  # fmt: skip
    with transaction() as session:
        page = lock_page(session, page_id)
        for field, value in fields.items():  # never the host: were feed ids to change, all entries would come again
            setattr(page, field, value)
        page.languages = _joined([*page.languages.split(","), page.locale])
        touch(session, page, everything=True)
        audit.record(session, actor, "edit", "page", page.public_id, page.name)
    try_refresh(settings, page_id)


def _read(
    settings: Settings,
    *,
    name: str | None,
    url: str | None,
    time_zone: str | None,
    locale: str | None,
    languages: Sequence[str] | None = None,
    accent: str | None = None,
    mail_from: str | None = None,
) -> dict[str, str]:
    reading = _Reading()
    reading.add("name", name, lambda raw: clean_field(raw, name="name", label="The page's name", limit=NAME_LIMIT))
    reading.add("url", url, lambda raw: _url(settings, raw))
    reading.add("time_zone", time_zone, _zone)
    reading.add("locale", locale, _locale)
    reading.add("languages", languages, _languages)
    reading.add("accent", accent, _accent)
    reading.add("mail_from", mail_from, _mail_from)
    return reading.finish()


class _Reading:
    """Collects what was given, and all that is wrong with it."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._wrong: dict[str, str] = {}

    def add(self, field: str, raw: Given | None, read: Callable[[Given], str]) -> None:
        if raw is None:
            return
        try:
            self._fields[field] = read(raw)
        except Invalid as error:
            self._wrong.update(error.fields)

    def finish(self) -> dict[str, str]:
        if self._wrong:
            only = next(iter(self._wrong.values())) if len(self._wrong) == 1 else ""
            raise Invalid(only or "Nothing was saved. Please look at what is marked.", self._wrong)
        return self._fields


def _url(settings: Settings, raw: str) -> str:
    url = clean_field(raw, name="url", label="The address", limit=URL_LIMIT, required=False) or settings.base_url
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        is_address = is_address and parts.username is None and re.fullmatch(r"[!#-;=?-~]+", url) is not None
    except ValueError:
        is_address = False
    if not is_address:
        raise Invalid.field("url", "The address should look like https://status.example.com.")
    return url.rstrip("/")


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):  # unknown names, and names that are no names at all
        raise Invalid.field("time_zone", "Choose a time zone by its name, such as Europe/Berlin.") from None


def _locale(code: str) -> str:
    if code not in set(Language):
        raise Invalid.field("locale", f"Choose one of the page's languages: {', '.join(Language)}.")
    return code


def _languages(codes: Sequence[str]) -> str:
    if not set(codes) <= set(Language):
        raise Invalid.field("languages", f"Choose from these languages: {', '.join(Language)}.")
    return _joined(codes)


def _joined(codes: Sequence[str]) -> str:
    return ",".join(language for language in Language if language in codes)


def _accent(raw: str) -> str:
    colour = raw.strip().lower()
    if not colour:
        return ""
    if not re.fullmatch(r"#[0-9a-f]{6}", colour):
        raise Invalid.field("accent", "Write the colour as # and six digits, such as #1f4f8f.")
    readable = colour
    for paper in PAPERS:
        readable = readable_on(readable, paper)
    if readable != colour:
        raise Invalid.field(
            "accent", f"This colour is too light to read on the page. Choose a darker one, such as {readable}."
        )
    return colour


def _mail_from(raw: str) -> str:
    if not raw.strip():
        return ""
    sender = read_sender(raw)
    if sender is None:
        raise Invalid.field(
            "mail_from",
            "That is not one sender. Write an address, or a name and an address: Acme Status <status@acme.example>.",
        )
    return str(sender)


def read_page_fields(
    settings: Settings,
    *,
    name: str,
    url: str,
    time_zone: str,
    locale: str | None = None,
    languages: Sequence[str] | None = None,
    accent: str | None = None,
    mail_from: str | None = None,
) -> dict[str, str]:
    """A page's facts, checked, for whoever writes them with something else.  Raises Invalid."""
    return _read(
        settings, name=name, url=url, time_zone=time_zone, locale=locale, languages=languages, accent=accent,
        mail_from=mail_from,
    )  # fmt: skip


def _slug(name: str, count: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{words or 'page'}-{count + 1}"
