"""`candor publish`: an update, a new post, or the page again, without a browser."""

from typing import Any

import click

from app.cli.content import POST_STATUS, opening, say_first, say_more, statement
from app.cli.shared import Answer, about_page, answers
from app.errors import Invalid
from app.publish.refresh import refresh
from app.settings import Settings

ONLY_NEW = {
    "kind": "--kind",
    "scheduled_for": "--from",
    "scheduled_until": "--until",
    "by_clock": "--by-clock",
    "severity": "--severity",
    "incident": "--incident",
    "records": "--record",
}


@click.command()
@click.option("--post", "post_id", metavar="ID", help="Publish an update to this post, as candor post update does.")
@click.option("--title", help="Publish a new post, as candor post open does.")
@click.option("--status", type=POST_STATUS, help="Default: unchanged; for a new post, its first status.")
@opening
@statement
@answers
@about_page
def publish(
    settings: Settings, page_id: int, post_id: str | None, title: str | None, status: str | None, **options: Any
) -> Answer:
    """Publish an update with --post, or a new post with --title.

    Without either, render the page again.
    """
    given = {name for name, value in options.items() if value is not None and value is not False and value != ()}
    if post_id is not None and title is not None:
        raise Invalid("Use --post for an update or --title for a new post, not both.")
    if post_id is not None:
        for name in sorted(given & set(ONLY_NEW)):
            raise Invalid(f"{ONLY_NEW[name]} works only for a new post. Remove it, or use --title instead of --post.")
        return say_more(settings, page_id, post_id, status, options)
    if title is not None:
        return say_first(settings, page_id, title, status, options)
    if given or status is not None:
        raise Invalid("Add --post ID for an update, or --title for a new post.")
    revision = refresh(settings, page_id)
    return Answer(f"Published revision {revision}.", {"revision": revision})


COMMANDS = (publish,)
