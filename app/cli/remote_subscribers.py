"""`candor remote`: subscribers of another installation, one by one and as a sheet."""

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
    """A group that lists when it is not told what to do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_told = bool(args) and (not args[0].startswith("-") or args[0] in {"-h", "--help"})
        return super().parse_args(ctx, args if is_told else ["list", *args])


@elsewhere.group("subscribers", cls=_Listing)
def subscribers() -> None:
    """Who hears of it: counted and looked for (list), or all of them in and out as a sheet."""


@subscribers.command("list")
@click.option("--find", "words", default="", help="Only those whose address holds this.")
@asks
def list_subscribers(other: Remote, page: str, words: str) -> Answer:
    """How many there are, or those that are looked for."""
    if not words:
        counts = other.ask("GET", f"{page}/subscribers/histogram_by_state")
        lines = [f"{name:<20} {states['total']:>8,}" for name, states in counts.items() if states["total"]]
        return Answer("\n".join(lines) or "Nobody yet.", {"counts": counts})
    found = listed(other, f"{page}/subscribers", q=words, state="all")
    if not found:
        raise NotFound("No subscriber found.")
    lines = [f"{one['id']}  {one['mode']:<8} {one.get('email') or one.get('endpoint') or ''}" for one in found]
    return Answer("\n".join(lines), {"subscribers": found})


@subscribers.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-secrets", is_flag=True, help="With the secrets that sign webhooks; needs the scope admin.")
@FORCE
@asks
def export(other: Remote, page: str, file: Path, with_secrets: bool, force: bool) -> Answer:
    """Write every subscriber into a CSV file, readable by you alone; `import` reads it."""
    with new_file(file, force=force) as out:
        size = other.download(f"{page}/subscribers/export", out, with_secrets=str(with_secrets).lower())
    return Answer(f"{file}: {size:,} bytes.", {"file": str(file), "bytes": size})


@subscribers.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@asks
def import_(other: Remote, page: str, file: Path, dry_run: bool) -> Answer:
    """Take subscribers from a CSV file: one of `export`, or Statuspage's.  Nothing is sent to anyone."""
    with file.open("rb") as body:
        told = other.upload(f"{page}/subscribers/import", body, "text/csv", dry_run=str(dry_run).lower())
    report = reported(other, told)
    return Answer(said_of_import(report), report)


@elsewhere.command("subscribe")
@click.argument("address")
@click.option("--component", "components", multiple=True, help="Only these components, by id.")
@click.option("--confirmed", is_flag=True, help="You vouch that they want it; they are not asked.")
@asks
def subscribe(other: Remote, page: str, address: str, components: tuple[str, ...], confirmed: bool) -> Answer:
    """Add a mail address, a phone as +15551230000, or a webhook's address."""
    kind = "endpoint" if "://" in address else "email" if "@" in address else "phone_number"
    if kind == "phone_number" and not re.search(r"[0-9]", address):
        raise Invalid("Enter an email address, a phone number such as +15551230000, or a webhook's address.")
    facts = {kind: address, "component_ids": list(components), "skip_confirmation_notification": confirmed}
    made = single(other, "POST", f"{page}/subscribers", {"subscriber": facts})
    secret = made.get("signing_secret")
    said = f" Its signing secret, shown only now: {secret}" if secret else ""
    return Answer(f"{made['id']} is added.{said}", {"subscriber": made})


@elsewhere.command("unsubscribe")
@click.argument("public_id", metavar="ID")
@asks
def unsubscribe(other: Remote, page: str, public_id: str) -> Answer:
    """End a subscription."""
    made = single(other, "DELETE", f"{page}/subscribers/{checked_id(public_id)}")
    return Answer(f"{made['id']} hears of nothing any more.", {"subscriber": made})
