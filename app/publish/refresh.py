"""From what is committed to what is served: read, render, write, point.  May die at any instant and be done again."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import now
from app.db import release, session, translated
from app.errors import CandorError
from app.models.page import Page
from app.publish import feeds, html, statuspage_json, store
from app.publish.environment import assets, render_version
from app.publish.snapshot import read
from app.publish.views import Snapshot
from app.settings import Settings

logger = logging.getLogger(__name__)
AS_OF_EVERY = timedelta(minutes=5)
REBUILT_AFTER = timedelta(days=27)


def refresh(settings: Settings, page_id: int) -> int:
    """Publish what is committed; the revision that is published now.

    Raises:
        NotFound: there is no such page.
        Unavailable: the database can not be read.
        OSError: the files can not be written; what was published before still is.
    """
    with translated():
        slug = session().scalar(select(Page.slug).where(Page.id == page_id)) or ""
        release()
        folder = settings.public_root / slug
        with store.locked(folder):
            return _refresh(settings, folder, page_id)


def _refresh(settings: Settings, folder: Path, page_id: int) -> int:
    before = store.published(folder)
    since = before.revision if before is not None and _can_build_on(before) else None
    snapshot = read(session(), page_id, since)
    release()
    if since is not None and since > snapshot.page.revision:
        since = None  # the database is older than the files, as after a restored backup: it is the truth all the same
        snapshot = read(session(), page_id, None)
        release()
    live = {**{path: text.encode() for path, text in html.live_pages(snapshot).items()}, **_documents(snapshot, folder)}
    lasting = {path: text.encode() for path, text in html.lasting_pages(snapshot).items()}
    if since is None:
        lasting |= {f"assets/{name}": body for name, body in assets().items()}
    meta = store.Meta(snapshot.page.revision, snapshot.rendered_at.isoformat(), render_version())
    store.write(folder, meta, live, lasting)
    store.point_default(settings.public_root, snapshot.page.slug)
    return meta.revision


def _can_build_on(before: store.Meta) -> bool:
    """Whether what lasts may stay as it is: of the same version, and no month began and ended since unwritten."""
    return before.render_version == render_version() and now() - before.rendered < REBUILT_AFTER


def _documents(snapshot: Snapshot, folder: Path) -> dict[str, bytes]:
    makers: dict[str, Callable[[Snapshot], bytes]] = {
        "history.atom": feeds.atom,
        "history.rss": feeds.rss,
        "api/v2/summary.json": statuspage_json.summary,
        "api/v2/status.json": statuspage_json.status,
    }
    made = {}
    for path, make in makers.items():
        try:
            made[path] = make(snapshot)
        except Exception:  # one document that fails must not take the page with it
            logger.exception("%s could not be made; the last good one stays", path)
            last = folder / "current" / path
            if last.is_file():
                made[path] = last.read_bytes()
    return made


def try_refresh(settings: Settings, page_id: int) -> bool:
    """Refresh, and say whether it worked.  What failed is logged; the worker's sweep does it again."""
    try:
        refresh(settings, page_id)
    except CandorError as error:
        logger.warning("the page is not rendered yet: %s", error.sentence)
        return False
    except OSError as error:
        logger.error("the page can not be written: %s", error.strerror or error)
        return False
    except Exception:
        logger.exception("the page is not rendered yet")
        return False
    return True


def published_revision(settings: Settings, slug: str) -> int | None:
    """The revision that readers of this machine see."""
    meta = store.published(settings.public_root / slug)
    return meta.revision if meta else None


def stale_pages(settings: Settings, reading: Session) -> list[int]:
    """The pages of which more is committed than published, or whose "as of" is five minutes old."""
    stale = []
    for page_id, slug, revision in reading.execute(select(Page.id, Page.slug, Page.revision)):
        meta = store.published(settings.public_root / slug)
        is_current = meta is not None and meta.revision == revision and meta.render_version == render_version()
        if meta is None or not is_current or now() - meta.rendered > AS_OF_EVERY:
            stale.append(page_id)
    return stale
