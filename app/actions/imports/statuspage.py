"""`candor import statuspage`: v2 documents into a page, one transaction per document."""

from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.imports.components import ELSEWHERE, assign, write_components
from app.actions.imports.documents import Document, PageRow, files, read_document
from app.actions.imports.posts import write_posts
from app.actions.imports.report import SKIPPED, TAKEN, UPDATED, Report, Row
from app.actions.pages import read_page_fields
from app.actions.revisions import lock_page, touch
from app.db import transaction
from app.errors import Invalid
from app.models.page import Page
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor


class _DryRun(Exception):
    pass


def import_statuspage(
    settings: Settings, actor: Actor, page_id: int, source: Path, *, dry_run: bool = False, take_page: bool = False
) -> Report:
    """Import a file, or every .json file below a folder.  Ids and dates are kept; a second run changes nothing.

    With `dry_run` each document is tried in a transaction that is rolled back.  With `take_page` the page also takes
    the id, name, address and zone of the one that the documents are from, for whoever moves.  Nothing is sent to
    anyone.

    Raises:
        Invalid: a file is no v2 document; then nothing is imported at all.
        NotFound: there is no such page.
        Unavailable: the database can not be written.
    """
    documents = [read_document(path) for path in files(source)]
    rows: list[Row] = []
    for document in documents:
        try:
            with transaction() as session:
                rows += _write(settings, session, actor, page_id, document, take_page=take_page)
                if dry_run:
                    raise _DryRun
        except _DryRun:
            continue
    if not dry_run and any(row.outcome in {TAKEN, UPDATED} for row in rows):
        try_refresh(settings, page_id)
    return Report(tuple(rows), dry_run)


def _write(
    settings: Settings, session: Session, actor: Actor, page_id: int, document: Document, *, take_page: bool
) -> list[Row]:
    page = lock_page(session, page_id)
    rows = [
        *document.refused,
        *([_take(settings, session, page, document.page)] if take_page and document.page else []),
    ]
    rows += write_components(session, page_id, document.components)
    rows += write_posts(session, page_id, document.posts, page.revision + 1)
    changed = sum(row.outcome in {TAKEN, UPDATED} for row in rows)
    if changed:
        touch(session, page, everything=True)
        audit.record(session, actor, "import", "page", page.public_id, f"{document.name[:200]}: {changed} rows")
    return rows


def _take(settings: Settings, session: Session, page: Page, row: PageRow) -> Row:
    """Make the page the one of the document."""
    other = select(Page.id).where(Page.public_id == row.id, Page.id != page.id)
    if session.scalar(other) is not None:
        return Row("page", row.id, row.name, SKIPPED, ELSEWHERE)
    try:
        fields = read_page_fields(settings, name=row.name, url=row.url, time_zone=row.time_zone)
    except Invalid as error:
        return Row("page", row.id, row.name, SKIPPED, "; ".join(error.fields.values()) or error.sentence)
    host = (urlsplit(fields["url"]).hostname or "")[:255]
    return Row("page", row.id, row.name, assign(page, {"public_id": row.id, "host": host, **fields}))
