"""`candor component` and `candor post`: what the console does, from a shell."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TextIO

import click
from sqlalchemy import select

from app.actions.components import components
from app.actions.components.groups import create_group
from app.actions.posts import drafts, taking_back
from app.actions.posts.correcting import correct_update
from app.actions.posts.editing import pin_post, set_auto
from app.actions.posts.fingerprints import fingerprint
from app.cli.shared import Answer, about_page, answers, text_from, texts_from, texts_option
from app.db import session
from app.errors import CandorError, Invalid, NotFound
from app.inputs.base import from_options
from app.inputs.drafts import DraftSchedule
from app.inputs.fields import BODY_TEXTS, NAME_TEXTS, POST_TEXTS, Words, refuse_own
from app.inputs.posts import TypedPost, TypedUpdate
from app.models.component import Component, ComponentGroup
from app.models.page import Page
from app.models.post import Post, Update
from app.publish.links import permalink
from app.settings import Settings
from app.shapes import COMMAND_LINE, DraftContent, Published, RecordLinkDraft, Waiting
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus, Severity

STATUSES = click.Choice([status.value for status in ComponentStatus])
POST_STATUS = click.Choice([status.value for status in PostStatus])
KINDS = click.Choice([kind.value for kind in PostKind])
IMPACTS = click.Choice([impact.value for impact in Impact])
OPTION_NAMES = {
    "scheduled_for": "--from", "scheduled_until": "--until", "promise": "--next-update-in",
    "next_update_by": "--next-update-in",
}  # fmt: skip
SEVERITIES = click.Choice([severity.value for severity in Severity])


@click.group()
def component() -> None:
    """Manage the components whose status the page shows."""


@component.command("add")
@click.argument("name")
@click.option("--group", default="", help="The group's name. It is created if needed.")
@click.option(
    "--status", type=STATUSES, default=ComponentStatus.OPERATIONAL.value, show_default=True, help="The status."
)
@click.option("--description", default="", help="One line that readers see below the name.")
@texts_option
@answers
@about_page
def add_component(
    settings: Settings,
    page_id: int,
    name: str,
    group: str,
    status: str,
    description: str,
    texts_file: TextIO | None,
) -> Answer:
    """Add a component.

    Example: candor component add "Checkout API" --group Payments
    """
    group_id = _group(settings, page_id, group) if group else None
    public_id = components.create_component(
        settings,
        COMMAND_LINE,
        page_id,
        name=name,
        description=description,
        group_public_id=group_id,
        status=status,
        texts=texts_from(texts_file, NAME_TEXTS),
    )
    return Answer(f"Component {name} added: {public_id}.", {"id": public_id, "name": name})


@component.command("edit")
@click.argument("public_id")
@click.option("--name", help="The name that readers see.")
@click.option("--description", help="One line that readers see below the name.")
@texts_option
@answers
@about_page
def edit_component(
    settings: Settings,
    page_id: int,
    public_id: str,
    name: str | None,
    description: str | None,
    texts_file: TextIO | None,
) -> Answer:
    """Change a component's name and description, also in other languages.

    What you leave out stays as it is. --texts replaces the texts in all other languages.
    """
    components.edit_component(
        settings,
        COMMAND_LINE,
        page_id,
        public_id,
        name=name,
        description=description,
        group_public_id=None,
        keeps_group=True,
        texts=texts_from(texts_file, NAME_TEXTS),
    )
    return Answer("Saved.", {"id": public_id})


@component.command("list")
@answers
@about_page
def list_components(_settings: Settings, page_id: int) -> Answer:
    """List the page's components."""
    rows = session().scalars(
        select(Component)
        .where(Component.page_id == page_id, Component.archived_at.is_(None))
        .order_by(Component.position, Component.id)
    )
    found = [{"id": r.public_id, "name": r.name, "status": r.status, "visible": r.visible} for r in rows]
    lines = [f"{row['id']}  {row['status']:<20} {row['name']}" for row in found]
    return Answer("\n".join(lines) or "No components yet.", {"components": found})


@component.command("set")
@click.argument("public_id")
@click.argument("status", type=STATUSES)
@answers
@about_page
def set_component(settings: Settings, page_id: int, public_id: str, status: str) -> Answer:
    """Set a component's status. Subscribers aren't notified.

    Example: candor component set 1fjx5cq2wvb8 partial_outage
    """
    components.set_component_status(settings, COMMAND_LINE, page_id, public_id, ComponentStatus(status))
    return Answer(f"{public_id} is now {status}.", {"id": public_id, "status": status})


def _group(settings: Settings, page_id: int, name: str) -> str:
    found = session().scalar(
        select(ComponentGroup.public_id).where(ComponentGroup.page_id == page_id, ComponentGroup.name == name)
    )
    return found or create_group(settings, COMMAND_LINE, page_id, name=name)


@click.group()
def post() -> None:
    """Manage incidents and maintenance on the page."""


def statement(command: Any) -> Any:
    """The options that all updates share."""
    return _with(
        command,
        click.option("--body", help="The text, in Markdown."),
        click.option("--body-stdin", is_flag=True, help="Read the text from standard input."),
        texts_option,
        click.option(
            "--component", "effects", multiple=True, metavar="ID=STATUS", help="Set a component's status. Repeatable."
        ),
        click.option(
            "--impact",
            type=click.Choice([impact.value for impact in Impact]),
            help="Default: computed from the components.",
        ),
        click.option(
            "--next-update-in", type=click.IntRange(1, 43_200), metavar="MINUTES", help="Promise the next update."
        ),
        click.option("--no-notify", is_flag=True, help="Update the page without notifying subscribers."),
        click.option("--publish-anyway", is_flag=True, help="Publish although the text may contain internal names."),
        click.option("--publish-at", metavar="TIME", help="Publish later, such as at 2026-12-01T22:00+01:00."),
        click.option("--key", help="Idempotency key: repeating the command with the same key publishes only once."),
    )


def opening(command: Any) -> Any:
    """The options of a new post only."""
    return _with(
        command,
        click.option("--kind", type=KINDS, help="Default: incident."),
        click.option("--from", "scheduled_for", help="Start of maintenance, such as 2026-12-01T22:00+01:00."),
        click.option("--until", "scheduled_until", help="End of maintenance, in the same format."),
        click.option("--by-clock", is_flag=True, help="Start and end maintenance automatically."),
        click.option("--severity", type=SEVERITIES, help="Also open an internal incident of this severity."),
        click.option("--incident", metavar="ID", help="The declared incident that it is about."),
        click.option("--record", "records", multiple=True, metavar="KEY=URL", help="Link to the internal record."),
    )


def _with(command: Any, *options: Any) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


@post.command("open")
@click.option("--title", required=True, help="The title that readers see.")
@click.option("--status", type=POST_STATUS, help="Default: investigating, or scheduled for maintenance.")
@opening
@statement
@answers
@about_page
def open_(settings: Settings, page_id: int, title: str, status: str | None, **options: Any) -> Answer:
    """Open an incident or announce maintenance.

    Example: candor post open --title "Checkout is slow" --body "We are investigating."
    """
    return say_first(settings, page_id, title, status, options)


def say_first(settings: Settings, page_id: int, title: str, status: str | None, options: dict[str, Any]) -> Answer:
    """Open a post from the options of `opening` and `statement`.  Raises the errors of `open_post`."""
    kind = PostKind(options["kind"] or PostKind.INCIDENT)
    default = PostStatus.SCHEDULED if kind is PostKind.MAINTENANCE else PostStatus.INVESTIGATING
    body = text_from(options["body"], options["body_stdin"])
    links = tuple(RecordLinkDraft(*_pair(one, "--record", "KEY=URL")) for one in options["records"])
    texts = texts_from(options["texts_file"], POST_TEXTS) or {}
    given = from_options(
        TypedPost,
        {
            **_statement(options, body),
            "kind": kind,
            "title": title,
            "status": status or default,
            "scheduled_for": options["scheduled_for"],
            "scheduled_until": options["scheduled_until"],
            "by_clock": options["by_clock"],
            "severity": options["severity"],
            "incident": options["incident"] or "",
        },
        OPTION_NAMES,
    )
    asked = _fingerprint(options, body, texts, title=title, status=status)
    content = given.content(_language(page_id), links)
    others = {language: (words["title"], words["body"]) for language, words in texts.items()}
    return _say(settings, page_id, _with_texts(content, others, _language(page_id)), options, asked)


@post.command("update")
@click.argument("public_id")
@click.option("--status", type=POST_STATUS, help="Default: unchanged.")
@statement
@answers
@about_page
def update(settings: Settings, page_id: int, public_id: str, status: str | None, **options: Any) -> Answer:
    """Publish an update to a post.

    Example: candor post update n8qk3vw5t2yd --status identified --body "We found the cause."
    """
    return say_more(settings, page_id, public_id, status, options)


def say_more(settings: Settings, page_id: int, public_id: str, status: str | None, options: dict[str, Any]) -> Answer:
    """Publish an update from the options of `statement`.  Raises NotFound and the errors of `publish_update`."""
    row = _post(page_id, public_id)
    body = text_from(options["body"], options["body_stdin"])
    sent = {**_statement(options, body), "kind": row.kind, "status": status or row.status, "version": row.version}
    given = from_options(TypedUpdate, sent, OPTION_NAMES)
    texts = texts_from(options["texts_file"], BODY_TEXTS) or {}
    content = given.content(_language(page_id), public_id)
    others = {language: ("", words["body"]) for language, words in texts.items()}
    asked = _fingerprint(options, body, texts, status=status)
    return _say(settings, page_id, _with_texts(content, others, _language(page_id)), options, asked)


@post.command("resolve")
@click.argument("public_id")
@statement
@answers
@about_page
def resolve(settings: Settings, page_id: int, public_id: str, **options: Any) -> Answer:
    """Resolve an incident or complete maintenance."""
    kind = _post(page_id, public_id).kind
    return say_more(settings, page_id, public_id, "completed" if kind == PostKind.MAINTENANCE else "resolved", options)


@post.command("pin")
@click.argument("public_id")
@click.option("--off", is_flag=True, help="Unpin the post.")
@answers
@about_page
def pin(settings: Settings, page_id: int, public_id: str, off: bool) -> Answer:
    """Pin a post to the top of the page, even after it ends. Subscribers aren't notified."""
    pin_post(settings, COMMAND_LINE, page_id, _post(page_id, public_id).public_id, pinned=not off)
    return Answer("Unpinned." if off else "Pinned.", {"id": public_id, "pinned": not off})


@post.command("by-clock")
@click.argument("public_id")
@click.option("--off", is_flag=True, help="Start and end it manually instead.")
@answers
@about_page
def go_by_clock(settings: Settings, page_id: int, public_id: str, off: bool) -> Answer:
    """Start and end maintenance automatically at its planned times."""
    set_auto(settings, COMMAND_LINE, page_id, _post(page_id, public_id).public_id, not off)
    said = "Start and end it manually." if off else "It starts and ends automatically."
    return Answer(said, {"id": public_id, "by_clock": not off})


COMPONENT_CHANGES = click.Choice(["revert", "keep"])


@post.command("withdraw")
@click.argument("public_id")
@click.option("--update", "update_id", help="Withdraw this update only, not the whole post.")
@click.option(
    "--components",
    type=COMPONENT_CHANGES,
    required=True,
    help="Revert its component changes (also in the uptime history) or keep them.",
)
@answers
@about_page
def withdraw(settings: Settings, page_id: int, public_id: str, update_id: str | None, components: str) -> Answer:
    """Withdraw a post or one of its updates. Subscribers who got it are notified."""
    row, revert = _post(page_id, public_id), components == "revert"
    if update_id is None:
        taking_back.withdraw_post(settings, COMMAND_LINE, page_id, public_id, revert_components=revert)
    else:
        _check_update(row, update_id)
        taking_back.withdraw_update(settings, COMMAND_LINE, page_id, update_id, revert_components=revert)
    return Answer("Withdrawn.", {"post": public_id, "update": update_id})


@post.command("redact")
@click.argument("public_id")
@click.option("--update", "update_id", help="Remove the whole text of this update.")
@click.option("--text-stdin", is_flag=True, help="Remove the text on standard input everywhere in the post.")
@answers
@about_page
def redact(settings: Settings, page_id: int, public_id: str, update_id: str | None, text_stdin: bool) -> Answer:
    """Remove text permanently from everything public.

    That includes pages, feeds, API, calendar and their copies on disk.
    """
    row = _post(page_id, public_id)
    if (update_id is None) == (not text_stdin):
        raise Invalid("Choose one: --update ID for a whole update, or --text-stdin for a text.")
    if update_id is not None:
        _check_update(row, update_id)
        taking_back.redact_update(settings, COMMAND_LINE, page_id, update_id)
        return Answer("Redacted.", {"post": public_id, "update": update_id})
    text = text_from(None, stdin=True).removesuffix("\n")
    places = taking_back.redact_text(settings, COMMAND_LINE, page_id, public_id, text)
    return Answer(f"Redacted in {places} places.", {"post": public_id, "places": places})


@post.command("correct")
@click.argument("public_id")
@click.option("--update", "update_id", required=True, help="The update to correct.")
@click.option("--body", help="The new text, in Markdown.")
@click.option("--body-stdin", is_flag=True, help="Read the new text from standard input.")
@click.option("--status", type=POST_STATUS, help="The new status.")
@click.option("--publish-anyway", is_flag=True, help="Publish although the text may contain internal names.")
@texts_option
@answers
@about_page
def correct(
    settings: Settings,
    page_id: int,
    public_id: str,
    update_id: str,
    body: str | None,
    body_stdin: bool,
    status: str | None,
    publish_anyway: bool,
    texts_file: TextIO | None,
) -> Answer:
    """Correct an update. Readers can see the former text. Subscribers aren't notified."""
    _check_update(_post(page_id, public_id), update_id)
    texts = texts_from(texts_file, BODY_TEXTS) or {}
    if body is None and not body_stdin and status is None and not texts:
        raise Invalid("Choose what to correct: --body, --body-stdin, --texts or --status.")
    correct_update(
        settings,
        COMMAND_LINE,
        page_id,
        update_id,
        text_from(body, body_stdin) if body is not None or body_stdin else None,
        None,
        status=PostStatus(status) if status else None,
        bodies={language: words["body"] for language, words in texts.items()},
        acknowledged=publish_anyway,
    )
    return Answer("Corrected.", {"post": public_id, "update": update_id})


def _check_update(row: Post, update_id: str) -> None:
    """Raise NotFound if the update belongs to another post."""
    if session().scalar(select(Update.id).where(Update.post_id == row.id, Update.public_id == update_id)) is None:
        raise NotFound(f"The post {row.public_id} has no update {update_id}. See candor post show {row.public_id}.")


@post.command("list")
@click.option("--all", "everything", is_flag=True, help="Include closed posts.")
@answers
@about_page
def list_posts(_settings: Settings, page_id: int, everything: bool) -> Answer:
    """List open posts, newest first."""
    statement = select(Post).where(Post.page_id == page_id).order_by(Post.started_at.desc())
    rows = session().scalars(statement if everything else statement.where(Post.closed_at.is_(None))).all()
    found = [_facts(row) for row in rows]
    lines = [f"{row.public_id}  {row.status:<14} {row.impact:<12} {row.title}" for row in rows]
    return Answer("\n".join(lines) or "No open posts.", {"posts": found})


@post.command("show")
@click.argument("public_id")
@answers
@about_page
def show(_settings: Settings, page_id: int, public_id: str) -> Answer:
    """Show a post with its updates, newest first."""
    row = _post(page_id, public_id)
    said = session().scalars(select(Update).where(Update.post_id == row.id).order_by(Update.sequence.desc())).all()
    lines = [f"{row.title} ({row.status}, {row.impact})"]
    lines += [f"\n{one.display_at:%Y-%m-%d %H:%M} UTC {one.status}\n{one.body}" for one in said]
    updates = [{"id": u.public_id, "status": u.status, "body": u.body, "at": u.display_at} for u in said]
    return Answer("\n".join(lines), {**_facts(row), "updates": updates})


def _statement(options: dict[str, Any], body: str) -> dict[str, Any]:
    """What all updates have, by the input's field names."""
    return {
        "body": body,
        "impact": options["impact"],
        "components": dict(_pair(one, "--component", "ID=STATUS") for one in options["effects"]),
        "promise": str(options["next_update_in"] or ""),
        "notify": not options["no_notify"],
        "acknowledged": options["publish_anyway"],
    }


def _language(page_id: int) -> str:
    """The page's own language, which its texts are written in."""
    return session().scalars(select(Page.locale).where(Page.id == page_id)).one()


def _say(settings: Settings, page_id: int, content: DraftContent, options: dict[str, Any], asked: str) -> Answer:
    """Publish it now, or later with `--publish-at`."""
    if options["publish_at"]:
        return _scheduled(settings, page_id, content, options)
    made = drafts.publish_form(
        settings,
        COMMAND_LINE,
        page_id,
        content,
        key=options["key"] or f"cli-{secrets.token_hex(12)}",
        fingerprint=asked,
    )
    if isinstance(made, Waiting):
        return Answer(
            f"It will be published at {made.publish_at.isoformat()} as draft {made.draft_id}."
            f" To undo it before then, run candor draft unschedule {made.draft_id}.",
            {"draft": made.draft_id, "publish_at": made.publish_at.isoformat(), "repeated": made.repeated},
        )
    return _published(page_id, made)


def _scheduled(settings: Settings, page_id: int, content: DraftContent, options: dict[str, Any]) -> Answer:
    asked = {"publish_at": options["publish_at"]}
    at = from_options(DraftSchedule, asked, {"publish_at": "--publish-at"}).publish_at
    saved = drafts.save_draft(settings, COMMAND_LINE, page_id, content)
    try:
        drafts.schedule_draft(settings, COMMAND_LINE, page_id, saved.public_id, at)
    except CandorError:
        drafts.discard_draft(settings, COMMAND_LINE, page_id, saved.public_id)
        raise
    return Answer(
        f"Scheduled for {at.isoformat()} as draft {saved.public_id}.",
        {"draft": saved.public_id, "publish_at": at.isoformat()},
    )


def _with_texts(content: DraftContent, others: Mapping[str, tuple[str, str]], own: str) -> DraftContent:
    """The content with its texts in other languages.  Raises Invalid when one is in the page's own."""
    refuse_own(others, own)
    return replace(content, texts={**others, **content.texts})


def _fingerprint(options: dict[str, Any], body: str, texts: Words, **named: str | None) -> str:
    """A fingerprint of the request; `named` holds what it contains besides its `options`."""
    unasked = {"key", "publish_anyway", "body_stdin", "texts_file"}
    asked = {name: value for name, value in options.items() if value and name not in unasked}
    return fingerprint({**asked, **named, "body": body, **({"texts": texts} if texts else {})})


def _pair(raw: str, option: str, form: str) -> tuple[str, str]:
    key, separator, value = raw.partition("=")
    if not (key and separator and value):
        raise Invalid(f"{option} {raw} isn't valid. Use the form {form}.")
    return key, value


def _post(page_id: int, public_id: str) -> Post:
    row = session().scalar(select(Post).where(Post.page_id == page_id, Post.public_id == public_id))
    if row is None:
        raise NotFound(f"Post {public_id} not found. To list posts, run candor post list --all.")
    return row


def _facts(row: Post) -> dict[str, Any]:
    return {
        "id": row.public_id, "title": row.title, "kind": row.kind, "status": row.status, "impact": row.impact,
        "next_update_by": row.next_update_by,
    }  # fmt: skip


def _published(page_id: int, made: Published) -> Answer:
    url = permalink(session().get_one(Page, page_id).url, made.post_id)
    word = "Already published" if made.repeated else "Published"
    return Answer(
        f"{word}: {url}",
        {"post": made.post_id, "update": made.update_id, "repeated": made.repeated, "url": url},
    )


COMMANDS = (component, post)
