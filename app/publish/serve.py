"""Serves the snapshot in front of everything: no database, no session, no cookie, no framework.

The last truth is kept in memory.  Whatever happens to the database, the worker, the application or even the files,
readers get it, with its time on it.
"""

import logging
import os
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.publish.artifact import Artifact, artifact, read_artifact

logger = logging.getLogger(__name__)
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

LIVE = {
    "/": "index.html",
    "/history": "history.html",
    "/history.rss": "history.rss",
    "/history.atom": "history.atom",
    "/api/v2/summary.json": "api/v2/summary.json",
    "/api/v2/status.json": "api/v2/status.json",
    "/robots.txt": "robots.txt",
    "/favicon.ico": "favicon.svg",
}
_LASTING = re.compile(r"/(incidents/[a-z0-9]{1,32}|history/\d{4}-\d{2})")
_ASSET = re.compile(r"/(assets/[A-Za-z0-9][A-Za-z0-9._-]{0,79})")
_PUBLIC = re.compile(r"/(incidents|history|api/v2|assets)(/|$)")
KEPT_IN_MEMORY = 500
NO_PAGE = artifact("404.html", {"": b"Not found"}, status="404 Not Found")


class _Revision:
    """One revision in memory: its live artifacts, and lasting ones as they are asked for."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder / name
        self._lasting: dict[str, Artifact | None] = {}
        self.live: dict[str, Artifact] = {}
        for url, path in LIVE.items():
            found = read_artifact(self._folder, path)
            if found is not None:
                self.live[url] = found
        if "/" not in self.live:
            raise FileNotFoundError(f"revision {name} has no page")
        for asset in self._folder.glob("assets/*"):
            if asset.suffix in {".css", ".js", ".svg"} and not asset.name.startswith("."):
                loaded = read_artifact(self._folder, f"assets/{asset.name}")
                if loaded is not None:
                    self.live[f"/assets/{asset.name}"] = loaded
        self.missing = read_artifact(self._folder, "404.html", status="404 Not Found") or NO_PAGE

    def lasting(self, url: str) -> Artifact | None:
        if url not in self._lasting:
            match = _LASTING.fullmatch(url) or _ASSET.fullmatch(url)
            suffix = "" if url.startswith("/assets/") else ".html"
            found = read_artifact(self._folder, match[1] + suffix) if match else None
            if found is None:
                return None
            if len(self._lasting) >= KEPT_IN_MEMORY:
                self._lasting.pop(next(iter(self._lasting)))
            self._lasting[url] = found
        return self._lasting[url]


class SnapshotServer:
    """WSGI: answers the public addresses from the snapshot under `root`; everything else goes to `app`."""

    def __init__(self, root: Path, app: Application) -> None:
        self._pointer = str(root / "default" / "current")
        self._folder = root / "default"
        self._app = app
        self._revision: _Revision | None = None
        self._loading = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        revision = self._current()
        url = environ.get("PATH_INFO", "/")
        if revision is None:
            return self._app(environ, start_response)
        found = revision.live.get(url)
        if found is None:
            if len(url) > 1 and url[-1] == "/":
                url = url.rstrip("/") or "/"
                found = revision.live.get(url)
            if found is None:
                if url != "/" and not _PUBLIC.match(url):
                    return self._app(environ, start_response)
                found = revision.lasting(url) or revision.missing
        method = environ["REQUEST_METHOD"]
        if method not in {"GET", "HEAD"}:
            return found.refuse(method, start_response)
        return found.answer(environ, start_response, is_head=method == "HEAD")

    def _current(self) -> _Revision | None:
        try:
            name = os.readlink(self._pointer)  # noqa: PTH115 - on the path of every request, and ten times faster
        except OSError:
            return self._revision  # the files are gone: what is in memory is the last truth
        if self._revision is None or self._revision.name != name:
            self._load(name)
        return self._revision

    def _load(self, name: str) -> None:
        with self._loading:
            if self._revision is not None and self._revision.name == name:
                return
            try:
                self._revision = _Revision(self._folder, name)
            except OSError as error:
                logger.warning("revision %s can not be read: %s", name, error.strerror or error)
