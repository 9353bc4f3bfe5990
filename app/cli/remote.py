"""`candor remote`: posts, components and subscribers of another installation, by its API and a token."""

import re
import secrets
from collections.abc import Callable
from typing import Any

import click

from app.cli.content import POST_STATUS, STATUSES
from app.cli.remote_client import Remote, remote
from app.cli.shared import Answer, spoken, text_from
from app.errors import Invalid, NotFound, Unavailable

KEY_LIMIT = 100


@click.group("remote")
def elsewhere() -> None:
    """Another Candor, by its API.

    CANDOR_REMOTE_URL says where it is, CANDOR_REMOTE_TOKEN (or a file, CANDOR_REMOTE_TOKEN_FILE) proves who asks.
    """


def asks(function: Callable[..., Answer]) -> Callable[..., None]:
    """Make a command of a function that takes the other Candor and its page's path first."""

    def asked(*args: Any, url: str, page: str, **options: Any) -> Answer:
        other = remote(url)
        return function(other, f"/pages/{page or _only_page(other)}", *args, **options)

    asked.__doc__, asked.__name__ = function.__doc__, function.__name__
    vars(asked)["__click_params__"] = getattr(function, "__click_params__", [])
    command = spoken(asked)
    command = click.option("--page", default="", help="The page's id, where there are several.")(command)
    return click.option("--url", default="", help="Where it is; CANDOR_REMOTE_URL when left out.")(command)


def _only_page(other: Remote) -> str:
    pages = _list(other, "/pages")
    if not pages:
        raise NotFound("There is no page there yet.")
    if len(pages) != 1:
        raise Invalid("There are several pages. Name one with --page: " + ", ".join(one["id"] for one in pages))
    return str(pages[0]["id"])


def _list(other: Remote, path: str, **query: str) -> list[dict[str, Any]]:
    """A list of things that have an id.  Raises Unavailable when the other side answers with anything else."""
    found = other.ask("GET", path, **query)
    if not isinstance(found, list) or not all(isinstance(one, dict) and "id" in one for one in found):
        raise Unavailable(f"{other.root} does not answer as Candor does.")
    return found


def _one(other: Remote, method: str, path: str, *rest: Any) -> dict[str, Any]:
    """One thing that has an id.  Raises Unavailable as `_list` does."""
    found = other.ask(method, path, *rest)
    if not isinstance(found, dict) or "id" not in found:
        raise Unavailable(f"{other.root} does not answer as Candor does.")
    return found


def _id(raw: str) -> str:
    """An id as it is typed, which is no other part of an address.  Raises Invalid."""
    if not re.fullmatch(r"[a-z0-9]{10,32}", raw):
        raise Invalid(f"{raw[:40]!r} is no id. candor remote posts and components show them.")
    return raw


@elsewhere.command("posts")
@click.option("--open", "only_open", is_flag=True, help="Those that are not over.")
@asks
def list_posts(other: Remote, page: str, only_open: bool) -> Answer:
    """The newest posts."""
    names = ("incidents/unresolved", "incidents/scheduled") if only_open else ("incidents",)
    found = [one for name in names for one in _list(other, f"{page}/{name}")]
    lines = [f"{one['id']}  {one['status']:<13} {one['name']}" for one in found]
    return Answer("\n".join(lines) or "None.", {"posts": found})


@elsewhere.command("post")
@click.argument("public_id", metavar="ID")
@asks
def show_post(other: Remote, page: str, public_id: str) -> Answer:
    """One post with all that was said."""
    found = _one(other, "GET", f"{page}/incidents/{_id(public_id)}")
    said = [f"{one['display_at']}  {one['status']}\n{one['body']}\n" for one in found["incident_updates"]]
    return Answer("\n".join([f"{found['name']} ({found['status']})\n", *said]), {"post": found})


def statement(command: Any) -> Any:
    """The options of every statement."""
    for option in (
        click.option("--key", default="", help="An idempotency key: the same again publishes nothing new."),
        click.option("--publish-anyway", is_flag=True, help="The text was checked for internal words."),
        click.option("--no-notify", is_flag=True, help="Tell the page, not the subscribers."),
        click.option("--component", "effects", multiple=True, metavar="ID=STATUS", help="What happens to a component."),
        click.option("--body-stdin", is_flag=True, help="Read the text from standard input."),
        click.option("--body", help="The text, in Markdown."),
    ):
        command = option(command)
    return command


@elsewhere.command("open")
@click.option("--title", required=True)
@click.option("--status", type=POST_STATUS, help="The first of its kind when left out.")
@click.option("--from", "scheduled_for", help="Makes it a maintenance: its start, ISO 8601 with its zone.")
@click.option("--until", "scheduled_until", help="Its end.")
@click.option("--by-clock", is_flag=True, help="It begins and ends at its times by itself.")
@statement
@asks
def open_post(
    other: Remote, page: str, *, title: str, status: str | None, scheduled_for: str | None,
    scheduled_until: str | None, by_clock: bool, **options: Any,
) -> Answer:  # fmt: skip
    """Open a post: an incident, or with --from and --until a maintenance."""
    facts: dict[str, Any] = {"name": title, "scheduled_for": scheduled_for, "scheduled_until": scheduled_until}
    if scheduled_for:
        facts |= {"scheduled_auto_in_progress": by_clock, "scheduled_auto_completed": by_clock}
    return _say(other, "POST", f"{page}/incidents", status, options, facts)


@elsewhere.command("update")
@click.argument("public_id", metavar="ID")
@click.option("--status", type=POST_STATUS, help="As before when left out.")
@statement
@asks
def update_post(other: Remote, page: str, public_id: str, status: str | None, **options: Any) -> Answer:
    """Publish one more update of a post."""
    return _say(other, "PATCH", f"{page}/incidents/{_id(public_id)}", status, options, {})


@elsewhere.command("resolve")
@click.argument("public_id", metavar="ID")
@statement
@asks
def resolve_post(other: Remote, page: str, public_id: str, **options: Any) -> Answer:
    """Resolve an incident, or complete a maintenance."""
    path = f"{page}/incidents/{_id(public_id)}"
    over = "completed" if _one(other, "GET", path).get("scheduled_for") else "resolved"
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
        raise Invalid(f"--key has to be 1 to {KEY_LIMIT} printable ASCII characters.")
    made = _one(other, method, path, {"incident": {k: v for k, v in given.items() if v is not None}}, key)
    return Answer(f"Published: {made['id']}, {made['status']}. {made['shortlink']}", {"post": made})


def _effects(pairs: tuple[str, ...]) -> dict[str, str] | None:
    found = dict(pair.partition("=")[::2] for pair in pairs)
    if any(not name or not status for name, status in found.items()):
        raise Invalid("--component takes ID=STATUS.")
    return found or None


@elsewhere.command("components")
@asks
def list_components(other: Remote, page: str) -> Answer:
    """The page's components."""
    found = _list(other, f"{page}/components")
    lines = [f"{one['id']}  {one['status']:<20} {one['name']}" for one in found]
    return Answer("\n".join(lines) or "None.", {"components": found})


@elsewhere.command("component")
@click.argument("public_id", metavar="ID")
@click.argument("status", type=STATUSES)
@asks
def set_component(other: Remote, page: str, public_id: str, status: str) -> Answer:
    """Set a component's status.  Nobody is notified."""
    made = _one(other, "PATCH", f"{page}/components/{_id(public_id)}", {"component": {"status": status}})
    return Answer(f"{made['name']} is {made['status']}.", {"component": made})


@elsewhere.command("subscribers")
@click.option("--find", "words", default="", help="Only those whose address holds this.")
@asks
def list_subscribers(other: Remote, page: str, words: str) -> Answer:
    """How many subscribers there are, or those that are looked for."""
    if not words:
        counts = other.ask("GET", f"{page}/subscribers/histogram_by_state")
        lines = [f"{name:<20} {states['total']:>8,}" for name, states in counts.items() if states["total"]]
        return Answer("\n".join(lines) or "Nobody yet.", {"counts": counts})
    found = _list(other, f"{page}/subscribers", q=words, state="all")
    if not found:
        raise NotFound("Nobody was found.")
    lines = [f"{one['id']}  {one['mode']:<8} {one.get('email') or one.get('endpoint') or ''}" for one in found]
    return Answer("\n".join(lines), {"subscribers": found})


@elsewhere.command("add-component")
@click.argument("name")
@click.option("--status", type=STATUSES)
@click.option("--description", default="")
@asks
def add_component(other: Remote, page: str, name: str, status: str | None, description: str) -> Answer:
    """Add a component."""
    facts = {"name": name, "description": description, **({"status": status} if status else {})}
    made = _one(other, "POST", f"{page}/components", {"component": facts})
    return Answer(f"{made['name']} is on the page, as {made['id']}.", {"component": made})


@elsewhere.command("subscribe")
@click.argument("address")
@click.option("--component", "components", multiple=True, help="Only these components, by id.")
@click.option("--confirmed", is_flag=True, help="You vouch that they want it; they are not asked.")
@asks
def subscribe(other: Remote, page: str, address: str, components: tuple[str, ...], confirmed: bool) -> Answer:
    """Add a mail address, a phone as +15551230000, or a webhook's address."""
    kind = "endpoint" if "://" in address else "email" if "@" in address else "phone_number"
    if kind == "phone_number" and not re.search(r"[0-9]", address):
        raise Invalid("Give a mail address, a phone number such as +15551230000, or a webhook's address.")
    facts = {kind: address, "component_ids": list(components), "skip_confirmation_notification": confirmed}
    made = _one(other, "POST", f"{page}/subscribers", {"subscriber": facts})
    secret = made.get("signing_secret")
    said = f" Its signing secret, shown only now: {secret}" if secret else ""
    return Answer(f"{made['id']} is added.{said}", {"subscriber": made})


@elsewhere.command("unsubscribe")
@click.argument("public_id", metavar="ID")
@asks
def unsubscribe(other: Remote, page: str, public_id: str) -> Answer:
    """End a subscription."""
    made = _one(other, "DELETE", f"{page}/subscribers/{_id(public_id)}")
    return Answer(f"{made['id']} hears of nothing any more.", {"subscriber": made})


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete Candor's commands: put it into the shell's start-up file."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "the choices are click's"
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "candor", "_CANDOR_COMPLETE").source())


COMMANDS = (elsewhere, completion)
