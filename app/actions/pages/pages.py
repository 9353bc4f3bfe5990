"""Pages: create, edit, set the logo, and remove with everything in them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Table, delete, func, select
from sqlalchemy.orm import Session

from app.actions.frame import changing, changing_installation
from app.clock import now
from app.db import Base
from app.db import session as read_session
from app.errors import Conflict, Invalid, NotFound
from app.guard.contrast import readable_on
from app.guard.pictures import picture_of
from app.inputs.base import from_form
from app.inputs.pages import PageSettings
from app.models.page import Page, PageLogo
from app.publish.refresh import remove_published, try_refresh
from app.settings import Settings
from app.shapes import Actor
from app.vocabulary import RESERVED_SLUGS, Language, Role, Visibility

PAPERS = ("#fbfaf7", "#ffffff")
"""What the accent is read on in the light design: `--paper` and `--paper-raised`."""

LARGEST_BYTES = 32 * 1024
LARGEST_SIDE = 1200
MOST_HOSTS = 20
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_TOLD = (
    "name",
    "url",
    "hosts",
    "time_zone",
    "locale",
    "languages",
    "accent",
    "mail_from",
    "visibility",
    "waits_for_hold",
)
"""What the audit line says of a page."""


def default_page_id() -> int:
    """The id of the default page: the oldest.

    Raises:
        NotFound: Candor isn't set up yet.
    """
    page_id: int | None = read_session().scalar(select(func.min(Page.id)))
    if page_id is None:
        raise NotFound("No page yet. Open the setup link, or run candor init.")
    return page_id


def create_page(
    settings: Settings,
    actor: Actor,
    *,
    name: str,
    url: str = "",
    time_zone: str = "Etc/UTC",
    locale: str = "en",
    slug: str = "",
    hosts: Sequence[str] = (),
) -> int:
    """Make a page; its id.  Takes the role admin on all pages.

    An empty `url` means BASE_URL for the first page, and a path of its own below it for every other.  An empty `slug`
    is made of the name.

    Raises:
        Invalid: a field is invalid.
        Conflict: the slug or the address is another page's.
        NotAllowed: the actor's role isn't enough.
    """
    fields = _read(settings, name=name, url=url or settings.base_url, time_zone=time_zone, locale=locale)
    fields["hosts"] = _read_hosts(hosts)
    if slug and (not _SLUG.fullmatch(slug) or slug in RESERVED_SLUGS):
        raise Invalid.field("slug", "Use up to 64 lowercase letters, digits and hyphens for the slug, such as acme-eu.")
    with changing_installation(actor) as change:
        session = change.session
        known = set(session.scalars(select(Page.slug)))
        if slug in known:
            raise Conflict(f"A page with the slug {slug} already exists. Choose another slug.")
        slug = slug or _free_slug(fields["name"], known)
        if known and not url:
            fields["url"] = f"{settings.base_url}/{slug}"
        page = Page(slug=slug, feed_authority=(urlsplit(fields["url"]).hostname or "")[:255], **fields)
        _refuse_same_address(session, page)
        session.add(page)
        session.flush()
        change.audit("create", "page", page.public_id, page.name, page_id=page.id, after=_facts(page))
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
    hosts: Sequence[str] | None = None,
    visibility: str | None = None,
    waits_for_hold: bool | None = None,
) -> None:
    """Change what a page is called, its addresses, how it looks and who its mail is from; all is rendered again.  Takes
    the role admin.

    With `waits_for_hold` what is published waits until the hold ends, in public too.  None leaves a fact as it is.  An
    empty `url` means BASE_URL, an empty `accent` the default color, an empty `mail_from` MAIL_FROM; `locale` is always
    among the languages.  The ids of feed entries stay what they are.

    Raises:
        Invalid: with a sentence for every invalid field.
        Conflict: the address is another page's.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
    """
    fields = _read(
        settings,
        name=name,
        url=url,
        time_zone=time_zone,
        locale=locale,
        languages=languages,
        accent=accent,
        mail_from=mail_from,
    )
    if hosts is not None:
        fields["hosts"] = _read_hosts(hosts)
    if visibility is not None and visibility != Visibility.PUBLIC:
        raise Invalid.field("visibility", "Only public pages are supported yet. Choose public.")
    with changing(settings, actor, page_id, needs=Role.ADMIN) as change:
        page, before = change.page, _facts(change.page)
        for field, value in fields.items():  # never the feed authority: all entries would come again
            setattr(page, field, value)
        if waits_for_hold is not None:
            page.waits_for_hold = waits_for_hold
        page.languages = _joined([*page.languages.split(","), page.locale])
        if (before["url"], before["hosts"]) != (page.url, page.hosts):
            _refuse_same_address(change.session, page)
        change.touch(everything=True)
        change.audit("edit", "page", page.public_id, page.name, before=before, after=_facts(page))


def remove_page(settings: Settings, actor: Actor, page_id: int) -> None:
    """Remove a page with everything that belongs to it: components, posts, subscribers, deliveries, tokens,
    memberships, and what is published of it.  Takes the role admin on all pages.

    Incidents, accounts, suppressed addresses and audit lines stay.

    Raises:
        Conflict: it is the only page.
        NotAllowed: the actor's role isn't enough.
        NotFound: the page doesn't exist.
    """
    with changing_installation(actor) as change:
        session = change.session
        pages = session.scalars(select(Page).order_by(Page.id).with_for_update()).all()
        page = next((one for one in pages if one.id == page_id), None)
        if page is None:
            raise NotFound("Page not found.")
        if len(pages) == 1:
            raise Conflict("This is the only page. Add another one before you remove it.")
        change.audit("remove", "page", page.public_id, page.name, page_id=page.id, before=_facts(page))
        slug = page.slug
        session.flush()
        for table in reversed(Base.metadata.sorted_tables):
            condition = _of_page(table, page_id)
            if condition is not None:
                session.execute(delete(table).where(condition))
        session.expire_all()
    remove_published(settings, slug)


def set_logo(settings: Settings, actor: Actor, page_id: int, body: bytes) -> None:
    """Give a page a logo, in place of the one it has; all of it is rendered again.  Takes the role admin.

    Raises:
        Invalid: it is no PNG, JPEG or WebP picture, or too large.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
        Unavailable: the database can't be written; nothing was changed.
    """
    content_type = kind_of_logo(body)
    with changing(settings, actor, page_id, needs=Role.ADMIN) as change:
        logo = change.session.get(PageLogo, page_id)
        if logo is None:
            logo = PageLogo(page_id=page_id)
            change.session.add(logo)
        logo.content_type, logo.body, logo.updated_at = content_type, body, now()
        change.touch(everything=True)
        change.audit("set logo", "page", change.page.public_id, f"{content_type}, {len(body)} bytes")


def remove_logo(settings: Settings, actor: Actor, page_id: int) -> None:
    """Take a page's logo away; its name is shown instead.  A page without one stays as it is.  Takes the role admin.

    Raises:
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.ADMIN) as change:
        gone = delete(PageLogo).where(PageLogo.page_id == page_id).returning(PageLogo.page_id)
        if change.session.scalar(gone) is None:
            return
        change.touch(everything=True)
        change.audit("remove logo", "page", change.page.public_id)


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
    """A page's facts, checked, for imports, which write them with something else.  Raises Invalid."""
    return _read(
        settings,
        name=name,
        url=url,
        time_zone=time_zone,
        locale=locale,
        languages=languages,
        accent=accent,
        mail_from=mail_from,
    )


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
        "name": name,
        "url": url,
        "time_zone": time_zone,
        "locale": locale,
        "languages": languages,
        "accent": accent,
        "mail_from": mail_from,
    }
    sent = {field: value for field, value in typed.items() if value is not None}
    given = from_form(PageSettings, sent, also=_unreadable(accent or ""))
    read = given.model_dump(exclude_unset=True, by_alias=False)
    if "url" in read:
        read["url"] = (read["url"] or settings.base_url).rstrip("/")
    if "languages" in read:
        read["languages"] = ",".join(read["languages"])
    return read


def _read_hosts(hosts: Sequence[str]) -> str:
    named = list(dict.fromkeys(host.strip().lower().rstrip(".") for host in hosts if host.strip()))
    wrong = [host for host in named if not _HOST_NAME.fullmatch(host)]
    if wrong or len(named) > MOST_HOSTS:
        sentence = f"Enter up to {MOST_HOSTS} host names, such as status.example.com, without https:// or a path."
        raise Invalid.field("hosts", sentence)
    return ",".join(named)


def _facts(page: Page) -> Mapping[str, Any]:
    return {name: getattr(page, name) for name in _TOLD}


def _refuse_same_address(session: Session, page: Page) -> None:
    """Two pages at one address could not be told apart."""
    own = {(host, page.base_path) for host in page.all_hosts}
    with session.no_autoflush:
        others = session.scalars(select(Page).where(Page.id != page.id) if page.id else select(Page)).all()
    for other in others:
        same = sorted(own & {(host, other.base_path) for host in other.all_hosts})
        if same:
            host, path = same[0]
            raise Conflict(f"The address {host}{path} is that of {other.name}. Choose another URL or host.")


def _of_page(table: Table, page_id: int) -> ColumnElement[bool] | None:
    """Which rows of a table belong to a page: by its own column, or by the row that they are part of."""
    if table.name == "page":
        return table.c.id == page_id
    parents = sorted(table.foreign_keys, key=lambda key: (key.column.table.name != "page", bool(key.parent.nullable)))
    for key in parents:
        parent = key.column.table
        if parent.name in {"account", "incident"} or parent is table:  # the installation's
            continue
        if parent.name == "page":
            return key.parent == page_id
        condition = _of_page(parent, page_id)
        if condition is not None:
            return key.parent.in_(select(key.column).where(condition))
    return None


def _joined(codes: Sequence[str]) -> str:
    return ",".join(language for language in Language if language in codes)


def _unreadable(accent: str) -> dict[str, str]:
    """What is wrong with a color that can't be read on the page: a sentence beside its field."""
    color = accent.strip().lower()
    if not re.fullmatch(r"#[0-9a-f]{6}", color):
        return {}
    readable = color
    for paper in PAPERS:
        readable = readable_on(readable, paper)
    if readable == color:
        return {}
    return {"accent": f"This color is too light to read on the page. Choose a darker one, such as {readable}."}


def kind_of_logo(body: bytes) -> str:
    """The picture's media type.  Raises Invalid: it can't be a logo."""
    if not body:
        raise Invalid.field("logo", "Choose an image file first.")
    if len(body) > LARGEST_BYTES:
        raise Invalid.field(
            "logo", "The image is larger than 32 KB. Choose a smaller file, because every reader loads it."
        )
    picture = picture_of(body)
    if picture is None:
        raise Invalid.field(
            "logo", "This file isn't an image that browsers can show. Choose a PNG, JPEG or WebP picture."
        )
    if max(picture.width, picture.height) > LARGEST_SIDE:
        raise Invalid.field(
            "logo",
            f"The picture is {picture.width} by {picture.height} pixels. The limit is {LARGEST_SIDE} on each side.",
        )
    return picture.content_type


def _free_slug(name: str, known: set[str]) -> str:
    """A slug that no page has, made of the name; "default" for the first page."""
    if not known:
        return "default"
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "page"
    number = 1
    while True:
        slug = words if number == 1 else f"{words}-{number}"
        if slug not in known and slug not in RESERVED_SLUGS and slug != "default":
            return slug
        number += 1
