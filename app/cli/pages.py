"""`candor page` and `candor announcement`: what the console does, from a shell."""

import copy
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from app.actions.pages import announcements, pages
from app.cli.shared import Answer, about_page, answers, page_named, text_from, texts_from, texts_option
from app.clock import now
from app.db import session
from app.errors import Invalid, NotFound
from app.inputs.announcements import AnnouncementInput
from app.inputs.base import from_options
from app.inputs.fields import POST_TEXTS
from app.models.announcement import Announcement
from app.models.page import Page, PageLogo
from app.settings import Settings
from app.shapes import COMMAND_LINE, AnnouncementDraft
from app.vocabulary import Language

LANGUAGES = click.Choice([language.value for language in Language])
UNTIL_ENDED = "none"


@click.group()
def page() -> None:
    """Add, change and remove status pages."""


@page.command("add")
@click.argument("name")
@click.option("--slug", default="", help="Short name for commands and console addresses. Default: made from NAME.")
@click.option("--url", default="", help="The public address. Default: a path below BASE_URL.")
@click.option("--host", "hosts", multiple=True, help="Another host name for the page. Repeatable.")
@click.option("--time-zone", metavar="NAME", default="Etc/UTC", help="The page's time zone, such as Europe/Berlin.")
@click.option("--locale", type=LANGUAGES, default="en", help="The page's default language.")
@answers
def add_page(settings: Settings, **fields: Any) -> Answer:
    """Add a status page.

    Example: candor page add "Acme Europe" --time-zone Europe/Berlin
    """
    page_id = pages.create_page(settings, COMMAND_LINE, **fields)
    row = session().get_one(Page, page_id, populate_existing=True)
    facts = {"id": row.public_id, "slug": row.slug, "name": row.name, "url": row.url}
    return Answer(f"Added {row.name} at {row.url}. Use --page {row.slug} to work on it.", facts)


@page.command("list")
@answers
def list_pages(_settings: Settings) -> Answer:
    """List all status pages, starting with the default page."""
    rows = session().scalars(select(Page).order_by(Page.id)).all()
    found = [
        {"id": row.public_id, "slug": row.slug, "name": row.name, "url": row.url, "hosts": _hosts(row)} for row in rows
    ]
    lines = [f"{row.slug:<20} {row.name:<30} {row.url}" for row in rows]
    return Answer("\n".join(lines) or "No pages yet. Add one with candor page add NAME.", {"pages": found})


@page.command("remove")
@click.argument("slug")
@click.option("--yes", "confirmed", metavar="SLUG", default="", help="Confirm without a prompt: the slug again.")
@answers
def remove_page(settings: Settings, slug: str, confirmed: str) -> Answer:
    """Remove a page and everything in it.

    This removes its components, posts, subscribers and files. You can't undo it, so back up first. To confirm, type
    the slug again.
    """
    page_id = page_named(slug)
    if not confirmed and sys.stdin.isatty():
        confirmed = click.prompt(f"This removes {slug} and everything in it. Type {slug} to confirm", err=True)
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
    """Show a page's settings."""
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
        "waits_for_hold": row.waits_for_hold,
        "logo": session().get(PageLogo, row.id) is not None,
        "revision": row.revision,
    }
    return Answer("\n".join(f"{name:<10} {_shown(value)}" for name, value in facts.items()), facts)


@page.command("edit")
@click.option("--name", help="The page's name.")
@click.option("--url", help="The public address. Empty: BASE_URL.")
@click.option("--host", "hosts", multiple=True, help="Another host name for the page. Repeatable. Empty: none.")
@click.option("--time-zone", metavar="NAME", help="The page's time zone, such as Europe/Berlin.")
@click.option("--locale", type=LANGUAGES, help="The page's default language.")
@click.option("--language", "languages", type=LANGUAGES, multiple=True, help="A language to offer. Repeatable.")
@click.option("--accent", metavar="#RRGGBB", help="Accent color, such as #1f4f8f. Empty: the default.")
@click.option(
    "--mail-from",
    metavar="SENDER",
    help='Sender of email, such as "Acme Status <status@acme.example>". Empty: MAIL_FROM.',
)
@click.option(
    "--wait-for-hold/--no-wait-for-hold",
    "waits_for_hold",
    default=None,
    help="Show an update on the page only when its hold ends, so that undoing it leaves no trace.",
)
@click.option("--logo", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A PNG, JPEG or WebP file.")
@click.option("--no-logo", is_flag=True, help="Remove the logo and show the name instead.")
@answers
@about_page
def set_page(settings: Settings, page_id: int, logo: Path | None, no_logo: bool, **fields: Any) -> Answer:
    """Change a page's settings. What you leave out stays as it is.

    Example: candor page edit --name "Acme Status" --accent "#1f4f8f"
    """
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
    """Show announcements on the page, apart from incidents. They don't notify subscribers."""


def _words(command: Any) -> Any:
    """The options that all announcements share."""
    for option in reversed(
        (
            click.option("--title", help="The title."),
            click.option("--body", help="The text, in Markdown."),
            click.option("--body-stdin", is_flag=True, help="Read the text from standard input."),
            click.option("--from", "starts_at", metavar="TIME", help="Start, such as 2026-12-01T22:00+01:00."),
            click.option(
                "--until", "ends_at", metavar="TIME", help='End, in the same format. "none": until you end it.'
            ),
            click.option(
                "--publish-anyway", is_flag=True, help="Publish although the text may contain internal names."
            ),
            texts_option,
        )
    ):
        command = option(command)
    return command


@announcement.command("list")
@click.option("--all", "everything", is_flag=True, help="Include announcements that have ended.")
@answers
@about_page
def list_announcements(_settings: Settings, page_id: int, everything: bool) -> Answer:
    """List current and future announcements, newest first."""
    statement = select(Announcement).where(Announcement.page_id == page_id)
    if not everything:
        statement = statement.where((Announcement.ends_at.is_(None)) | (Announcement.ends_at > now()))
    rows = session().scalars(statement.order_by(Announcement.starts_at.desc(), Announcement.id.desc()))
    found = [_facts(row) for row in rows]
    lines = [f"{one['id']}  {one['state']:<8} {one['title']}" for one in found]
    return Answer("\n".join(lines) or "No announcements.", {"announcements": found})


@announcement.command("create")
@_words
@answers
@about_page
def create_announcement(settings: Settings, page_id: int, **options: Any) -> Answer:
    """Create an announcement. It shows at once, or from the time in --from."""
    body = text_from(options["body"], options["body_stdin"])
    draft = _draft(options, title=options["title"] or "", body=body, starts_at=options["starts_at"], ends_at=None)
    public_id = announcements.create_announcement(settings, COMMAND_LINE, page_id, draft)
    return Answer(f"Announcement {public_id} created.", {"id": public_id})


@announcement.command("edit")
@click.argument("public_id")
@_words
@answers
@about_page
def edit_announcement(settings: Settings, page_id: int, public_id: str, **options: Any) -> Answer:
    """Edit an announcement. What you leave out stays as it is."""
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
    """End an announcement now. A future one is never shown."""
    announcements.end_announcement(settings, COMMAND_LINE, page_id, _find(page_id, public_id).public_id)
    return Answer("Announcement ended.", {"id": public_id})


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
    """The announcement; `ends_at` is its end if the options don't give one."""
    until = options["ends_at"] or ends_at
    sent = {
        "title": title,
        "body": body,
        "starts_at": starts_at,
        "ends_at": None if until == UNTIL_ENDED else until,
        "acknowledged": options["publish_anyway"],
        "texts": texts_from(options["texts_file"], POST_TEXTS),
    }
    return from_options(AnnouncementInput, sent, {"starts_at": "--from", "ends_at": "--until"}).draft()


def _picture(path: Path) -> bytes:
    """The file's bytes, reading only just past the largest size allowed for a logo."""
    with path.open("rb") as file:
        return file.read(pages.LARGEST_BYTES + 1)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


# `edit` was called `set` while there was only one page; scripts still use that name
SET = copy.copy(page.commands["edit"])
SET.hidden = True
page.add_command(SET, "set")

COMMANDS = (page, announcement)
