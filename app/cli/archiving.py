"""`candor archive` and `candor import`: a page as a file, and history from other status pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from app.cli.files import FORCE, new_file
from app.cli.shared import Answer, about_page, answers
from app.cli.subscribers import DRY
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.transfer.archive import import_archive, write_archive
from app.transfer.status_pages import Report, import_cachet, import_instatus, import_statuspage, import_uptime_kuma
from app.version import VERSION

SOURCE = click.argument("source", type=click.Path(path_type=Path))
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be imported without changing anything.")
ORIGIN = click.option(
    "--origin", default="", help="A name for this source, if you import from several whose ids may overlap."
)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@FORCE
@answers
@about_page
def archive(settings: Settings, page_id: int, file: Path, *, force: bool) -> Answer:
    """Export a whole page to FILE.

    FILE contains settings, components, posts and subscribers; `candor import archive` reads it. Only you can read it,
    because it contains addresses and webhooks' signing secrets.
    """
    file = file.absolute()
    with new_file(file, force=force) as out:
        done = write_archive(settings, page_id, out, VERSION)
    rows = {name.partition(".")[0]: count for name, count in done.rows.items()}
    size = file.stat().st_size
    said = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in rows.items() if name != "page")
    return Answer(
        f"{file}: {size:,} bytes.\n{done.page}: {said}.",
        {"file": str(file), "bytes": size, "page": done.page, "rows": rows},
    )


@click.group("import")
def bring() -> None:
    """Import history from an archive or another status page. No notifications are sent."""


@bring.command("archive")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@DRY_RUN
@click.option(
    "--without-suppressions",
    is_flag=True,
    help="Skip suppressed addresses if the archive was made with another SECRET_KEY.",
)
@answers
@about_page
def archive_in(settings: Settings, page_id: int, file: Path, *, dry_run: bool, without_suppressions: bool) -> Answer:
    """Import a page that `candor archive` exported. This page must not have content of its own."""
    report = import_archive(
        settings,
        COMMAND_LINE,
        page_id,
        file,
        dry_run=dry_run,
        without_suppressions=without_suppressions,
    )
    return Answer(said_of_archive(report.to_json()), report.to_json())


def said_of_archive(report: Mapping[str, Any]) -> str:
    """The report of an archive import, as text."""
    lines = [str(report["page"])]
    for kind, counted in report["counts"].items():
        lines.append(f"{kind.replace('_', ' ')}: " + ", ".join(f"{count:,} {what}" for what, count in counted.items()))
    if report["paused"]:
        lines.append(
            "The archive contains maintenance that starts or ends automatically, so sending is paused. "
            "To resume it, run candor dispatch resume."
        )
    return "\n".join([*lines, DRY] if report["dry_run"] else lines)


@bring.command("statuspage")
@SOURCE
@DRY_RUN
@click.option("--take-page", is_flag=True, help="Also import the page's id, name, address and time zone.")
@answers
@about_page
def statuspage(settings: Settings, page_id: int, source: Path, *, dry_run: bool, take_page: bool) -> Answer:
    """Import from Statuspage.

    SOURCE is JSON from its public API (v2) or Manage API (v1): a file, or a folder of .json files.
    """
    report = import_statuspage(settings, COMMAND_LINE, page_id, source, dry_run=dry_run, take_page=take_page)
    return _reported(report)


@bring.command("cachet")
@SOURCE
@DRY_RUN
@ORIGIN
@click.option("--time-zone", default="Etc/UTC", help="The time zone in Cachet's settings. Its times don't include one.")
@answers
@about_page
def cachet(settings: Settings, page_id: int, source: Path, *, dry_run: bool, origin: str, time_zone: str) -> Answer:
    """Import from Cachet 2 or 3.

    SOURCE is JSON from its API: a file, or a folder of .json files.
    """
    options = {"origin": origin, "time_zone": time_zone}
    return _reported(import_cachet(settings, COMMAND_LINE, page_id, source, dry_run=dry_run, **options))


@bring.command("instatus")
@SOURCE
@DRY_RUN
@ORIGIN
@answers
@about_page
def instatus(settings: Settings, page_id: int, source: Path, *, dry_run: bool, origin: str) -> Answer:
    """Import from Instatus.

    SOURCE is JSON from its API: a file, or a folder of .json files.
    """
    return _reported(import_instatus(settings, COMMAND_LINE, page_id, source, dry_run=dry_run, origin=origin))


@bring.command("uptime-kuma")
@SOURCE
@DRY_RUN
@ORIGIN
@answers
@about_page
def uptime_kuma(settings: Settings, page_id: int, source: Path, *, dry_run: bool, origin: str) -> Answer:
    """Import from Uptime Kuma.

    SOURCE is a backup, or JSON from its status page API.
    """
    return _reported(import_uptime_kuma(settings, COMMAND_LINE, page_id, source, dry_run=dry_run, origin=origin))


def _reported(report: Report) -> Answer:
    return Answer(said_of_documents(report.to_json()), report.to_json())


def said_of_documents(report: Mapping[str, Any]) -> str:
    """The report of an import from another status page, as text."""
    skipped = [f"skipped {row['kind']} {row['id']} {row['name']}: {row['reason']}" for row in report["skipped"]]
    counted = ", ".join(f"{count} {outcome}" for outcome, count in report["counts"].items())
    head = "Would be: " if report["dry_run"] else ""
    return "\n".join([*skipped, f"{head}{counted or 'nothing'}"])


COMMANDS = (archive, bring)
