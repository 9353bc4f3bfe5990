"""`candor import statuspage`: v2 documents into a page, one transaction per document."""

from pathlib import Path

from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.imports.components import write_components
from app.actions.imports.documents import Document, files, read_document
from app.actions.imports.posts import write_posts
from app.actions.imports.report import TAKEN, UPDATED, Report, Row
from app.actions.revisions import lock_page, touch
from app.db import transaction
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor


class _DryRun(Exception):
    pass


def import_statuspage(settings: Settings, actor: Actor, page_id: int, source: Path, *, dry_run: bool = False) -> Report:
    """Import a file, or every .json file below a folder.  Ids and dates are kept; a second run changes nothing.

    With `dry_run` each document is tried in a transaction that is rolled back.  Nothing is sent to anyone.

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
                rows += _write(session, actor, page_id, document)
                if dry_run:
                    raise _DryRun
        except _DryRun:
            continue
    if not dry_run and any(row.outcome in {TAKEN, UPDATED} for row in rows):
        try_refresh(settings, page_id)
    return Report(tuple(rows), dry_run)


def _write(session: Session, actor: Actor, page_id: int, document: Document) -> list[Row]:
    page = lock_page(session, page_id)
    rows = [*document.refused, *write_components(session, page_id, document.components)]
    rows += write_posts(session, page_id, document.posts, page.revision + 1)
    changed = sum(row.outcome in {TAKEN, UPDATED} for row in rows)
    if changed:
        touch(session, page, everything=True)
        audit.record(session, actor, "import", "page", page.public_id, f"{document.name[:200]}: {changed} rows")
    return rows
