"""How fast may be sent, and pauses, from a shell."""

from typing import Any

import click
from sqlalchemy import select

from app.actions.deliveries import send_limits
from app.channels.registry import names as channel_names
from app.cli.shared import Answer, answers
from app.db import session
from app.models.delivery import SendLimit
from app.settings import Settings
from app.shapes import COMMAND_LINE

CHANNELS = click.Choice(channel_names())


@click.group()
def limits() -> None:
    """How fast all workers together send, on a channel or to a destination on it."""


@limits.command("list")
@answers
def list_limits(_settings: Settings) -> Answer:
    """Every limit and pause."""
    rows = session().scalars(select(SendLimit).order_by(SendLimit.channel, SendLimit.domain)).all()
    found: list[dict[str, Any]] = [
        {
            "channel": row.channel, "domain": row.domain, "per_second": row.per_second, "connections": row.connections,
            "paused": row.paused_why or None,
        }
        for row in rows
    ]  # fmt: skip
    return Answer("\n".join(_line(row) for row in found) or "Nothing is limited or paused.", {"limits": found})


def _line(row: dict[str, Any]) -> str:
    rate = f"{row['per_second']:g} a second" if row["per_second"] is not None else ""
    at_once = f"{row['connections']} at once" if row["connections"] is not None else ""
    paused = f"paused: {row['paused']}" if row["paused"] else ""
    said = ", ".join(words for words in (rate, at_once, paused) if words)
    return f"{row['channel']:<8} {row['domain'] or '(all)':<30} {said}"


@limits.command("set")
@click.argument("channel", type=CHANNELS)
@click.argument("domain", default="")
@click.option("--per-second", type=float, help="Messages a second; no limit when left out.")
@click.option("--connections", type=int, help="How many at once; no limit when left out.")
@answers
def set_limit(
    _settings: Settings, channel: str, domain: str, per_second: float | None, connections: int | None
) -> Answer:
    """Limit a channel, or a mail domain or host on it ("*": each without a limit of its own)."""
    send_limits.set_limit(COMMAND_LINE, channel, domain, per_second=per_second, connections=connections)
    return Answer("The limit holds from now on.", {"channel": channel, "domain": domain})


@limits.command("pause")
@click.argument("channel", type=CHANNELS)
@click.argument("domain", default="")
@click.option("--why", default=send_limits.PAUSED_BY_HAND, help="What people read in the console.")
@answers
def pause(_settings: Settings, channel: str, domain: str, why: str) -> Answer:
    """Send nothing there until it is resumed.  Nothing is lost."""
    send_limits.pause(COMMAND_LINE, channel, domain, why)
    return Answer("Paused.", {"channel": channel, "domain": domain, "paused": why})


@limits.command("resume")
@click.argument("channel", type=CHANNELS)
@click.argument("domain", default="")
@answers
def resume(_settings: Settings, channel: str, domain: str) -> Answer:
    """Send again."""
    send_limits.resume(COMMAND_LINE, channel, domain)
    return Answer("Resumed.", {"channel": channel, "domain": domain})


COMMANDS = (limits,)
