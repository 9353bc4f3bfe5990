"""One revision in memory: everything that readers request most, and the rest on demand."""

import json
import logging
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.publish.artifact import Artifact, artifact, read_artifact
from app.publish.discovery import SECURITY_TXT
from app.publish.store import compressed
from app.vocabulary import Language

logger = logging.getLogger(__name__)
LIVE = {
    "/": "index.html",
    "/favicon.ico": "favicon.svg",
    "/feed": "history.rss",
    "/feed.rss": "history.rss",
    "/rss.xml": "history.rss",
    "/feed.atom": "history.atom",
    "/security.txt": SECURITY_TXT,
    "/apple-touch-icon.png": "icon-192.png",
}
"""Which file answers an address, beside the addresses that files are named after."""

STALE_AFTER = timedelta(minutes=5)
STALE_HIDDEN = b'id="stale" class="stale" role="status" hidden>'
STALE_SHOWN = STALE_HIDDEN.replace(b" hidden", b"")
KEPT_IN_MEMORY = 500
_LANGUAGE = "(?:" + "|".join(Language) + ")"
_LASTING = re.compile(rf"/((?:{_LANGUAGE}/)?(?:incidents/[a-z0-9]{{1,32}}|history/\d{{4}}-\d{{2}}))")
_OF_A_COMPONENT = re.compile(r"/(components/[a-z0-9]{1,32}/(?:badge\.svg|badge\.json|feed\.atom))")
_LASTING_DOCUMENT = re.compile(r"(?:/api/v2)?/(incidents/[a-z0-9]{1,32}\.json)")
ASSET = re.compile(r"/(assets/[A-Za-z0-9][A-Za-z0-9._-]{0,79})")
_IN_A_LANGUAGE = re.compile(rf"(?P<prefix>/{_LANGUAGE})(?P<rest>/.*)?", re.DOTALL)
_PUBLIC = re.compile(r"/(incidents|history|api/v2|assets|components|embed)(/|$)")
_API = re.compile(r"(?:/api/.*|/(?:incidents|components)/.*\.json)")
NO_DOCUMENT = artifact(
    "404.problem",
    {"": b'{"type":"about:blank","title":"Not Found","status":404,"detail":"There is nothing at this address."}'},
    status="404 Not Found",
)
"""What programs get instead of a page (RFC 9457)."""

NO_PAGE = artifact("404.html", {"": b"Not found"}, status="404 Not Found")


class Revision:
    """What `folder`/`name` holds.  Raises OSError when it holds no page."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder / name
        self.rendered = _rendered(self._folder)
        self.ready = self._read_live()
        if "/" not in self.ready:
            raise FileNotFoundError(f"revision {name} has no page")
        self._keeping = threading.Lock()
        self._lasting: dict[str, Artifact] = {}
        self._aged: dict[Artifact, Artifact] = {}

    def find(self, url: str) -> Artifact | None:
        """What answers `url`, "not found" included; None when it is no address of the public page.

        A language that the page doesn't have is answered in the page's own.
        """
        url = url.rstrip("/") or "/"
        found = self._at(url)
        spoken = _IN_A_LANGUAGE.fullmatch(url) if found is None else None
        if spoken is not None:
            url = spoken["rest"] or "/"
            found = None if _IN_A_LANGUAGE.fullmatch(url) else self._at(url)  # one language at most
        if found is None and _PUBLIC.match(url):
            return NO_DOCUMENT if _API.fullmatch(url) else self._missing(spoken["prefix"] if spoken else "")
        return found

    def aged(self, found: Artifact) -> Artifact:
        """`found` as it is shown when nothing new could be written for `STALE_AFTER`: the page says so."""
        if found not in self._aged:
            body = found.variants[""].body[0]
            if not found.path.endswith(".html") or STALE_HIDDEN not in body:
                return found
            said = body.replace(STALE_HIDDEN, STALE_SHOWN, 1)
            self._aged[found] = artifact(found.path, compressed(said), found.status)  # as old as it is, it says more
        return self._aged[found]

    def _at(self, url: str) -> Artifact | None:
        return self.ready.get(url) or self._read_lasting(url)

    def _read_live(self) -> dict[str, Artifact]:
        ready: dict[str, Artifact] = {}
        for path in self._paths():
            status = "404 Not Found" if path.endswith("404.html") else "200 OK"
            found = read_artifact(self._folder, path, status)
            if found is not None:
                ready[_address(path)] = found
        named = {url: ready.get(_address(path)) for url, path in LIVE.items()}
        return {**ready, **{url: found for url, found in named.items() if found is not None}}

    def _paths(self) -> list[str]:
        """The files of this revision, and of what all revisions share the assets, which are few."""
        own = [path for path in self._folder.rglob("*") if path.is_file() and not path.is_symlink()]
        found = {path.relative_to(self._folder) for path in [*own, *self._folder.glob("assets/*")]}
        return [path.as_posix() for path in found if not _is_lasting(path) and not _is_ours(path)]

    def _read_lasting(self, url: str) -> Artifact | None:
        if url not in self._lasting:
            path = _lasting_path(url)
            found = read_artifact(self._folder, path) if path else None
            if found is None:
                return None
            with self._keeping:
                if len(self._lasting) >= KEPT_IN_MEMORY:
                    self._lasting.pop(next(iter(self._lasting)))
                self._lasting[url] = found
            return found
        return self._lasting.get(url)

    def _missing(self, prefix: str) -> Artifact:
        return self.ready.get(f"{prefix}/404") or self.ready.get("/404") or NO_PAGE


def _is_lasting(path: Path) -> bool:
    """Whether a file is read on demand: there may be thousands of those."""
    places = path.parts[1:] if path.parts[0] in set(Language) else path.parts
    return len(places) > 1 and places[0] in {"incidents", "history", "components"}


def _lasting_path(url: str) -> str:
    """The file that an address of what lasts leads to; empty when it is none."""
    if page := _LASTING.fullmatch(url):
        return f"{page[1]}.html"
    found = _LASTING_DOCUMENT.fullmatch(url) or _OF_A_COMPONENT.fullmatch(url) or ASSET.fullmatch(url)
    return found[1] if found else ""


def _address(path: str) -> str:
    """`index.html` is at `/`, `de/history.html` at `/de/history`, and what is no page at its path."""
    return f"/{path}".removesuffix(".html").removesuffix("/index") or "/"


def _is_ours(path: Path) -> bool:
    """Whether a file is no address of its own: an encoding of another, a draft, or what a revision says of itself."""
    return path.suffix in {".br", ".gz"} or path.name.startswith(".") or path.name == "meta.json"


def _rendered(folder: Path) -> datetime:
    try:
        return datetime.fromisoformat(json.loads((folder / "meta.json").read_text("utf-8"))["rendered_at"])
    except (ValueError, KeyError, TypeError):
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC)
