"""Publishing: reads the committed page, renders, writes and switches to it.  A crash is safe; it can run again."""

import logging
import shutil
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import now
from app.db import one_instant, release, session, translated
from app.errors import CandorError
from app.models.page import Page
from app.publish import store
from app.publish.addresses import Place, base_path, host_of, write_map
from app.publish.environment import render_version
from app.publish.needed import Before
from app.publish.render import render
from app.publish.snapshot import read
from app.settings import Settings

logger = logging.getLogger(__name__)
AS_OF_EVERY = timedelta(minutes=2)
REBUILT_AFTER = timedelta(days=27)


def refresh(settings: Settings, page_id: int) -> int:
    """Publish what is committed, also when it is published already; the revision that is published now.

    Raises:
        NotFound: the page doesn't exist.
        Unavailable: the database can't be read.
        OSError: the files can't be written; what was published before still is.
    """
    return _publish(settings, page_id, only_if_stale=False)


def refresh_if_stale(settings: Settings, page_id: int) -> int:
    """As `refresh`, unless someone else on this machine did it while its lock was waited for."""
    return _publish(settings, page_id, only_if_stale=True)


def _publish(settings: Settings, page_id: int, *, only_if_stale: bool) -> int:
    with translated():
        slug = session().scalar(select(Page.slug).where(Page.id == page_id)) or ""
        release()
        folder = settings.public_root / slug
        with store.locked(folder):
            before = store.published(folder)
            if only_if_stale and before is not None:
                committed = session().scalar(select(Page.revision).where(Page.id == page_id))
                release()
                if not _is_stale(before, committed):
                    return before.revision
            return _render(settings, folder, page_id, before)


def _render(settings: Settings, folder: Path, page_id: int, before: store.Meta | None) -> int:
    since = Before(before.revision, before.rendered) if before is not None and _can_build_on(before) else None
    with one_instant() as reading:
        snapshot = read(reading, page_id, since)
    if since is not None and since.revision > snapshot.page.revision:
        # the database is older than the files, as after a restored backup: it is the truth all the same
        with one_instant() as reading:
            snapshot = read(reading, page_id, None)
    rendered = render(snapshot, folder, settings.security_contact)
    meta = store.Meta(snapshot.page.revision, snapshot.rendered_at.isoformat(), render_version())
    store.write(folder, meta, rendered, snapshot.page.purge_revision)
    store.point_default(settings.public_root, snapshot.page.slug)
    publish_addresses(settings)
    return meta.revision


def publish_addresses(settings: Settings) -> None:
    """Write down which host and path lead to which page, for routing that needs no database.

    Raises:
        Unavailable: the database can't be read.
        OSError: the files can't be written; the map that was there stays.
    """
    with translated(), store.locked(settings.public_root):  # the last writer has read last
        pages = session().execute(select(Page).order_by(Page.id).execution_options(populate_existing=True)).scalars()
        places = [Place(host, page.base_path, page.slug) for page in pages for host in page.all_hosts]
        release()
        if not places:
            return
        own = host_of(urlsplit(settings.base_url).netloc)
        if own not in {place.host for place in places}:  # the address of the console, which shows the default page too
            places.append(Place(own, base_path(settings.base_url), places[0].slug))
        write_map(settings.public_root, places, places[0].slug)


def _can_build_on(before: store.Meta) -> bool:
    """Whether what lasts may stay as it is: of the same version, and no month began and ended since unwritten."""
    return before.render_version == render_version() and now() - before.rendered < REBUILT_AFTER


def try_refresh(settings: Settings, page_id: int) -> bool:
    """Refresh unless it is done already, and say whether it worked.

    What failed is logged; web processes and workers try it again every second.
    """
    try:
        refresh_if_stale(settings, page_id)
    except Exception as error:
        log_failure(error)
        return False
    return True


def why_missing(settings: Settings, page_id: int, slug: str, revision: int) -> str:
    """Why `revision` isn't among this machine's files; empty when it is.  Tries once more to write it."""
    if published_revision(settings, slug) == revision:
        return ""
    try:
        refresh_if_stale(settings, page_id)
    except Exception as error:
        return sentence_of(error)
    return ""


def sentence_of(failure: Exception) -> str:
    """What kept a page from being rendered, for people."""
    if isinstance(failure, CandorError):
        return failure.sentence
    if isinstance(failure, OSError):
        return f"{failure.strerror or type(failure).__name__}."
    return "It is a fault of Candor's; the log says more."


def log_failure(failure: Exception) -> None:
    """Log what kept a page from being rendered, with a traceback only when no one expected it."""
    if isinstance(failure, CandorError | OSError):
        logger.warning("the page is not rendered yet: %s", sentence_of(failure))
    else:
        logger.error("the page is not rendered yet", exc_info=failure)


def published_revision(settings: Settings, slug: str) -> int | None:
    """The revision that readers of this machine see."""
    meta = _published(settings, slug)
    return meta.revision if meta else None


def stale_pages(settings: Settings, reading: Session) -> list[int]:
    """The pages of which other than what is committed is published here, or whose "as of" is too old.  One query.

    Only this machine's own files and clock are looked at: other machines have theirs.
    """
    rows = reading.execute(select(Page.id, Page.slug, Page.revision)).all()
    return [page_id for page_id, slug, committed in rows if _is_stale(_published(settings, slug), committed)]


def _published(settings: Settings, slug: str) -> store.Meta | None:
    return store.published(settings.public_root / slug)


def _is_stale(meta: store.Meta | None, committed: int | None) -> bool:
    if meta is None or meta.revision != committed or meta.render_version != render_version():
        return True
    return abs(now() - meta.rendered) > AS_OF_EVERY  # also when the clock was put back


def remove_published(settings: Settings, slug: str) -> None:
    """Take away what is published of a page that was removed, and its addresses.  What fails is logged."""
    folder = settings.public_root / slug
    try:
        if folder.is_dir():
            with store.locked(folder):  # the process that was rendering it has finished
                shutil.rmtree(folder)
        for page_slug in session().scalars(select(Page.slug).order_by(Page.id).limit(1)).all():
            store.point_default(settings.public_root, page_slug)
        publish_addresses(settings)
    except Exception as error:
        log_failure(error)
