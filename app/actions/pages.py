"""Pages: made at set-up; renamed, moved and given another look later."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import func, select

from app.actions import audit
from app.actions.revisions import lock_page, touch
from app.db import session as read_session
from app.db import transaction
from app.errors import NotFound
from app.guard.contrast import readable_on
from app.inputs.base import from_form
from app.inputs.pages import PageSettings
from app.models.page import Page
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor
from app.vocabulary import Language

PAPERS = ("#fbfaf7", "#ffffff")
"""What the accent is read on in the light design: `--paper` and `--paper-raised`."""


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
        page = Page(slug="default" if count == 0 else _slug(name, count), feed_authority=host, **fields)
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
        for field, value in fields.items():  # never the feed authority: all entries would come again
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
    typed = {
        "name": name, "url": url, "time_zone": time_zone, "locale": locale, "languages": languages, "accent": accent,
        "mail_from": mail_from,
    }  # fmt: skip
    sent = {field: value for field, value in typed.items() if value is not None}
    given = from_form(PageSettings, sent, also=_unreadable(accent or ""))
    read = given.model_dump(exclude_unset=True, by_alias=False)
    if "url" in read:
        read["url"] = (read["url"] or settings.base_url).rstrip("/")
    if "languages" in read:
        read["languages"] = ",".join(read["languages"])
    return read


def _joined(codes: Sequence[str]) -> str:
    return ",".join(language for language in Language if language in codes)


def _unreadable(accent: str) -> dict[str, str]:
    """What is wrong with a color that cannot be read on the page: a sentence beside its field."""
    color = accent.strip().lower()
    if not re.fullmatch(r"#[0-9a-f]{6}", color):
        return {}
    readable = color
    for paper in PAPERS:
        readable = readable_on(readable, paper)
    if readable == color:
        return {}
    return {"accent": f"This colour is too light to read on the page. Choose a darker one, such as {readable}."}


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
