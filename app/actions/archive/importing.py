"""`candor import archive`: the whole of a page from a file, in one transaction.  Nothing is sent to anyone."""

import binascii
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.archive.reading import Archive, opened
from app.actions.archive.report import KEPT, TAKEN, ArchiveReport
from app.actions.archive.rows import Taking, take
from app.actions.archive.suppressions import take_suppressions
from app.actions.archive.tables import PAGE, SUPPRESSIONS, TABLES, Model
from app.actions.archive.values import PUBLIC_ID, Field
from app.actions.archive.writing import PAGE_FIELDS
from app.actions.by_clock import will_move
from app.actions.imports.fields import RowError
from app.actions.page_logo import kind_of_logo
from app.actions.pages import read_page_fields
from app.actions.restoring import pause_everything
from app.actions.revisions import lock_page, touch
from app.db import transaction
from app.errors import Conflict, Invalid
from app.models.announcement import Announcement
from app.models.component import Component, ComponentGroup
from app.models.page import Page, PageLogo
from app.models.post import Post
from app.models.subscriber import Subscriber
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor
from app.states import subscribers
from app.vocabulary import Visibility

OWN: dict[str, Model] = {
    "posts": Post, "components": Component, "groups": ComponentGroup, "announcements": Announcement,
    "subscribers": Subscriber,
}  # fmt: skip
PAUSED = (
    "An archive was imported with maintenance that begins or ends by the clock. Nothing is sent until you resume it, "
    "on the limits screen."
)
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{0,255}")
_THEME = re.compile(r"[a-z0-9_-]{1,64}")
_LOGO_FIELDS = tuple(
    Field(name, kind, nullable=False, limit=None, words=frozenset(), default=None)
    for name, kind in (("content_type", str), ("body", str))
)
_UPDATED_AT = next(one for one in PAGE_FIELDS if one.name == "updated_at")


class _DryRun(Exception):
    pass


def import_archive(
    settings: Settings,
    actor: Actor,
    page_id: int,
    path: Path,
    *,
    dry_run: bool = False,
    without_suppressions: bool = False,
) -> ArchiveReport:
    """Take everything that is in an archive, or nothing.

    A page without content of its own becomes the archive's.  When it is that page already, what is here stays as it is
    and what is missing is put back.  With `dry_run` it is tried in a transaction that is rolled back.  With
    `without_suppressions`, addresses that this installation can not recognise are left out of those never to be written
    to.

    Raises:
        Invalid: the file can not be taken; the sentence says why.
        Conflict: the page has content of its own.
        NotFound: there is no such page.
        Unavailable: the database can not be written; nothing was changed.
    """
    report = ArchiveReport(dry_run)
    with opened(path) as archive:
        try:
            with transaction() as session:
                _take(settings, session, actor, page_id, archive, report, without_suppressions)
                if dry_run:
                    raise _DryRun
        except _DryRun:
            return report
    if report.total(TAKEN):
        try_refresh(settings, page_id)
    return report


def _take(
    settings: Settings,
    session: Session,
    actor: Actor,
    page_id: int,
    archive: Archive,
    report: ArchiveReport,
    without_suppressions: bool,
) -> None:
    page = lock_page(session, page_id)
    row = archive.page()
    report.page = archive.manifest.page_name
    has_own = _has_own(session, page_id)
    if has_own and page.public_id != archive.manifest.page_id:
        raise Conflict(
            f"This page has {has_own} of its own, and the archive is another page's. Import it into an empty "
            "installation: a new CANDOR_HOME, or a new database, and candor init."
        )
    newest = session.scalar(select(func.max(Post.id))) or 0
    taking = Taking(settings, session, page_id, page.revision + 1, archive, report)
    if has_own:
        report.count(PAGE, KEPT)
    else:
        _take_page(taking, page, row)
    session.flush()
    for table in TABLES:
        if table is SUPPRESSIONS:
            take_suppressions(taking, left_out=without_suppressions)
        else:
            take(taking, table)
    subscribers.settle_suppressed(session)
    if session.scalar(select(Post.id).where(Post.page_id == page_id, Post.id > newest, will_move()).limit(1)):
        report.is_paused = True
        pause_everything(session, PAUSED)
    if report.total(TAKEN):
        said_at = page.updated_at
        touch(session, page, everything=True)
        page.updated_at = said_at
        audit.record(session, actor, "import", "archive", page.public_id, f"{report.total(TAKEN)} rows")


def _has_own(session: Session, page_id: int) -> str:
    """What the page holds, in words; empty when there is nothing."""
    counts = {
        name: session.scalar(select(func.count()).where(model.page_id == page_id)) or 0 for name, model in OWN.items()
    }
    return ", ".join(f"{count:,} {name if count > 1 else name[:-1]}" for name, count in counts.items() if count)


def _take_page(taking: Taking, page: Page, row: dict[str, Any]) -> None:
    """Make the page the archive's: its settings and its logo."""
    session, archive = taking.session, taking.archive
    try:
        strange = set(row) - {one.name for one in PAGE_FIELDS} - {"logo"}
        if strange:
            raise RowError(f"it has a {sorted(strange)[0][:40]!r}, which this Candor does not know")
        values = {one.name: one.read(row) for one in PAGE_FIELDS}
        values |= _checked(taking.settings, values)
        if not PUBLIC_ID.fullmatch(values["public_id"]) or values["public_id"] != archive.manifest.page_id:
            raise RowError("its public_id is not the manifest's")
        if session.scalar(select(Page.id).where(Page.public_id == values["public_id"], Page.id != page.id)):
            raise RowError("its id belongs to another page here")
        logo = _logo(row.get("logo"), page.id)
    except RowError as error:
        archive.refuse(f"{PAGE}: {error}.")
    except Invalid as error:
        archive.refuse(f"{PAGE}: {'; '.join(error.fields.values()) or error.sentence}")
    for name, value in values.items():
        setattr(page, name, value)
    before = session.get(PageLogo, page.id)
    if before is not None:
        session.delete(before)
        session.flush()
    if logo is not None:
        session.add(logo)
    taking.report.count(PAGE, TAKEN)


def _checked(settings: Settings, values: dict[str, Any]) -> dict[str, str]:
    if values["visibility"] != Visibility.PUBLIC:
        raise RowError("it is not public, and this Candor shows public pages only")
    if not _HOST.fullmatch(values["feed_authority"]) or not _THEME.fullmatch(values["theme"]):
        raise RowError("its feed_authority or theme is not valid")
    return read_page_fields(
        settings,
        name=values["name"],
        url=values["url"],
        time_zone=values["time_zone"],
        locale=values["locale"],
        languages=[code for code in values["languages"].split(",") if code],
        accent=values["accent"],
        mail_from=values["mail_from"],
    )


def _logo(raw: Any, page_id: int) -> PageLogo | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise RowError("its logo is none")
    facts = {one.name: one.read(raw) for one in _LOGO_FIELDS}
    try:
        body = b64decode(facts["body"], validate=True)
    except (binascii.Error, ValueError):
        raise RowError("its logo is not in base64") from None
    if kind_of_logo(body) != facts["content_type"]:
        raise RowError("its logo is not what it says")
    return PageLogo(
        page_id=page_id, content_type=facts["content_type"], body=body, updated_at=_UPDATED_AT.read(raw)
    )  # fmt: skip
