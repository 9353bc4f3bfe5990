"""The page itself and what it announces: what the console does, from a shell."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from app.actions import announcements, page_logo, pages
from app.cli.shared import Answer, answers, text_from
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
    """The page's name, address, zone, languages, look and sender of mail."""


@page.command("show")
@answers
def show_page(_settings: Settings) -> Answer:
    """What the page is called, where it stands, how it looks and who its mail is from."""
    row = session().get_one(Page, pages.default_page_id())
    facts = {
        "id": row.public_id, "name": row.name, "url": row.url, "time_zone": row.time_zone, "locale": row.locale,
        "languages": row.languages.split(","), "accent": row.accent,
        "mail_from": row.mail_from,
        "logo": session().get(PageLogo, row.id) is not None, "revision": row.revision,
    }  # fmt: skip
    return Answer("\n".join(f"{name:<10} {_shown(value)}" for name, value in facts.items()), facts)


@page.command("set")
@click.option("--name")
@click.option("--url", help="The public address; empty for BASE_URL.")
@click.option("--time-zone", metavar="NAME", help="Such as Europe/Berlin.")
@click.option("--locale", type=LANGUAGES, help="The language that the page opens in.")
@click.option("--language", "languages", type=LANGUAGES, multiple=True, help="A language that it is offered in.")
@click.option("--accent", metavar="#RRGGBB", help="Empty for the usual colour.")
@click.option("--mail-from", metavar="SENDER", help='Such as "Acme Status <status@acme.example>"; empty for MAIL_FROM.')
@click.option("--logo", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PNG, JPEG or WebP.")
@click.option("--no-logo", is_flag=True, help="Show the name instead.")
@answers
def set_page(settings: Settings, logo: Path | None, no_logo: bool, **fields: Any) -> Answer:
    """Change what is named; the rest stays.  The whole page is rendered again."""
    page_id = pages.default_page_id()
    fields["languages"] = fields["languages"] or None
    if logo is not None and no_logo:
        raise Invalid("Give --logo or --no-logo, not both.")
    if not any([logo, no_logo, *(value is not None for value in fields.values())]):
        raise Invalid("Say what to change. See candor page set --help.")
    body = _picture(logo) if logo is not None else None
    if any(value is not None for value in fields.values()):
        pages.edit_page(settings, COMMAND_LINE, page_id, **fields)
    if body is not None:
        page_logo.set_logo(settings, COMMAND_LINE, page_id, body)
    elif no_logo:
        page_logo.remove_logo(settings, COMMAND_LINE, page_id)
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
def list_announcements(_settings: Settings, everything: bool) -> Answer:
    """What shows now and what is to come, newest first."""
    statement = select(Announcement).where(Announcement.page_id == pages.default_page_id())
    if not everything:
        statement = statement.where((Announcement.ends_at.is_(None)) | (Announcement.ends_at > now()))
    rows = session().scalars(statement.order_by(Announcement.starts_at.desc(), Announcement.id.desc()))
    found = [_facts(row) for row in rows]
    lines = [f"{one['id']}  {one['state']:<8} {one['title']}" for one in found]
    return Answer("\n".join(lines) or "Nothing is announced.", {"announcements": found})


@announcement.command("create")
@_words
@answers
def create_announcement(settings: Settings, **options: Any) -> Answer:
    """Announce something: now, unless --from says when."""
    body = text_from(options["body"], options["body_stdin"])
    draft = _draft(options, title=options["title"] or "", body=body, starts_at=options["starts_at"], ends_at=None)
    public_id = announcements.create_announcement(settings, COMMAND_LINE, pages.default_page_id(), draft)
    return Answer(f"It is announced, as {public_id}.", {"id": public_id})


@announcement.command("edit")
@click.argument("public_id")
@_words
@answers
def edit_announcement(settings: Settings, public_id: str, **options: Any) -> Answer:
    """Change what is named of an announcement; the rest stays."""
    stands = _find(public_id)
    has_text = options["body"] is not None or options["body_stdin"]
    draft = _draft(
        options,
        title=stands.title if options["title"] is None else options["title"],
        body=text_from(options["body"], options["body_stdin"]) if has_text else stands.body,
        starts_at=options["starts_at"] or stands.starts_at,
        ends_at=stands.ends_at,
    )
    announcements.edit_announcement(settings, COMMAND_LINE, public_id, draft, stands.version)
    return Answer("Saved.", {"id": public_id})


@announcement.command("end")
@click.argument("public_id")
@answers
def end_announcement(settings: Settings, public_id: str) -> Answer:
    """Take an announcement off the page now; one still to come is never shown."""
    announcements.end_announcement(settings, COMMAND_LINE, _find(public_id).public_id)
    return Answer("It is off the page.", {"id": public_id})


def _find(public_id: str) -> Announcement:
    found = session().scalar(
        select(Announcement).where(Announcement.public_id == public_id, Announcement.page_id == pages.default_page_id())
    )
    if found is None:
        raise NotFound(f"There is no announcement {public_id}. See candor announcement list --all.")
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
        return file.read(page_logo.LARGEST_BYTES + 1)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


COMMANDS = (page, announcement)
