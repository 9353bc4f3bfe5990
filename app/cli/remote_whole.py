"""`candor remote`: the whole of another installation's page, out as a file and in from one."""

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
    """Write the whole page into FILE, as `candor archive` does there.  Needs the scope admin."""
    with new_file(file, force=force) as out:
        size = other.download(f"{page}/archive", out)
    return Answer(f"{file}: {size:,} bytes.", {"file": str(file), "bytes": size})


@elsewhere.command("export")
@FILE
@FORCE
@asks
def export(other: Remote, page: str, file: Path, force: bool) -> Answer:
    """Write a static copy of the published page into FILE, a ZIP file, for any web server or bucket."""
    with new_file(file, force=force) as out:
        size = other.download(f"{page}/export", out)
    return Answer(f"{file}: {size:,} bytes.", {"file": str(file), "bytes": size})


@elsewhere.group("import")
def bring() -> None:
    """Bring history into it; nothing is sent to anyone.  Needs the scope admin."""


@bring.command("archive")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@DRY_RUN
@click.option("--without-suppressions", is_flag=True, help="Leave out hashes of addresses that mean nothing there.")
@asks
def archive_in(other: Remote, page: str, file: Path, dry_run: bool, without_suppressions: bool) -> Answer:
    """Take the whole page that `candor archive` wrote, into a page without content of its own."""
    options = {"dry_run": _word(dry_run), "without_suppressions": _word(without_suppressions)}
    with file.open("rb") as body:
        report = reported(other, other.upload(f"{page}/archive", body, "application/octet-stream", **options))
    return Answer(said_of_archive(report), report)


@bring.command("statuspage")
@SOURCE
@DRY_RUN
@click.option("--take-page", is_flag=True, help="Take the page's id, name, address and time zone from there too.")
@asks
def statuspage(other: Remote, page: str, source: Path, dry_run: bool, take_page: bool) -> Answer:
    """Import Statuspage's documents: a file, or every .json file of a folder."""
    return _bring(other, page, "statuspage", source, dry_run, take_page=_word(take_page))


@bring.command("cachet")
@SOURCE
@DRY_RUN
@ORIGIN
@click.option("--time-zone", default="Etc/UTC", help="The zone of Cachet's settings: it writes times without one.")
@asks
def cachet(other: Remote, page: str, source: Path, dry_run: bool, origin: str, time_zone: str) -> Answer:
    """Import what the API of Cachet 2 or 3 answered."""
    return _bring(other, page, "cachet", source, dry_run, origin=origin, time_zone=time_zone)


@bring.command("instatus")
@SOURCE
@DRY_RUN
@ORIGIN
@asks
def instatus(other: Remote, page: str, source: Path, dry_run: bool, origin: str) -> Answer:
    """Import what the API of Instatus answered."""
    return _bring(other, page, "instatus", source, dry_run, origin=origin)


@bring.command("uptime-kuma")
@SOURCE
@DRY_RUN
@ORIGIN
@asks
def uptime_kuma(other: Remote, page: str, source: Path, dry_run: bool, origin: str) -> Answer:
    """Import a backup of Uptime Kuma, or what its status page's API answered."""
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
