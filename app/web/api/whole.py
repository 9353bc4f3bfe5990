"""Bulk transfer: subscribers as CSV, the page as an archive, the static copy, and imports from other status pages.

Statuspage has no equivalent.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZipFile

from flask import request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from app.db import release, session
from app.errors import Invalid
from app.inputs.lists import ArchiveQuery, DryRun, ImportQuery, SheetQuery
from app.publish.export import exported_files
from app.publish.views import PageView
from app.transfer import status_pages
from app.transfer.archive import import_archive, write_archive
from app.transfer.subscribers import exporting, import_subscribers
from app.version import VERSION
from app.vocabulary import Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import ANY_JSON, File, bearer, settings, tagged
from app.web.console.downloads import download

route = tagged("Moving")
SHEET = File("application/octet-stream", "Subscribers as CSV.")
ARCHIVE = File("application/octet-stream", "An archive (ZIP).")
MOST_DOCUMENTS = 1000


@route(
    "/pages/<page_id>/subscribers/export", "GET", scope=Scope.ADMIN, asks=SheetQuery,
    answers=File("text/csv", "Subscribers as CSV."), is_theirs=False,
)  # fmt: skip
def export_subscribers(page: PageView) -> ResponseReturnValue:
    """Every subscriber as a sheet (CSV); `with_secrets` adds what signs webhooks.

    The address of a chat room is a secret, so the file is for admins, as in the console.
    """
    with_secrets = bodies.query(SheetQuery).with_secrets
    pieces = exporting.pieces(session, page.id, with_secrets=with_secrets)
    return download("subscribers", exporting.headings(with_secrets), pieces)


@route(
    "/pages/<page_id>/subscribers/import", "POST", scope=Scope.ADMIN, takes=SHEET, asks=DryRun,
    answers=outputs.SheetReportOutput, is_theirs=False,
)  # fmt: skip
def import_sheet(page: PageView) -> ResponseReturnValue:
    """Take subscribers from a sheet, as `export` gives it or as Statuspage does.  Nothing is sent to anyone.

    With `dry_run` the report says what would happen.
    """
    asked = bodies.query(DryRun)
    with _sent() as file:
        return import_subscribers(settings(), bearer().actor, page.id, file, dry_run=asked.dry_run).to_json()


@route(
    "/pages/<page_id>/archive",
    "GET",
    scope=Scope.ADMIN,
    is_theirs=False,
    answers=File("application/zip", "An archive."),
)
def read_archive(page: PageView) -> ResponseReturnValue:
    """The whole of the page in one file: settings, components, posts, subscribers, with secrets."""
    return _sending(lambda out: write_archive(settings(), page.id, out, VERSION), f"{page.public_id}.zip")


@route(
    "/pages/<page_id>/archive", "POST", scope=Scope.ADMIN, takes=ARCHIVE, asks=ArchiveQuery,
    answers=outputs.ArchiveReportOutput, refuses=(409,), is_theirs=False,
)  # fmt: skip
def take_archive(page: PageView) -> ResponseReturnValue:
    """Take an archive: all of it, or nothing.  The page must hold nothing of its own, or be the archive's."""
    asked = bodies.query(ArchiveQuery)
    with _sent() as file:
        path = Path(file.name)
        try:
            report = import_archive(
                settings(), bearer().actor, page.id, path,
                dry_run=asked.dry_run, without_suppressions=asked.without_suppressions,
            )  # fmt: skip
        except Invalid as error:  # where it was put here is nothing to the caller
            raise Invalid(re.sub(rf"\S*{re.escape(path.name)}", "The archive", error.sentence)) from None
    return report.to_json()


@route(
    "/pages/<page_id>/export", "GET", scope=Scope.READ, is_theirs=False,
    answers=File("application/zip", "The published page."),
)  # fmt: skip
def read_static_copy(page: PageView) -> ResponseReturnValue:
    """A static copy of the published page, as a ZIP file, for any web server or bucket."""
    release()
    return _sending(partial(_write_static_copy, page.slug), "page.zip")


def _write_static_copy(slug: str, out: BinaryIO) -> None:
    with ZipFile(out, "w", ZIP_DEFLATED) as packed:
        for path, body in exported_files(settings(), slug):
            packed.writestr(path, body)


@route(
    "/pages/<page_id>/imports", "POST", scope=Scope.ADMIN, takes=ANY_JSON, asks=ImportQuery,
    answers=outputs.ImportReportOutput, refuses=(409,), is_theirs=False,
)  # fmt: skip
def import_documents(page: PageView) -> ResponseReturnValue:
    """Bring components and history from another status page: its document, or an array of several.

    `source` says whose they are.  Ids and dates are kept, a second time changes nothing, and nothing is sent to anyone.
    """
    asked = bodies.query(ImportQuery)
    with tempfile.TemporaryDirectory() as folder:
        _unpack(Path(folder))
        return _import(page, asked, Path(folder)).to_json()


def _import(page: PageView, asked: ImportQuery, folder: Path) -> status_pages.Report:
    given = (settings(), bearer().actor, page.id, folder)
    source, dry_run, origin = asked.source, asked.dry_run, asked.origin
    if source == "statuspage":
        return status_pages.import_statuspage(*given, dry_run=dry_run, take_page=asked.take_page)
    if source == "cachet":
        return status_pages.import_cachet(*given, dry_run=dry_run, origin=origin, time_zone=asked.time_zone)
    if source == "instatus":
        return status_pages.import_instatus(*given, dry_run=dry_run, origin=origin)
    return status_pages.import_uptime_kuma(*given, dry_run=dry_run, origin=origin)


def _unpack(folder: Path) -> None:
    """Write each document that was sent into a file of its own, as the importers read them."""
    try:
        found = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise BadRequest("The body isn't valid JSON.") from None
    documents = found if isinstance(found, list) else [found]
    if not 1 <= len(documents) <= MOST_DOCUMENTS:
        raise Invalid(f"Send one document, or an array of up to {MOST_DOCUMENTS:,}.")
    for number, document in enumerate(documents, 1):
        (folder / f"{number:04}.json").write_text(json.dumps(document))


@contextmanager
def _sent() -> Iterator[Any]:
    """The body as a named file, which is gone afterwards; it is never held in memory whole."""
    with tempfile.NamedTemporaryFile() as file:
        shutil.copyfileobj(request.stream, file)
        file.flush()
        file.seek(0)
        yield file


def _sending(write: Callable[[BinaryIO], object], name: str) -> ResponseReturnValue:
    """A ZIP file that `write` writes, as an answer; it is closed when it was sent."""
    file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the answer is sent from it
    try:
        write(file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return send_file(file, "application/zip", as_attachment=True, download_name=name)
