"""Import, export and erase subscribers; canaries; deliveries that are missing."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from app.actions import erasure
from app.actions.subscribers import canaries
from app.channels.registry import label as channel_label
from app.channels.registry import names as channel_names
from app.cli.people import subscriber
from app.cli.shared import Answer, about_page, answers
from app.clock import now
from app.csv_files import written
from app.db import release, session
from app.deliver import canaries as proving
from app.deliver.canaries import Proof, proofs
from app.errors import NotFound
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.transfer.subscribers import exporting, import_subscribers

SHOWN = 20
DRY = "Dry run: nothing was changed."
WAIT_SECONDS = 30
EXIT_NOT_PROVEN = 1


@subscriber.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would happen without changing anything.")
@answers
@about_page
def import_(settings: Settings, page_id: int, file: Path, dry_run: bool) -> Answer:
    """Import subscribers from a CSV file.

    FILE comes from `export` or from Statuspage. No messages are sent.
    """
    with file.open("rb") as opened:
        report = import_subscribers(settings, COMMAND_LINE, page_id, opened, dry_run=dry_run)
    return Answer(said_of_import(report.to_json()), report.to_json())


def said_of_import(report: Mapping[str, Any]) -> str:
    """The report of a subscriber import, as text."""
    refused, counts = report["refused"], sorted(report["counts"].items())
    lines = [f"{count:,} {outcome}" for outcome, count in counts] or ["The file contains no subscribers."]
    lines += [f"{count:,} stay {state}, regardless of the file" for state, count in sorted(report["kept"].items())]
    if report["new_secrets"]:
        lines.append(f"{report['new_secrets']:,} webhooks had no secret in the file and got a new one")
    lines += [f"  line {one['line']}: {one['reason']}" for one in refused[:SHOWN]]
    if len(refused) > SHOWN:
        lines.append(f"  and {len(refused) - SHOWN:,} more; use --json to list all of them")
    return "\n".join([*lines, DRY] if report["dry_run"] else lines)


@subscriber.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-secrets", is_flag=True, help="Include the webhooks' signing secrets.")
@answers
@about_page
def export(_settings: Settings, page_id: int, file: Path, with_secrets: bool) -> Answer:
    """Export all subscribers to a CSV file that only you can read. `import` reads it."""
    count = 0
    release()
    file.touch(mode=0o600)
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(written([exporting.headings(with_secrets)]))
        for piece in exporting.pieces(session, page_id, with_secrets=with_secrets):
            release()
            out.write(written(piece))
            count += len(piece)
    return Answer(f"Exported {count:,} subscribers to {file}.", {"file": str(file), "subscribers": count})


@subscriber.command("erase")
@click.argument("address")
@click.option("--never-again", is_flag=True, help="Keep a suppression entry so this address is never contacted again.")
@answers
def erase(settings: Settings, address: str, never_again: bool) -> Answer:
    """Erase one person's data. Delivery statistics stay correct."""
    done = erasure.erase(settings, COMMAND_LINE, address, never_again=never_again)
    said = f"Erased {done.subscriptions} subscriptions and {done.messages} stored messages."
    said += " This address is never contacted again." if never_again else ""
    return Answer(f"{said} Backups and mail server logs still contain the address.", {
        "subscriptions": done.subscriptions, "messages": done.messages, "never_again": never_again,
    })  # fmt: skip


@click.group()
def canary() -> None:
    """Manage canaries.

    A canary is an address of your own that gets a test message every day, so that you know its channel works.
    """


@canary.command("add")
@click.argument("channel", type=click.Choice(channel_names()))
@click.argument("address")
@answers
@about_page
def add_canary(settings: Settings, page_id: int, channel: str, address: str) -> Answer:
    """Add an address of yours as a canary. It is subscribed at once."""
    public_id = canaries.add_canary(settings, COMMAND_LINE, page_id, channel, address)
    return Answer(
        "Canary added. To send a test message now, run candor canary run.", {"id": public_id, "channel": channel}
    )


@canary.command("remove")
@click.argument("address")
@answers
@about_page
def remove_canary(settings: Settings, page_id: int, address: str) -> Answer:
    """Turn a canary back into an ordinary subscriber.

    ADDRESS is its address or its id.
    """
    found = session().scalar(
        select(Subscriber.public_id).where(
            Subscriber.page_id == page_id,
            Subscriber.is_canary,
            (Subscriber.address == address) | (Subscriber.public_id == address),
        )
    )
    if found is None:
        raise NotFound("Canary not found. To list canaries, run candor canary list.")
    canaries.remove_canary(settings, COMMAND_LINE, page_id, found)
    return Answer("Canary removed. The address stays subscribed to updates.", {"id": found})


@canary.command("list")
@answers
def list_canaries(_settings: Settings) -> Answer:
    """List canaries with their last result."""
    return _proven(proofs(session()))


@canary.command("run")
@click.option("--wait", type=click.IntRange(0, 600), default=WAIT_SECONDS, help="Seconds to wait for the result.")
@answers
@about_page
def run_canaries(settings: Settings, page_id: int, wait: int) -> Answer:
    """Send a test message to every canary now, and show the result."""
    begun = now()
    canaries.run_canaries(settings, COMMAND_LINE, page_id)
    until = time.monotonic() + wait
    while True:
        release()
        found = proofs(session())
        is_over = not any(proof.is_waiting for proof in found) or time.monotonic() >= until
        if is_over:
            late = [proof for proof in found if proof.proven_at is None or proof.proven_at < begun]
            return _proven(found, EXIT_NOT_PROVEN if wait and late else 0)
        time.sleep(0.5)


def _proven(found: list[Proof], exit_code: int = 0) -> Answer:
    if not found:
        return Answer("No canaries yet. Add one: candor canary add email you@example.com", {"canaries": []}, exit_code)
    lines = [
        f"{channel_label(proof.channel)}, {proof.label or proof.public_id}: {proving.sentence(proof)}"
        for proof in found
    ]
    rows: list[dict[str, Any]] = [
        {
            "id": proof.public_id, "channel": proof.channel, "proven": proof.is_proven, "proven_at": proof.proven_at,
            "last_at": proof.last_at, "last_state": proof.last_state, "last_reason": proof.last_reason,
        }
        for proof in found
    ]  # fmt: skip
    return Answer("\n".join(lines), {"canaries": rows}, exit_code)


COMMANDS = (canary,)
