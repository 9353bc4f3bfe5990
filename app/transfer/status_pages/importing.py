"""Imports history from another status page: read from files, written in one transaction, and reported."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions.frame import Change, changing
from app.actions.pages.pages import read_page_fields
from app.db import session as read_session
from app.db import translated
from app.errors import Invalid
from app.models.component import Component
from app.models.page import Page
from app.settings import Settings
from app.shapes import Actor
from app.transfer.fields import RowError
from app.transfer.status_pages import cachet, instatus, statuspage, uptime_kuma
from app.transfer.status_pages.documents import ImportedDocument, PageRow
from app.transfer.status_pages.ids import of_origin
from app.transfer.status_pages.json_files import files
from app.transfer.status_pages.report import SKIPPED, TAKEN, UPDATED, Report, ReportRow
from app.transfer.status_pages.writing import ELSEWHERE, assign, write_components, write_posts
from app.vocabulary import Role

NOT_HERE = "it is in none of the documents, so its effects are left out until it is imported"


class _DryRun(Exception):
    pass


def import_statuspage(
    settings: Settings, actor: Actor, page_id: int, source: Path, *, dry_run: bool = False, take_page: bool = False
) -> Report:
    """Import a file, or every .json file below a folder.  Ids and dates are kept; a second run changes nothing.

    With `dry_run` each document is tried in a transaction that is rolled back.  With `take_page` the page also takes
    the id, name, address and zone of the one that the documents are from, for people who move.  Nothing is sent to
    anyone.

    Raises:
        Invalid: a file is no document of this source; then nothing is imported at all.
        NotAllowed: the actor is no admin of the page.
        NotFound: the page doesn't exist.
        Unavailable: the database can't be written.
    """
    documents = statuspage.read_documents(files(source))
    return _import(settings, actor, page_id, documents, dry_run=dry_run, take_page=take_page)


def import_cachet(
    settings: Settings,
    actor: Actor,
    page_id: int,
    source: Path,
    *,
    dry_run: bool = False,
    origin: str = "",
    time_zone: str = "Etc/UTC",
) -> Report:
    """The same for Cachet's documents, which write times without their zone.  Ids are made of its numbers.

    `origin` is a name that tells two Cachets apart, because both count from 1.

    Raises:
        Invalid, NotAllowed, NotFound, Unavailable: as `import_statuspage`; Invalid also for a zone that there isn't.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        raise Invalid.field("time_zone", "Enter the time zone from Cachet's settings, such as Europe/Berlin.") from None
    document = cachet.read_document(files(source), zone)
    return _import(settings, actor, page_id, [_of_origin(document, origin)], dry_run=dry_run)


def import_instatus(
    settings: Settings, actor: Actor, page_id: int, source: Path, *, dry_run: bool = False, origin: str = ""
) -> Report:
    """The same for Instatus's documents.  Raises as `import_statuspage`."""
    document = instatus.read_document(files(source))
    return _import(settings, actor, page_id, [_of_origin(document, origin)], dry_run=dry_run)


def import_uptime_kuma(
    settings: Settings, actor: Actor, page_id: int, source: Path, *, dry_run: bool = False, origin: str = ""
) -> Report:
    """The same for a backup of Uptime Kuma, or its status page's document.  Raises as `import_statuspage`."""
    document = uptime_kuma.read_document(files(source))
    return _import(settings, actor, page_id, [_of_origin(document, origin)], dry_run=dry_run)


def _of_origin(document: ImportedDocument, origin: str) -> ImportedDocument:
    try:
        return of_origin(document, origin)
    except RowError:
        raise Invalid.field("origin", "Enter a short origin in plain letters, such as shop.") from None


def _import(
    settings: Settings,
    actor: Actor,
    page_id: int,
    documents: Sequence[ImportedDocument],
    *,
    dry_run: bool,
    take_page: bool = False,
) -> Report:
    rows: list[ReportRow] = []
    for document in sorted(documents, key=lambda document: not document.components):  # posts may name those of another
        try:
            with changing(settings, actor, page_id, needs=Role.ADMIN) as change:
                rows += _write(change, settings, document, take_page=take_page)
                if dry_run:
                    raise _DryRun
        except _DryRun:
            continue
    with translated():
        rows += _passed_over(page_id, documents)
    return Report(tuple(rows), dry_run)


def _passed_over(page_id: int, documents: Sequence[ImportedDocument]) -> list[ReportRow]:
    """The components that posts name and that are neither in a document nor here.  One query."""
    named = {key: name for document in documents for post in document.posts for key, name in post.named.items()}
    known = set(read_session().scalars(select(Component.public_id).where(Component.page_id == page_id)))
    known |= {row.id for document in documents for row in document.components}
    return [ReportRow("component", key, name, SKIPPED, NOT_HERE) for key, name in named.items() if key not in known]


def _write(change: Change, settings: Settings, document: ImportedDocument, *, take_page: bool) -> list[ReportRow]:
    session, page = change.session, change.page
    rows = [
        *document.refused,
        *([_take(settings, session, page, document.page)] if take_page and document.page else []),
    ]
    rows += write_components(session, page.id, document.components)
    rows += write_posts(session, page.id, document.posts, page.revision + 1)
    changed = sum(row.outcome in {TAKEN, UPDATED} for row in rows)
    if changed:
        change.touch(everything=True)
        change.audit("import", "page", page.public_id, f"{document.name[:200]}: {changed} rows")
    return rows


def _take(settings: Settings, session: Session, page: Page, row: PageRow) -> ReportRow:
    """Make the page the one of the document."""
    other = select(Page.id).where(Page.public_id == row.id, Page.id != page.id)
    if session.scalar(other) is not None:
        return ReportRow("page", row.id, row.name, SKIPPED, ELSEWHERE)
    try:
        fields = read_page_fields(settings, name=row.name, url=row.url, time_zone=row.time_zone)
    except Invalid as error:
        return ReportRow("page", row.id, row.name, SKIPPED, "; ".join(error.fields.values()) or error.sentence)
    host = (urlsplit(fields["url"]).hostname or "")[:255]
    return ReportRow("page", row.id, row.name, assign(page, {"public_id": row.id, "feed_authority": host, **fields}))
