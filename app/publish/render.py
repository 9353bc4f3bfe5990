"""Every file of a page, from its snapshot."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from app.publish import badge, calendar, discovery, embed, feeds, html, plain, statuspage_json
from app.publish.environment import assets_of
from app.publish.pictures import Picture, pictures
from app.publish.store import published
from app.publish.views import PageView, Snapshot
from app.vocabulary import Language

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files of a revision by path: those it has of its own, those that last, and the folders of the latter.

    `gone` are lasting files and folders that must not be there any more.
    """

    live: Mapping[str, bytes]
    lasting: Mapping[str, bytes]
    shared: tuple[str, ...]
    gone: tuple[str, ...] = ()


def render(snapshot: Snapshot, folder: Path, security_contact: str = "") -> Rendered:
    """Render a page whose files are in `folder`: what changes with every revision, and what changed of the rest.

    `security_contact` is where to report a weakness, empty to say nothing of it.
    """
    drawn = _pictures(snapshot, folder)
    live = {**_encoded(html.live_pages(snapshot)), **_encoded(embed.files(snapshot)), **badge.page_badge(snapshot)}
    live |= _documents(snapshot, folder) | {picture.path: body for picture, body in drawn.items()}
    if security_contact:
        live[discovery.SECURITY_TXT] = discovery.security(snapshot.page, security_contact, snapshot.rendered_at)
    lasting = {**_encoded(html.lasting_pages(snapshot)), **_lasting_documents(snapshot)}
    lasting |= _changed(folder, _of_components(snapshot)) | _new_assets(snapshot.page, folder)
    lasting |= _changed(folder, {f"assets/{picture.asset}": body for picture, body in drawn.items()})
    return Rendered(live, lasting, shared_folders(snapshot.page), _gone(snapshot, folder))


def shared_folders(page: PageView) -> tuple[str, ...]:
    """The folders that all revisions of a page share."""
    prefixes = ["", *(f"{language.value}/" for language in page.languages if language is not page.language)]
    return ("assets", "components", *(f"{prefix}{name}" for prefix in prefixes for name in ("incidents", "history")))


def _gone(snapshot: Snapshot, folder: Path) -> tuple[str, ...]:
    """The documents of withdrawn posts; after something was taken back, also what is never rendered again: the feeds of
    components that are hidden now, and the pages in languages that the page doesn't have any more.
    """
    withdrawn = [f"incidents/{post.public_id}.json" for post in snapshot.changed if post.withdrawn_at is not None]
    if not _has_taken_back(snapshot.page, folder):
        return tuple(withdrawn)
    shown = {component.public_id for component in snapshot.components}
    hidden = [
        f"components/{one.name}" for one in (folder / "lasting" / "components").glob("*") if one.name not in shown
    ]
    spoken = set(snapshot.page.languages) - {snapshot.page.language}
    left = [language.value for language in Language if language not in spoken]
    return (*withdrawn, *hidden, *left)


def _has_taken_back(page: PageView, folder: Path) -> bool:
    """Whether something was taken back since what is published now."""
    last = published(folder)
    return last is None or last.revision < page.purge_revision


def _encoded(texts: Mapping[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in texts.items()}


def _new_assets(page: PageView, folder: Path) -> dict[str, bytes]:
    found = {f"assets/{name}": body for name, body in assets_of(page).items()}
    return {path: body for path, body in found.items() if not (folder / "lasting" / path).is_file()}


def _of_components(snapshot: Snapshot) -> dict[str, bytes]:
    """Each visible component's badge and feed."""
    made: dict[str, bytes] = {}
    for component in snapshot.components:
        made |= badge.component_badge(snapshot, component)
        made[f"components/{component.public_id}/feed.atom"] = feeds.component_atom(snapshot, component)
    return made


def _changed(folder: Path, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of the lasting files that differ from what is on disk."""
    return {path: body for path, body in files.items() if _body(folder / "lasting" / path) != body}


def _body(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _pictures(snapshot: Snapshot, folder: Path) -> dict[Picture, bytes]:
    """The pictures of the page, drawn where what they show was never shown before; one that fails is left out."""
    made = {}
    for picture in pictures(snapshot):
        body = _body(folder / "lasting" / "assets" / picture.asset)
        try:
            made[picture] = body or picture.draw()
        except Exception:  # a page without its picture is still the page
            logger.exception("%s could not be drawn", picture.path)
    return made


def _months_written(snapshot: Snapshot, folder: Path) -> dict[str, date]:
    """When each month's page was written last: now, if it is to be, else the day of its file."""
    found = {month.key: snapshot.rendered_at.date() for month in snapshot.months}
    for key in snapshot.all_months:
        if key not in found:
            with suppress(OSError):
                changed = (folder / "lasting" / "history" / f"{key}.html").stat().st_mtime
                found[key] = datetime.fromtimestamp(changed, UTC).date()
    return found


def _lasting_documents(snapshot: Snapshot) -> dict[str, bytes]:
    made = {}
    for post in snapshot.changed:
        if post.withdrawn_at is not None:
            continue
        try:
            made[f"incidents/{post.public_id}.json"] = statuspage_json.one_incident(snapshot, post)
        except Exception:  # the last good one stays
            logger.exception("the document of post %s could not be made", post.public_id)
    return made


DOCUMENTS: Mapping[str, Callable[[Snapshot], bytes]] = {
    **statuspage_json.DOCUMENTS,
    "history.atom": feeds.atom,
    "history.rss": feeds.rss,
    "feed.json": feeds.json_feed,
    "calendar.ics": calendar.calendar,
    "status.md": plain.status,
    "llms.txt": discovery.llms,
    "robots.txt": discovery.robots,
    "site.webmanifest": discovery.manifest,
}
"""What programs read, by path."""


def _documents(snapshot: Snapshot, folder: Path) -> dict[str, bytes]:
    made = {}
    sitemap = partial(discovery.sitemap, written=_months_written(snapshot, folder))
    makers: Mapping[str, Callable[[Snapshot], bytes]] = {**DOCUMENTS, "sitemap.xml": sitemap}
    for path, make in makers.items():
        try:
            made[path] = make(snapshot)
        except Exception:  # one document that fails must not take the page with it
            logger.exception("%s could not be made; the last good one stays", path)
            last = folder / "current" / path
            if last.is_file() and not _has_taken_back(snapshot.page, folder):  # it may hold what was taken back
                made[path] = last.read_bytes()
    return made
