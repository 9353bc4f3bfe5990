"""`candor dispatch`: after a restore, send or drop the notifications that were unsent at the time of the backup."""

import click

from app.actions.deliveries import restoring
from app.cli.shared import Answer, answers
from app.clock import now
from app.db import session
from app.settings import Settings
from app.shapes import COMMAND_LINE


@click.group()
def dispatch() -> None:
    """After a restore: send unsent notifications, or drop them."""


@dispatch.command("list")
@answers
def list_unsent(_settings: Settings) -> Answer:
    """List notifications that are paused since the restore."""
    asked = restoring.question(session())
    if asked is None:
        return Answer(restoring.NOTHING_TO_ASK, {"paused": False, "updates": [], "notices": 0})
    lines = [f"{one.update_id}  {one.waiting:>9,} waiting  {one.title}" for one in asked.updates]
    lines += [f"{asked.notices:,} other messages waiting"] if asked.notices else []
    updates = [{"update": one.update_id, "title": one.title, "waiting": one.waiting} for one in asked.updates]
    return Answer(
        "\n".join([asked.sentence, *(lines or ["No notifications are waiting."])]),
        {"paused": True, "updates": updates, "notices": asked.notices},
    )


@dispatch.command("resume")
@answers
def resume(_settings: Settings) -> Answer:
    """Send the paused notifications. People who got one after the backup may get it a second time."""
    restoring.resume(COMMAND_LINE)
    return Answer("Resumed. Waiting notifications are being sent.", {"resumed": True})


@dispatch.command("drop")
@answers
def drop(_settings: Settings) -> Answer:
    """Drop the paused notifications. Updates that you publish from now on are sent."""
    dropped = restoring.drop(COMMAND_LINE, now())
    return Answer(
        f"Dropped {dropped.updates:,} updates and {dropped.messages:,} messages. New ones are sent.",
        {"updates": dropped.updates, "messages": dropped.messages},
    )


COMMANDS = (dispatch,)
