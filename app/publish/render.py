"""Every file of a page, from its snapshot."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.publish import calendar, feeds, html, statuspage_json
from app.publish.environment import assets_of
from app.publish.views import PageView, Snapshot

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files of a revision by path: those it has of its own, those that last, and the folders of the latter."""

    live: Mapping[str, bytes]
    lasting: Mapping[str, bytes]
    shared: tuple[str, ...]


def render(snapshot: Snapshot, folder: Path) -> Rendered:
    """Render a page whose files stand in `folder`: what changes with every revision, and what changed of the rest."""
    live = {**_encoded(html.live_pages(snapshot)), **_documents(snapshot, folder)}
    lasting = {**_encoded(html.lasting_pages(snapshot)), **_new_assets(snapshot.page, folder)}
    return Rendered(live, lasting, shared_folders(snapshot.page))


def shared_folders(page: PageView) -> tuple[str, ...]:
    """The folders that all revisions of a page share."""
    prefixes = ["", *(f"{language.value}/" for language in page.languages if language is not page.language)]
    return ("assets", *(f"{prefix}{name}" for prefix in prefixes for name in ("incidents", "history")))


def _encoded(texts: Mapping[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in texts.items()}


def _new_assets(page: PageView, folder: Path) -> dict[str, bytes]:
    found = {f"assets/{name}": body for name, body in assets_of(page).items()}
    return {path: body for path, body in found.items() if not (folder / "lasting" / path).is_file()}


def _documents(snapshot: Snapshot, folder: Path) -> dict[str, bytes]:
    makers: dict[str, Callable[[Snapshot], bytes]] = {
        "history.atom": feeds.atom,
        "history.rss": feeds.rss,
        "api/v2/summary.json": statuspage_json.summary,
        "api/v2/status.json": statuspage_json.status,
        "calendar.ics": calendar.calendar,
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
