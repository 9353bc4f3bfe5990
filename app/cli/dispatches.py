"""`candor dispatch`: what to do with what was being sent when a backup was taken that is restored now."""

import click

from app.actions.deliveries import restoring
from app.cli.shared import Answer, answers
from app.clock import now
from app.db import session
from app.settings import Settings
from app.shapes import COMMAND_LINE


@click.group()
def dispatch() -> None:
    """After a restore: send what was under way, or drop it."""


@dispatch.command("list")
@answers
def list_unsent(_settings: Settings) -> Answer:
    """What waits because the database was restored from a backup."""
    asked = restoring.question(session())
    if asked is None:
        return Answer(restoring.NOTHING_TO_ASK, {"paused": False, "updates": [], "notices": 0})
    lines = [f"{one.update_id}  {one.waiting:>9,} waiting  {one.title}" for one in asked.updates]
    lines += [f"{asked.notices:,} other messages waiting"] if asked.notices else []
    updates = [{"update": one.update_id, "title": one.title, "waiting": one.waiting} for one in asked.updates]
    return Answer(
        "\n".join([asked.sentence, *(lines or ["Nothing waits."])]),
        {"paused": True, "updates": updates, "notices": asked.notices},
    )


@dispatch.command("resume")
@answers
def resume(_settings: Settings) -> Answer:
    """Send what was under way. Whoever got it after the backup was taken may get it a second time."""
    restoring.resume(COMMAND_LINE)
    return Answer("Resumed: what waits is sent.", {"resumed": True})


@dispatch.command("drop")
@answers
def drop(_settings: Settings) -> Answer:
    """Send nothing of what was under way, and go on with what is published from now on."""
    dropped = restoring.drop(COMMAND_LINE, now())
    return Answer(
        f"Dropped: {dropped.updates:,} updates, {dropped.messages:,} messages. New ones are sent again.",
        {"updates": dropped.updates, "messages": dropped.messages},
    )


COMMANDS = (dispatch,)
