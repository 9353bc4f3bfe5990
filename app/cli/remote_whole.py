"""`candor remote`: another installation's whole page, exported to a file or imported from one."""

import json
from pathlib import Path
from typing import Any

import click

from app.cli.archiving import DRY_RUN, ORIGIN, SOURCE, said_of_archive, said_of_documents
from app.cli.files import FORCE, new_file
from app.cli.remote_client import Remote
from app.cli.remote_group import asks, elsewhere, reported
from app.cli.shared import Answer
from app.errors import Invalid
from app.transfer.status_pages import json_files

FILE = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))


@elsewhere.command("archive")
@FILE
@FORCE
@asks
def archive(other: Remote, page: str, file: Path, force: bool) -> Answer:
    """Export the whole page to FILE, as `candor archive` does. Needs the scope admin."""
    with new_file(file, force=force) as out:
        size = other.download(f"{page}/archive", out)
    return Answer(f"{file}: {size:,} bytes.", {"file": str(file), "bytes": size})


@elsewhere.command("export")
@FILE
@FORCE
@asks
def export(other: Remote, page: str, file: Path, force: bool) -> Answer:
    """Export a static copy of the page to FILE, a ZIP file."""
    with new_file(file, force=force) as out:
        size = other.download(f"{page}/export", out)
    return Answer(f"{file}: {size:,} bytes.", {"file": str(file), "bytes": size})


@elsewhere.group("import")
def bring() -> None:
    """Import history into another installation. No notifications are sent. Needs the scope admin."""


@bring.command("archive")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@DRY_RUN
@click.option(
    "--without-suppressions",
    is_flag=True,
    help="Skip suppressed addresses if the archive was made with another SECRET_KEY.",
)
@asks
def archive_in(other: Remote, page: str, file: Path, dry_run: bool, without_suppressions: bool) -> Answer:
    """Import a page that `candor archive` exported. The other page must not have content of its own."""
    options = {"dry_run": _word(dry_run), "without_suppressions": _word(without_suppressions)}
    with file.open("rb") as body:
        report = reported(other, other.upload(f"{page}/archive", body, "application/octet-stream", **options))
    return Answer(said_of_archive(report), report)


@bring.command("statuspage")
@SOURCE
@DRY_RUN
@click.option("--take-page", is_flag=True, help="Also import the page's id, name, address and time zone.")
@asks
def statuspage(other: Remote, page: str, source: Path, dry_run: bool, take_page: bool) -> Answer:
    """Import from Statuspage.

    SOURCE is JSON from its public API (v2) or Manage API (v1): a file, or a folder of .json files.
    """
    return _bring(other, page, "statuspage", source, dry_run, take_page=_word(take_page))


@bring.command("cachet")
@SOURCE
@DRY_RUN
@ORIGIN
@click.option("--time-zone", default="Etc/UTC", help="The time zone in Cachet's settings. Its times don't include one.")
@asks
def cachet(other: Remote, page: str, source: Path, dry_run: bool, origin: str, time_zone: str) -> Answer:
    """Import from Cachet 2 or 3.

    SOURCE is JSON from its API: a file, or a folder of .json files.
    """
    return _bring(other, page, "cachet", source, dry_run, origin=origin, time_zone=time_zone)


@bring.command("instatus")
@SOURCE
@DRY_RUN
@ORIGIN
@asks
def instatus(other: Remote, page: str, source: Path, dry_run: bool, origin: str) -> Answer:
    """Import from Instatus.

    SOURCE is JSON from its API: a file, or a folder of .json files.
    """
    return _bring(other, page, "instatus", source, dry_run, origin=origin)


@bring.command("uptime-kuma")
@SOURCE
@DRY_RUN
@ORIGIN
@asks
def uptime_kuma(other: Remote, page: str, source: Path, dry_run: bool, origin: str) -> Answer:
    """Import from Uptime Kuma.

    SOURCE is a backup, or JSON from its status page API.
    """
    return _bring(other, page, "uptime-kuma", source, dry_run, origin=origin)


def _bring(other: Remote, page: str, name: str, source: Path, dry_run: bool, **options: str) -> Answer:
    documents = [_read(path) for path in json_files(source)]
    body = json.dumps(documents).encode()
    told = other.upload(f"{page}/imports", body, "application/json", source=name, dry_run=_word(dry_run), **options)
    report = reported(other, told)
    return Answer(said_of_documents(report), report)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Invalid(f"{path.name} isn't valid JSON ({type(error).__name__}).") from None


def _word(flag: bool) -> str:
    return "true" if flag else "false"
