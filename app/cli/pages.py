"""The page itself and what it announces: what the console does, from a shell."""

import copy
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from app.actions.pages import announcements, pages
from app.cli.shared import Answer, about_page, answers, page_named, text_from
from app.clock import now
from app.db import session
from app.errors import Invalid, NotFound
from app.inputs.announcements import AnnouncementInput
from app.inputs.base import from_options
from app.models.announcement import Announcement
from app.models.page import Page, PageLogo
from app.settings import Settings
from app.shapes import COMMAND_LINE, AnnouncementDraft
from app.vocabulary import Language

LANGUAGES = click.Choice([language.value for language in Language])
UNTIL_ENDED = "none"


@click.group()
def page() -> None:
    """Status pages: add and remove them; change name, addresses, time zone, languages, look and sender."""


@page.command("add")
@click.argument("name")
@click.option("--slug", default="", help="Its short name in commands and in the console; made of NAME when left out.")
@click.option("--url", default="", help="The public address; a path below BASE_URL when left out.")
@click.option("--host", "hosts", multiple=True, help="A further host name that it answers to; repeatable.")
@click.option("--time-zone", metavar="NAME", default="Etc/UTC", help="Such as Europe/Berlin.")
@click.option("--locale", type=LANGUAGES, default="en", help="The language that the page opens in.")
@answers
def add_page(settings: Settings, **fields: Any) -> Answer:
    """Add a page."""
    page_id = pages.create_page(settings, COMMAND_LINE, **fields)
    row = session().get_one(Page, page_id, populate_existing=True)
    facts = {"id": row.public_id, "slug": row.slug, "name": row.name, "url": row.url}
    return Answer(f"Added {row.name} at {row.url}. Use --page {row.slug} to work on it.", facts)


@page.command("list")
@answers
def list_pages(_settings: Settings) -> Answer:
    """List all pages, the default one first."""
    rows = session().scalars(select(Page).order_by(Page.id)).all()
    found = [
        {"id": row.public_id, "slug": row.slug, "name": row.name, "url": row.url, "hosts": _hosts(row)} for row in rows
    ]
    lines = [f"{row.slug:<20} {row.name:<30} {row.url}" for row in rows]
    return Answer("\n".join(lines) or "No pages yet. Add one with candor page add NAME.", {"pages": found})


@page.command("remove")
@click.argument("slug")
@click.option("--yes", "confirmed", metavar="SLUG", default="", help="The slug again, instead of being asked for it.")
@answers
def remove_page(settings: Settings, slug: str, confirmed: str) -> Answer:
    """Remove a page with all its components, posts, subscribers and files.

    This can't be undone. The default answer is to do nothing: type the slug again to confirm. Back up first.
    """
    page_id = page_named(slug)
    if not confirmed and sys.stdin.isatty():
        confirmed = click.prompt(f"This removes {slug} with everything in it. Type {slug} to confirm", err=True)
    if confirmed != slug:
        raise Invalid(f"Nothing was removed. To confirm, pass --yes {slug}.")
    pages.remove_page(settings, COMMAND_LINE, page_id)
    return Answer(f"Removed {slug}.", {"removed": slug})


def _hosts(row: Page) -> list[str]:
    return [host for host in row.hosts.split(",") if host]


@page.command("show")
@answers
@about_page
def show_page(_settings: Settings, page_id: int) -> Answer:
    """What the page is called, where it stands, how it looks and who its mail is from."""
    row = session().get_one(Page, page_id)
    facts = {
        "id": row.public_id,
        "slug": row.slug,
        "name": row.name,
        "url": row.url,
        "hosts": _hosts(row),
        "time_zone": row.time_zone,
        "locale": row.locale,
        "languages": row.languages.split(","),
        "accent": row.accent,
        "mail_from": row.mail_from,
        "visibility": row.visibility,
        "logo": session().get(PageLogo, row.id) is not None,
        "revision": row.revision,
    }
    return Answer("\n".join(f"{name:<10} {_shown(value)}" for name, value in facts.items()), facts)


@page.command("edit")
@click.option("--name")
@click.option("--url", help="The public address; empty for BASE_URL.")
@click.option("--host", "hosts", multiple=True, help="A further host name; repeatable, empty for none.")
@click.option("--time-zone", metavar="NAME", help="Such as Europe/Berlin.")
@click.option("--locale", type=LANGUAGES, help="The language that the page opens in.")
@click.option("--language", "languages", type=LANGUAGES, multiple=True, help="A language that it is offered in.")
@click.option("--accent", metavar="#RRGGBB", help="Empty for the usual colour.")
@click.option("--mail-from", metavar="SENDER", help='Such as "Acme Status <status@acme.example>"; empty for MAIL_FROM.')
@click.option("--logo", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PNG, JPEG or WebP.")
@click.option("--no-logo", is_flag=True, help="Show the name instead.")
@answers
@about_page
def set_page(settings: Settings, page_id: int, logo: Path | None, no_logo: bool, **fields: Any) -> Answer:
    """Change what is named; the rest stays.  The whole page is rendered again."""
    fields["languages"] = fields["languages"] or None
    fields["hosts"] = fields["hosts"] or None
    if logo is not None and no_logo:
        raise Invalid("Use either --logo or --no-logo, not both.")
    if not any([logo, no_logo, *(value is not None for value in fields.values())]):
        raise Invalid("Choose at least one option. See candor page edit --help.")
    body = _picture(logo) if logo is not None else None
    if any(value is not None for value in fields.values()):
        pages.edit_page(settings, COMMAND_LINE, page_id, **fields)
    if body is not None:
        pages.set_logo(settings, COMMAND_LINE, page_id, body)
    elif no_logo:
        pages.remove_logo(settings, COMMAND_LINE, page_id)
    return Answer("Saved.", {"saved": True})


@click.group()
def announcement() -> None:
    """What the page says that is tied to no incident.  It notifies nobody."""


def _words(command: Any) -> Any:
    """The options of every announcement."""
    for option in reversed(
        (
            click.option("--title"),
            click.option("--body", help="The text, in Markdown."),
            click.option("--body-stdin", is_flag=True, help="Read the text from standard input."),
            click.option("--from", "starts_at", metavar="TIME", help="ISO 8601 with its zone."),
            click.option("--until", "ends_at", metavar="TIME", help="ISO 8601 with its zone; none: until it is ended."),
            click.option("--publish-anyway", is_flag=True, help="The text was checked for internal words."),
        )
    ):
        command = option(command)
    return command


@announcement.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are over too.")
@answers
@about_page
def list_announcements(_settings: Settings, page_id: int, everything: bool) -> Answer:
    """What shows now and what is to come, newest first."""
    statement = select(Announcement).where(Announcement.page_id == page_id)
    if not everything:
        statement = statement.where((Announcement.ends_at.is_(None)) | (Announcement.ends_at > now()))
    rows = session().scalars(statement.order_by(Announcement.starts_at.desc(), Announcement.id.desc()))
    found = [_facts(row) for row in rows]
    lines = [f"{one['id']}  {one['state']:<8} {one['title']}" for one in found]
    return Answer("\n".join(lines) or "Nothing is announced.", {"announcements": found})


@announcement.command("create")
@_words
@answers
@about_page
def create_announcement(settings: Settings, page_id: int, **options: Any) -> Answer:
    """Announce something: now, unless --from says when."""
    body = text_from(options["body"], options["body_stdin"])
    draft = _draft(options, title=options["title"] or "", body=body, starts_at=options["starts_at"], ends_at=None)
    public_id = announcements.create_announcement(settings, COMMAND_LINE, page_id, draft)
    return Answer(f"It is announced, as {public_id}.", {"id": public_id})


@announcement.command("edit")
@click.argument("public_id")
@_words
@answers
@about_page
def edit_announcement(settings: Settings, page_id: int, public_id: str, **options: Any) -> Answer:
    """Change what is named of an announcement; the rest stays."""
    stands = _find(page_id, public_id)
    has_text = options["body"] is not None or options["body_stdin"]
    draft = _draft(
        options,
        title=stands.title if options["title"] is None else options["title"],
        body=text_from(options["body"], options["body_stdin"]) if has_text else stands.body,
        starts_at=options["starts_at"] or stands.starts_at,
        ends_at=stands.ends_at,
    )
    announcements.edit_announcement(settings, COMMAND_LINE, page_id, public_id, draft, stands.version)
    return Answer("Saved.", {"id": public_id})


@announcement.command("end")
@click.argument("public_id")
@answers
@about_page
def end_announcement(settings: Settings, page_id: int, public_id: str) -> Answer:
    """Take an announcement off the page now; one still to come is never shown."""
    announcements.end_announcement(settings, COMMAND_LINE, page_id, _find(page_id, public_id).public_id)
    return Answer("It is off the page.", {"id": public_id})


def _find(page_id: int, public_id: str) -> Announcement:
    found = session().scalar(
        select(Announcement).where(Announcement.public_id == public_id, Announcement.page_id == page_id)
    )
    if found is None:
        raise NotFound(f"Announcement {public_id} not found. To list them, run candor announcement list --all.")
    return found


def _facts(row: Announcement) -> dict[str, Any]:
    at = now()
    state = "showing" if row.starts_at <= at else "to come"
    if row.ends_at is not None and row.ends_at <= at:
        state = "over"
    return {
        "id": row.public_id, "title": row.title, "body": row.body, "state": state,
        "starts_at": row.starts_at, "ends_at": row.ends_at,
    }  # fmt: skip


def _draft(
    options: dict[str, Any], *, title: str, body: str, starts_at: str | datetime | None, ends_at: datetime | None
) -> AnnouncementDraft:
    """The announcement; `ends_at` is when it ends where the options say nothing of it."""
    until = options["ends_at"] or ends_at
    sent = {
        "title": title,
        "body": body,
        "starts_at": starts_at,
        "ends_at": None if until == UNTIL_ENDED else until,
        "acknowledged": options["publish_anyway"],
    }
    return from_options(AnnouncementInput, sent, {"starts_at": "--from", "ends_at": "--until"}).draft()


def _picture(path: Path) -> bytes:
    """The file's bytes; not many more than a logo may have are read."""
    with path.open("rb") as file:
        return file.read(pages.LARGEST_BYTES + 1)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


# What `edit` was called while there was one page; scripts use it
SET = copy.copy(page.commands["edit"])
SET.hidden = True
page.add_command(SET, "set")

COMMANDS = (page, announcement)
