"""Components and posts: what the console does, from a shell."""

import secrets
from typing import Any

import click
from sqlalchemy import select

from app.actions.components import components
from app.actions.components.groups import create_group
from app.actions.posts import drafts, taking_back
from app.actions.posts.correcting import correct_update
from app.actions.posts.editing import pin_post, set_auto
from app.actions.posts.fingerprints import fingerprint
from app.actions.posts.publishing import open_post, publish_update
from app.cli.shared import Answer, about_page, answers, text_from
from app.db import session
from app.errors import CandorError, Invalid, NotFound
from app.inputs.base import from_options
from app.inputs.drafts import DraftSchedule
from app.inputs.posts import TypedPost, TypedUpdate
from app.models.component import Component, ComponentGroup
from app.models.page import Page
from app.models.post import Post, Update
from app.publish.links import permalink
from app.settings import Settings
from app.shapes import COMMAND_LINE, DraftContent, PostDraft, Published, RecordLinkDraft, UpdateDraft
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
    """What the page reports on."""


@component.command("add")
@click.argument("name")
@click.option("--group", default="", help="The group's name; made when it is not there.")
@click.option("--status", type=STATUSES, default=ComponentStatus.OPERATIONAL.value)
@click.option("--description", default="")
@answers
@about_page
def add_component(settings: Settings, page_id: int, name: str, group: str, status: str, description: str) -> Answer:
    """Add a component."""
    group_id = _group(settings, page_id, group) if group else None
    public_id = components.create_component(
        settings, COMMAND_LINE, page_id,
        name=name, description=description, group_public_id=group_id, status=status,
    )  # fmt: skip
    return Answer(f"{name} is on the page, as {public_id}.", {"id": public_id, "name": name})


@component.command("list")
@answers
@about_page
def list_components(_settings: Settings, page_id: int) -> Answer:
    """The page's components."""
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
    """Set a component's status."""
    components.set_component_status(settings, COMMAND_LINE, page_id, public_id, ComponentStatus(status))
    return Answer(f"{public_id} is {status}.", {"id": public_id, "status": status})


def _group(settings: Settings, page_id: int, name: str) -> str:
    found = session().scalar(
        select(ComponentGroup.public_id).where(ComponentGroup.page_id == page_id, ComponentGroup.name == name)
    )
    return found or create_group(settings, COMMAND_LINE, page_id, name=name)


@click.group()
def post() -> None:
    """What the public is told."""


def statement(command: Any) -> Any:
    """The options of every statement."""
    return _with(
        command,
        click.option("--body", help="The text, in Markdown."),
        click.option("--body-stdin", is_flag=True, help="Read the text from standard input."),
        click.option("--component", "effects", multiple=True, metavar="ID=STATUS", help="What happens to a component."),
        click.option(
            "--impact", type=click.Choice([impact.value for impact in Impact]), help="Computed when left out."
        ),
        click.option("--next-update-in", type=click.IntRange(1, 43_200), metavar="MINUTES", help="The promise."),
        click.option("--no-notify", is_flag=True, help="Tell the page, not the subscribers."),
        click.option("--publish-anyway", is_flag=True, help="The text was checked for internal words."),
        click.option("--publish-at", metavar="TIME", help="Schedule it instead, such as for 2026-12-01T22:00+01:00."),
        click.option(
            "--key", help="An idempotency key: the same again publishes nothing new; other content is refused."
        ),
    )


def opening(command: Any) -> Any:
    """The options that only a new post has."""
    return _with(
        command,
        click.option("--kind", type=KINDS, help="An incident when left out."),
        click.option("--from", "scheduled_for", help="A maintenance's start, ISO 8601 with its zone."),
        click.option("--until", "scheduled_until", help="A maintenance's end, ISO 8601 with its zone."),
        click.option("--by-clock", is_flag=True, help="A maintenance begins and ends at its times by itself."),
        click.option("--severity", type=SEVERITIES, help="Opens an internal incident."),
        click.option("--record", "records", multiple=True, metavar="KEY=URL", help="Where the internal record lives."),
    )


def _with(command: Any, *options: Any) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


@post.command("open")
@click.option("--title", required=True)
@click.option("--status", type=POST_STATUS, help="The first of its kind when left out.")
@opening
@statement
@answers
@about_page
def open_(settings: Settings, page_id: int, title: str, status: str | None, **options: Any) -> Answer:
    """Open a post."""
    return say_first(settings, page_id, title, status, options)


def say_first(settings: Settings, page_id: int, title: str, status: str | None, options: dict[str, Any]) -> Answer:
    """Open a post from the options of `opening` and `statement`.  Raises what `open_post` does."""
    kind = PostKind(options["kind"] or PostKind.INCIDENT)
    default = PostStatus.SCHEDULED if kind is PostKind.MAINTENANCE else PostStatus.INVESTIGATING
    body = text_from(options["body"], options["body_stdin"])
    links = tuple(RecordLinkDraft(*_pair(one, "--record", "KEY=URL")) for one in options["records"])
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
        },
        OPTION_NAMES,
    )
    draft = given.draft(links, key=_key(options), fingerprint=_fingerprint(options, body, title=title, status=status))
    if options["publish_at"]:
        return _scheduled(settings, page_id, _content(page_id, draft, options, title=draft.title), options)
    return _published(page_id, open_post(settings, COMMAND_LINE, page_id, draft))


@post.command("update")
@click.argument("public_id")
@click.option("--status", type=POST_STATUS, help="As before when left out.")
@statement
@answers
@about_page
def update(settings: Settings, page_id: int, public_id: str, status: str | None, **options: Any) -> Answer:
    """Publish one more update of a post."""
    return say_more(settings, page_id, public_id, status, options)


def say_more(settings: Settings, page_id: int, public_id: str, status: str | None, options: dict[str, Any]) -> Answer:
    """Publish an update from the options of `statement`.  Raises NotFound, and what `publish_update` does."""
    row = _post(page_id, public_id)
    body = text_from(options["body"], options["body_stdin"])
    sent = {**_statement(options, body), "kind": row.kind, "status": status or row.status, "version": row.version}
    given = from_options(TypedUpdate, sent, OPTION_NAMES)
    draft = given.draft(key=_key(options), fingerprint=_fingerprint(options, body, status=status))
    if options["publish_at"]:
        content = _content(page_id, draft, options, kind=row.kind, post_id=public_id, base_version=row.version)
        return _scheduled(settings, page_id, content, options)
    return _published(page_id, publish_update(settings, COMMAND_LINE, page_id, public_id, draft))


@post.command("resolve")
@click.argument("public_id")
@statement
@answers
@about_page
def resolve(settings: Settings, page_id: int, public_id: str, **options: Any) -> Answer:
    """Resolve an incident, or complete a maintenance."""
    kind = _post(page_id, public_id).kind
    return say_more(settings, page_id, public_id, "completed" if kind == PostKind.MAINTENANCE else "resolved", options)


@post.command("pin")
@click.argument("public_id")
@click.option("--off", is_flag=True, help="Stop keeping it there.")
@answers
@about_page
def pin(settings: Settings, page_id: int, public_id: str, off: bool) -> Answer:
    """Keep a post on top of the page after it is over.  It notifies nobody."""
    pin_post(settings, COMMAND_LINE, page_id, _post(page_id, public_id).public_id, pinned=not off)
    return Answer("It is no longer pinned." if off else "It is pinned.", {"id": public_id, "pinned": not off})


@post.command("by-clock")
@click.argument("public_id")
@click.option("--off", is_flag=True, help="It begins and ends by hand.")
@answers
@about_page
def go_by_clock(settings: Settings, page_id: int, public_id: str, off: bool) -> Answer:
    """Have a maintenance begin and end by itself at its planned times."""
    set_auto(settings, COMMAND_LINE, page_id, _post(page_id, public_id).public_id, not off)
    said = "It begins and ends by hand." if off else "It begins and ends by the clock."
    return Answer(said, {"id": public_id, "by_clock": not off})


COMPONENT_CHANGES = click.Choice(["revert", "keep"])


@post.command("withdraw")
@click.argument("public_id")
@click.option("--update", "update_id", help="Withdraw this update only, not the whole post.")
@click.option(
    "--components",
    type=COMPONENT_CHANGES,
    required=True,
    help="Undo its component changes, in the uptime history too, or keep them.",
)
@answers
@about_page
def withdraw(settings: Settings, page_id: int, public_id: str, update_id: str | None, components: str) -> Answer:
    """Take back a post, or one of its updates. Subscribers who got it get the withdrawal."""
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
@click.option("--text-stdin", is_flag=True, help="Remove the text on standard input wherever the post contains it.")
@answers
@about_page
def redact(settings: Settings, page_id: int, public_id: str, update_id: str | None, text_stdin: bool) -> Answer:
    """Remove a text for good from everything public: pages, feeds, API, calendar and their copies on disk."""
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
@click.option("--publish-anyway", is_flag=True, help="The text was checked for internal names.")
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
) -> Answer:
    """Correct an update visibly: readers can see what it said before. Nobody is notified."""
    _check_update(_post(page_id, public_id), update_id)
    if body is None and not body_stdin and status is None:
        raise Invalid("Say what to correct: --body, --body-stdin or --status.")
    correct_update(
        settings,
        COMMAND_LINE,
        page_id,
        update_id,
        text_from(body, body_stdin) if body is not None or body_stdin else None,
        None,
        status=PostStatus(status) if status else None,
        acknowledged=publish_anyway,
    )
    return Answer("Corrected.", {"post": public_id, "update": update_id})


def _check_update(row: Post, update_id: str) -> None:
    """Raises NotFound when an update is not this post's."""
    if session().scalar(select(Update.id).where(Update.post_id == row.id, Update.public_id == update_id)) is None:
        raise NotFound(f"The post {row.public_id} has no update {update_id}. See candor post show {row.public_id}.")


@post.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@answers
@about_page
def list_posts(_settings: Settings, page_id: int, everything: bool) -> Answer:
    """The open posts, newest first."""
    statement = select(Post).where(Post.page_id == page_id).order_by(Post.started_at.desc())
    rows = session().scalars(statement if everything else statement.where(Post.closed_at.is_(None))).all()
    found = [_facts(row) for row in rows]
    lines = [f"{row.public_id}  {row.status:<14} {row.impact:<12} {row.title}" for row in rows]
    return Answer("\n".join(lines) or "Nothing is open.", {"posts": found})


@post.command("show")
@click.argument("public_id")
@answers
@about_page
def show(_settings: Settings, page_id: int, public_id: str) -> Answer:
    """A post and what was said in it."""
    row = _post(page_id, public_id)
    said = session().scalars(select(Update).where(Update.post_id == row.id).order_by(Update.sequence.desc())).all()
    lines = [f"{row.title} ({row.status}, {row.impact})"]
    lines += [f"\n{one.display_at:%Y-%m-%d %H:%M} UTC {one.status}\n{one.body}" for one in said]
    updates = [{"id": u.public_id, "status": u.status, "body": u.body, "at": u.display_at} for u in said]
    return Answer("\n".join(lines), {**_facts(row), "updates": updates})


def _statement(options: dict[str, Any], body: str) -> dict[str, Any]:
    """What every statement has, by the names of the input."""
    return {
        "body": body,
        "impact": options["impact"],
        "components": dict(_pair(one, "--component", "ID=STATUS") for one in options["effects"]),
        "promise": str(options["next_update_in"] or ""),
        "notify": not options["no_notify"],
        "acknowledged": options["publish_anyway"],
    }


def _content(
    page_id: int,
    draft: PostDraft | UpdateDraft,
    options: dict[str, Any],
    *,
    kind: PostKind | None = None,
    title: str = "",
    post_id: str = "",
    base_version: int | None = None,
) -> DraftContent:
    """The same as a draft to be published later: a promise in minutes counts from then."""
    planned = draft if isinstance(draft, PostDraft) else None
    minutes = options["next_update_in"]
    return DraftContent(
        kind=planned.kind if planned else kind or PostKind.INCIDENT,
        status=draft.status,
        texts={session().scalars(select(Page.locale).where(Page.id == page_id)).one(): (title, draft.body)},
        post_id=post_id,
        base_version=base_version,
        impact=draft.impact,
        effects=draft.effects,
        promise_minutes=minutes,
        next_update_by=None if minutes else draft.next_update_by,
        notify=draft.notify,
        scheduled_for=planned.scheduled_for if planned else None,
        scheduled_until=planned.scheduled_until if planned else None,
        auto_start=planned.auto_start if planned else False,
        auto_end=planned.auto_end if planned else False,
        severity=planned.severity if planned else None,
        record_links=planned.record_links if planned else (),
        acknowledged=draft.acknowledged,
    )


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


def _key(options: dict[str, Any]) -> str:
    return options["key"] or f"cli-{secrets.token_hex(12)}"


def _fingerprint(options: dict[str, Any], body: str, **named: str | None) -> str:
    """What is asked for; `named` is what a statement is asked for besides its `options`."""
    unasked = {"key", "publish_anyway", "body_stdin"}
    asked = {name: value for name, value in options.items() if value and name not in unasked}
    return fingerprint({**asked, **named, "body": body})


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
    word = "was published before" if made.repeated else "is published"
    return Answer(
        f"It {word}: {url}",
        {"post": made.post_id, "update": made.update_id, "repeated": made.repeated, "url": url},
    )


COMMANDS = (component, post)
