"""`candor inbound`: inbound webhooks and returned mail, and processing them again."""

from dataclasses import asdict

import click

from app.actions.inbound import reading
from app.cli.shared import Answer, answers
from app.db import session
from app.queries.inbound import inbound_deliveries
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.sources import registry
from app.vocabulary import InboundState

STATES = click.Choice([str(state) for state in InboundState])


@click.group()
def inbound() -> None:
    """Inspect inbound deliveries.

    These are webhooks from mail and SMS providers, and returned mail. They are kept for 7 days.
    """


@inbound.command("list")
@click.option("--source", default="", help="Only from this source, such as mailgun or mail.")
@click.option("--state", type=STATES, default=None, help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Maximum number to list.")
@answers
def list_deliveries(_settings: Settings, source: str, state: str | None, limit: int) -> Answer:
    """List inbound deliveries, newest first, without their content."""
    if source and registry.source(source) is None:
        raise click.BadParameter(f"Choose one of {', '.join(registry.sources())}.", param_hint="--source")
    found = inbound_deliveries(session(), source=source, state=InboundState(state) if state else None, limit=limit)
    lines = [
        f"{one.id:>8}  {one.received_at:%Y-%m-%d %H:%M:%S} UTC  {one.source:<10} {one.state:<14} {one.reason}".rstrip()
        for one in found
    ]
    return Answer("\n".join(lines) or "No inbound deliveries.", {"deliveries": [asdict(one) for one in found]})


@inbound.command("replay")
@click.argument("ids", nargs=-1, type=int, metavar="ID...")
@click.option("--state", type=STATES, default=None, help="All deliveries in this state, such as not_understood.")
@answers
def replay(settings: Settings, ids: tuple[int, ...], state: str | None) -> Answer:
    """Process inbound deliveries again, by ID or by state. Nothing takes effect twice."""
    outcomes = reading.replay(settings, COMMAND_LINE, ids, InboundState(state) if state else None)
    lines = [f"{one.row_id:>8}  {one.state:<14} {one.reason}".rstrip() for one in outcomes]
    shown = [{"id": one.row_id, "state": one.state, "reason": one.reason, "changes": one.changes} for one in outcomes]
    return Answer("\n".join(lines) or "No inbound deliveries to replay.", {"replayed": shown})


COMMANDS = (inbound,)
