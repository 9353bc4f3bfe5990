"""`candor limits`: send limits and pauses."""

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
    """Manage send limits and pauses.

    They are for a channel or a destination on it, and apply to all workers together.
    """


@limits.command("list")
@answers
def list_limits(_settings: Settings) -> Answer:
    """List all limits and pauses."""
    rows = session().scalars(select(SendLimit).order_by(SendLimit.channel, SendLimit.domain)).all()
    found: list[dict[str, Any]] = [
        {
            "channel": row.channel, "domain": row.domain, "per_second": row.per_second, "connections": row.connections,
            "paused": row.paused_why or None,
        }
        for row in rows
    ]  # fmt: skip
    return Answer("\n".join(_line(row) for row in found) or "No limits or pauses.", {"limits": found})


def _line(row: dict[str, Any]) -> str:
    rate = f"{row['per_second']:g} a second" if row["per_second"] is not None else ""
    at_once = f"{row['connections']} at once" if row["connections"] is not None else ""
    paused = f"paused: {row['paused']}" if row["paused"] else ""
    said = ", ".join(words for words in (rate, at_once, paused) if words)
    return f"{row['channel']:<8} {row['domain'] or '(all)':<30} {said}"


@limits.command("set")
@click.argument("channel", type=CHANNELS)
@click.argument("domain", default="")
@click.option("--per-second", type=float, help="Messages per second. Default: no limit.")
@click.option("--connections", type=int, help="Connections at the same time. Default: no limit.")
@answers
def set_limit(
    _settings: Settings, channel: str, domain: str, per_second: float | None, connections: int | None
) -> Answer:
    """Set a limit for a channel, or for a mail domain or host on it.

    DOMAIN "*" limits each domain that has no limit of its own.

    Example: candor limits set email example.com --per-second 5 --connections 2
    """
    send_limits.set_limit(COMMAND_LINE, channel, domain, per_second=per_second, connections=connections)
    return Answer("Limit set.", {"channel": channel, "domain": domain})


@limits.command("pause")
@click.argument("channel", type=CHANNELS)
@click.argument("domain", default="")
@click.option("--why", default=send_limits.PAUSED_BY_HAND, help="The reason to show in the console.")
@answers
def pause(_settings: Settings, channel: str, domain: str, why: str) -> Answer:
    """Pause sending to a channel or destination. Queued messages are kept."""
    send_limits.pause(COMMAND_LINE, channel, domain, why)
    return Answer("Paused.", {"channel": channel, "domain": domain, "paused": why})


@limits.command("resume")
@click.argument("channel", type=CHANNELS)
@click.argument("domain", default="")
@answers
def resume(_settings: Settings, channel: str, domain: str) -> Answer:
    """Resume sending to a channel or destination."""
    send_limits.resume(COMMAND_LINE, channel, domain)
    return Answer("Resumed.", {"channel": channel, "domain": domain})


COMMANDS = (limits,)
