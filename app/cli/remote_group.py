"""`candor remote`: the group of commands for another installation, and what they share."""

import re
from collections.abc import Callable
from typing import Any

import click

from app.cli.remote_client import Remote, remote
from app.cli.shared import Answer, spoken
from app.errors import Invalid, NotFound, Unavailable


@click.group("remote")
def elsewhere() -> None:
    """Manage another Candor installation through its API.

    Set CANDOR_REMOTE_URL to its address and CANDOR_REMOTE_TOKEN to an API token, or CANDOR_REMOTE_TOKEN_FILE to a
    file that contains one.
    """


def asks(function: Callable[..., Answer]) -> Callable[..., None]:
    """Turn a function that takes the other installation and its page's path first into a command."""

    def asked(*args: Any, url: str, page: str, **options: Any) -> Answer:
        other = remote(url)
        return function(other, f"/pages/{page or _only_page(other)}", *args, **options)

    asked.__doc__, asked.__name__ = function.__doc__, function.__name__
    vars(asked)["__click_params__"] = getattr(function, "__click_params__", [])
    command = spoken(asked)
    command = click.option("--page", default="", help="The page's id. Needed if there are several pages.")(command)
    return click.option("--url", default="", help="Its address. Default: CANDOR_REMOTE_URL.")(command)


def _only_page(other: Remote) -> str:
    pages = listed(other, "/pages")
    if not pages:
        raise NotFound("That installation has no page yet.")
    if len(pages) != 1:
        raise Invalid("There are several pages. Choose one with --page: " + ", ".join(one["id"] for one in pages))
    return str(pages[0]["id"])


def listed(other: Remote, path: str, **query: str) -> list[dict[str, Any]]:
    """A list of objects that have an id.  Raises Unavailable if the response is anything else."""
    found = other.ask("GET", path, **query)
    if not isinstance(found, list) or not all(isinstance(one, dict) and "id" in one for one in found):
        raise Unavailable(f"{other.root} doesn't respond like Candor.")
    return found


def single(other: Remote, method: str, path: str, *rest: Any) -> dict[str, Any]:
    """One object that has an id.  Raises Unavailable as `listed` does."""
    found = other.ask(method, path, *rest)
    if not isinstance(found, dict) or "id" not in found:
        raise Unavailable(f"{other.root} doesn't respond like Candor.")
    return found


def checked_id(raw: str) -> str:
    """The id, checked so that it can't change the path of a request.  Raises Invalid."""
    if not re.fullmatch(r"[a-z0-9]{10,32}", raw):
        raise Invalid(f"{raw[:40]!r} isn't an id. To see ids, run candor remote posts or candor remote components.")
    return raw


def reported(other: Remote, told: Any) -> dict[str, Any]:
    """The report of an import.  Raises Unavailable as `listed` does."""
    if not isinstance(told, dict) or not isinstance(told.get("counts"), dict):
        raise Unavailable(f"{other.root} doesn't respond like Candor.")
    return told
