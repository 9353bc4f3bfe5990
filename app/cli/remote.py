"""`candor remote`: posts, maintenance and components of another installation, through its API with a token."""

import secrets
from typing import Any

import click

from app.cli import remote_subscribers, remote_whole
from app.cli.content import POST_STATUS, STATUSES
from app.cli.remote_client import Remote
from app.cli.remote_group import asks, checked_id, elsewhere, listed, single
from app.cli.shared import Answer, text_from
from app.errors import Invalid

KEY_LIMIT = 100
__all__ = ["COMMANDS", "remote_subscribers", "remote_whole"]


@elsewhere.command("posts")
@click.option("--open", "only_open", is_flag=True, help="Only open posts.")
@asks
def list_posts(other: Remote, page: str, only_open: bool) -> Answer:
    """List the newest posts."""
    names = ("incidents/unresolved", "incidents/scheduled") if only_open else ("incidents",)
    found = [one for name in names for one in listed(other, f"{page}/{name}")]
    lines = [f"{one['id']}  {one['status']:<13} {one['name']}" for one in found]
    return Answer("\n".join(lines) or "No posts.", {"posts": found})


@elsewhere.command("post")
@click.argument("public_id", metavar="ID")
@asks
def show_post(other: Remote, page: str, public_id: str) -> Answer:
    """Show a post with its updates."""
    found = single(other, "GET", f"{page}/incidents/{checked_id(public_id)}")
    said = [f"{one['display_at']}  {one['status']}\n{one['body']}\n" for one in found["incident_updates"]]
    return Answer("\n".join([f"{found['name']} ({found['status']})\n", *said]), {"post": found})


def statement(command: Any) -> Any:
    """The options that all updates share."""
    for option in (
        click.option("--key", default="", help="Idempotency key: repeating with the same key publishes once."),
        click.option("--publish-anyway", is_flag=True, help="Publish although the text may contain internal names."),
        click.option("--no-notify", is_flag=True, help="Update the page without notifying subscribers."),
        click.option("--component", "effects", multiple=True, metavar="ID=STATUS", help="Set a component's status."),
        click.option("--body-stdin", is_flag=True, help="Read the text from standard input."),
        click.option("--body", help="The text, in Markdown."),
    ):
        command = option(command)
    return command


@elsewhere.command("open")
@click.option("--title", required=True, help="The title that readers see.")
@click.option("--status", type=POST_STATUS, help="Default: investigating, or scheduled for maintenance.")
@click.option("--from", "scheduled_for", help="Start of maintenance, such as 2026-12-01T22:00+01:00.")
@click.option("--until", "scheduled_until", help="End of maintenance, in the same format.")
@click.option("--by-clock", is_flag=True, help="Start and end maintenance automatically.")
@statement
@asks
def open_post(
    other: Remote, page: str, *, title: str, status: str | None, scheduled_for: str | None,
    scheduled_until: str | None, by_clock: bool, **options: Any,
) -> Answer:  # fmt: skip
    """Open an incident or announce maintenance.

    For maintenance, add --from and --until.
    """
    facts = _window(title, scheduled_for, scheduled_until, by_clock)
    return _say(other, "POST", f"{page}/incidents", status, options, facts)


@elsewhere.command("update")
@click.argument("public_id", metavar="ID")
@click.option("--status", type=POST_STATUS, help="Default: unchanged.")
@statement
@asks
def update_post(other: Remote, page: str, public_id: str, status: str | None, **options: Any) -> Answer:
    """Publish an update to a post."""
    return _say(other, "PATCH", f"{page}/incidents/{checked_id(public_id)}", status, options, {})


@elsewhere.command("resolve")
@click.argument("public_id", metavar="ID")
@statement
@asks
def resolve_post(other: Remote, page: str, public_id: str, **options: Any) -> Answer:
    """Resolve an incident or complete maintenance."""
    path = f"{page}/incidents/{checked_id(public_id)}"
    over = "completed" if single(other, "GET", path).get("scheduled_for") else "resolved"
    return _say(other, "PATCH", path, over, options, {})


def _say(
    other: Remote, method: str, path: str, status: str | None, options: dict[str, Any], facts: dict[str, Any]
) -> Answer:
    body = text_from(options["body"], options["body_stdin"])
    given = {
        **facts, "status": status, "body": body or None, "components": _effects(options["effects"]),
        "deliver_notifications": not options["no_notify"], "acknowledged": options["publish_anyway"],
    }  # fmt: skip
    key = options["key"] or secrets.token_hex(16)
    if not (len(key) <= KEY_LIMIT and key.isascii() and key.isprintable()):
        raise Invalid(f"--key must be 1 to {KEY_LIMIT} printable ASCII characters.")
    made = single(other, method, path, {"incident": {k: v for k, v in given.items() if v is not None}}, key)
    return Answer(f"Published: {made['id']}, {made['status']}. {made['shortlink']}", {"post": made})


def _effects(pairs: tuple[str, ...]) -> dict[str, str] | None:
    found = dict(pair.partition("=")[::2] for pair in pairs)
    if any(not name or not status for name, status in found.items()):
        raise Invalid("--component must have the form ID=STATUS.")
    return found or None


@elsewhere.command("components")
@asks
def list_components(other: Remote, page: str) -> Answer:
    """List the page's components."""
    found = listed(other, f"{page}/components")
    lines = [f"{one['id']}  {one['status']:<20} {one['name']}" for one in found]
    return Answer("\n".join(lines) or "No components.", {"components": found})


@elsewhere.command("component")
@click.argument("public_id", metavar="ID")
@click.argument("status", type=STATUSES)
@asks
def set_component(other: Remote, page: str, public_id: str, status: str) -> Answer:
    """Set a component's status. Subscribers aren't notified."""
    made = single(other, "PATCH", f"{page}/components/{checked_id(public_id)}", {"component": {"status": status}})
    return Answer(f"{made['name']} is now {made['status']}.", {"component": made})


@elsewhere.command("add-component")
@click.argument("name")
@click.option("--status", type=STATUSES, help="Default: operational.")
@click.option("--description", default="", help="One line that readers see below the name.")
@asks
def add_component(other: Remote, page: str, name: str, status: str | None, description: str) -> Answer:
    """Add a component."""
    facts = {"name": name, "description": description, **({"status": status} if status else {})}
    made = single(other, "POST", f"{page}/components", {"component": facts})
    return Answer(f"Component {made['name']} added: {made['id']}.", {"component": made})


@elsewhere.group("maintenance")
def maintenance() -> None:
    """Schedule and run maintenance."""


@maintenance.command("list")
@asks
def list_maintenance(other: Remote, page: str) -> Answer:
    """List scheduled and current maintenance."""
    found = listed(other, f"{page}/incidents/scheduled")
    lines = [
        f"{one['id']}  {one['status']:<11} {one['scheduled_for']} to {one['scheduled_until']}  {one['name']}"
        for one in found
    ]
    return Answer("\n".join(lines) or "No maintenance.", {"maintenance": found})


@maintenance.command("schedule")
@click.option("--title", required=True, help="The title that readers see.")
@click.option("--from", "scheduled_for", required=True, help="Start, such as 2026-12-01T22:00+01:00.")
@click.option("--until", "scheduled_until", required=True, help="End, in the same format.")
@click.option("--by-clock", is_flag=True, help="Start and end automatically.")
@statement
@asks
def schedule(
    other: Remote, page: str, *, title: str, scheduled_for: str, scheduled_until: str, by_clock: bool, **options: Any
) -> Answer:
    """Schedule maintenance and announce it."""
    facts = _window(title, scheduled_for, scheduled_until, by_clock)
    return _say(other, "POST", f"{page}/incidents", "scheduled", options, facts)


@maintenance.command("start")
@click.argument("public_id", metavar="ID")
@statement
@asks
def start(other: Remote, page: str, public_id: str, **options: Any) -> Answer:
    """Start maintenance."""
    return _say(other, "PATCH", f"{page}/incidents/{checked_id(public_id)}", "in_progress", options, {})


@maintenance.command("complete")
@click.argument("public_id", metavar="ID")
@statement
@asks
def complete(other: Remote, page: str, public_id: str, **options: Any) -> Answer:
    """Complete maintenance."""
    return _say(other, "PATCH", f"{page}/incidents/{checked_id(public_id)}", "completed", options, {})


@maintenance.command("cancel")
@click.argument("public_id", metavar="ID")
@statement
@asks
def cancel(other: Remote, page: str, public_id: str, **options: Any) -> Answer:
    """Cancel maintenance and notify its subscribers."""
    return _say(other, "PATCH", f"{page}/incidents/{checked_id(public_id)}", "cancelled", options, {})


def _window(title: str, scheduled_for: str | None, scheduled_until: str | None, by_clock: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": title, "scheduled_for": scheduled_for, "scheduled_until": scheduled_until}
    if scheduled_for:
        facts |= {"scheduled_auto_in_progress": by_clock, "scheduled_auto_completed": by_clock}
    return facts


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a shell completion script for Candor's commands.

    Add it to your shell's startup file, such as: candor completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "the choices are click's"
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "candor", "_CANDOR_COMPLETE").source())


COMMANDS = (elsewhere, completion)
