"""`candor remote`: subscribers of another installation, one at a time and as a CSV file."""

import re
from pathlib import Path

import click

from app.cli.files import FORCE, new_file
from app.cli.remote_client import Remote
from app.cli.remote_group import asks, checked_id, elsewhere, listed, reported, single
from app.cli.shared import Answer
from app.cli.subscribers import said_of_import
from app.errors import Invalid, NotFound


class _Listing(click.Group):
    """A group whose default command is `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_told = bool(args) and (not args[0].startswith("-") or args[0] in {"-h", "--help"})
        return super().parse_args(ctx, args if is_told else ["list", *args])


@elsewhere.group("subscribers", cls=_Listing)
def subscribers() -> None:
    """Count, find, export and import subscribers."""


@subscribers.command("list")
@click.option("--find", "words", default="", help="Find subscribers whose address contains this text.")
@asks
def list_subscribers(other: Remote, page: str, words: str) -> Answer:
    """Count subscribers, or find some of them."""
    if not words:
        counts = other.ask("GET", f"{page}/subscribers/histogram_by_state")
        lines = [f"{name:<20} {states['total']:>8,}" for name, states in counts.items() if states["total"]]
        return Answer("\n".join(lines) or "No subscribers yet.", {"counts": counts})
    found = listed(other, f"{page}/subscribers", q=words, state="all")
    if not found:
        raise NotFound("No subscriber found.")
    lines = [f"{one['id']}  {one['mode']:<8} {one.get('email') or one.get('endpoint') or ''}" for one in found]
    return Answer("\n".join(lines), {"subscribers": found})


@subscribers.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-secrets", is_flag=True, help="Include the webhooks' signing secrets. Needs the scope admin.")
@FORCE
@asks
def export(other: Remote, page: str, file: Path, with_secrets: bool, force: bool) -> Answer:
    """Export all subscribers to a CSV file that only you can read. `import` reads it."""
    with new_file(file, force=force) as out:
        size = other.download(f"{page}/subscribers/export", out, with_secrets=str(with_secrets).lower())
    return Answer(f"{file}: {size:,} bytes.", {"file": str(file), "bytes": size})


@subscribers.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would happen without changing anything.")
@asks
def import_(other: Remote, page: str, file: Path, dry_run: bool) -> Answer:
    """Import subscribers from a CSV file.

    FILE comes from `export` or from Statuspage. No messages are sent.
    """
    with file.open("rb") as body:
        told = other.upload(f"{page}/subscribers/import", body, "text/csv", dry_run=str(dry_run).lower())
    report = reported(other, told)
    return Answer(said_of_import(report), report)


@elsewhere.command("subscribe")
@click.argument("address")
@click.option("--component", "components", multiple=True, help="Notify only about this component, by id. Repeatable.")
@click.option("--confirmed", is_flag=True, help="Skip the confirmation: the owner has agreed.")
@asks
def subscribe(other: Remote, page: str, address: str, components: tuple[str, ...], confirmed: bool) -> Answer:
    """Add a subscriber.

    ADDRESS is an email address, a phone number such as +15551230000, or a webhook's URL.
    """
    kind = "endpoint" if "://" in address else "email" if "@" in address else "phone_number"
    if kind == "phone_number" and not re.search(r"[0-9]", address):
        raise Invalid("Enter an email address, a phone number such as +15551230000, or a webhook's URL.")
    facts = {kind: address, "component_ids": list(components), "skip_confirmation_notification": confirmed}
    made = single(other, "POST", f"{page}/subscribers", {"subscriber": facts})
    secret = made.get("signing_secret")
    said = f" Copy the signing secret now; it isn't shown again: {secret}" if secret else ""
    return Answer(f"Subscriber {made['id']} added.{said}", {"subscriber": made})


@elsewhere.command("unsubscribe")
@click.argument("public_id", metavar="ID")
@asks
def unsubscribe(other: Remote, page: str, public_id: str) -> Answer:
    """Unsubscribe a subscriber."""
    made = single(other, "DELETE", f"{page}/subscribers/{checked_id(public_id)}")
    return Answer(f"Subscriber {made['id']} unsubscribed.", {"subscriber": made})
