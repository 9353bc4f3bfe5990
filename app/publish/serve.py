"""Serves snapshots in front of the application: no database, session, cookie or framework.

The last state is kept in memory.  Whatever happens to the database, the worker, the application or even the files,
readers get it, with its time on it.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from typing import Any

from app.clock import now
from app.publish.addresses import MAP, RequestTarget, read_map
from app.publish.artifact import OK, Artifact, read_artifact
from app.publish.revision import ASSET, LIVE, STALE_AFTER, Revision

__all__ = ["LIVE", "PAGE", "AddressBook", "SnapshotServer", "lead"]
logger = logging.getLogger(__name__)
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
PAGE = "candor.page"
"""The slug of the page that a request leads to, in its WSGI environment."""

IS_OWN_HOST = "candor.is_own_host"
"""Whether the request's host is one of a page's addresses."""


def lead(environ: Environ, found: RequestTarget) -> None:
    """Hand a request on as one that was found: the application sees the path below the page's base."""
    environ[PAGE] = found.slug
    environ[IS_OWN_HOST] = found.is_own_host
    environ["SCRIPT_NAME"] = found.base
    environ["PATH_INFO"] = found.path


class AddressBook:
    """The map of addresses as it is on disk now, looked at every `look_every` seconds at most."""

    def __init__(self, root: Path, home: str = "", look_every: float = 0.0) -> None:
        self._root, self._home = root, home
        self._path = root / MAP
        self._look_every = look_every
        self._look_again = 0.0
        self._written: tuple[int, int] | None = None
        self.map = read_map(root, home)

    def find(self, environ: Environ) -> RequestTarget:
        """Where a request leads."""
        if monotonic() >= self._look_again:
            self._look()
        return self.map.find(environ.get("HTTP_HOST", ""), environ.get("PATH_INFO", "/"))

    def _look(self) -> None:
        self._look_again = monotonic() + self._look_every
        try:
            facts = self._path.stat()
        except OSError:
            return  # what is in memory is the last truth
        if self._written != (facts.st_mtime_ns, facts.st_ino):
            self._written = (facts.st_mtime_ns, facts.st_ino)
            self.map = read_map(self._root, self._home)


class SnapshotServer:
    """WSGI: answers the public addresses from the snapshots under `root`; everything else goes to `app`.

    A page is read on demand, and costs nothing before.  Its pointer is looked at every `look_every` seconds
    at most.  A look is a system call, which gives the interpreter's lock away: under load that costs more than all the
    rest of a request.  `home` is BASE_URL.
    """

    def __init__(self, root: Path, app: Application, look_every: float = 0.0, home: str = "") -> None:
        self._root = root
        self._app = app
        self._look_every = look_every
        self._book = AddressBook(root, home, look_every)
        self._pages: dict[str, _Page] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        at = self._book.find(environ)
        page = self._pages.get(at.slug) or self._page(at.slug)
        found = page.find(at.path)
        if found is None:
            lead(environ, at)
            return self._app(environ, start_response)
        if found.status != OK and at.path.startswith("/assets/"):
            found = self._anybodys(at.path) or found
        method = environ["REQUEST_METHOD"]
        if method not in {"GET", "HEAD"}:
            return found.refuse(method, start_response)
        return found.answer(environ, start_response, is_head=method == "HEAD")

    def _page(self, slug: str) -> "_Page":
        known = self._book.map.slugs
        for gone in [other for other in self._pages if other not in known]:
            self._pages.pop(gone, None)
        return self._pages.setdefault(slug, _Page(self._root / slug, self._look_every))

    def _anybodys(self, path: str) -> Artifact | None:
        """A style or picture of another page: a subscriber's links lead to the installation, and look like their page.

        It is read from disk, since few ask; its name holds a hash, so that no two pages mean different files by it.
        """
        if not ASSET.fullmatch(path):
            return None
        folders = (self._root / slug / "lasting" for slug in sorted(self._book.map.slugs))
        return next((found for folder in folders if (found := read_artifact(folder, path[1:]))), None)


class _Page:
    """One page's newest revision, once someone asked for it."""

    def __init__(self, folder: Path, look_every: float) -> None:
        self._pointer = folder / "current"
        self._folder = folder
        self._look_every = look_every
        self._look_again = 0.0
        self._revision: Revision | None = None
        self._is_stale = False
        self._loading = threading.Lock()

    def find(self, url: str) -> Artifact | None:
        """What answers an address; None when it is none of the page's, or nothing is published."""
        if monotonic() >= self._look_again or self._revision is None:
            self._look()
        revision = self._revision
        if revision is None:
            return None
        found = revision.ready.get(url) or revision.find(url)
        return revision.aged(found) if self._is_stale and found is not None else found

    def _look(self) -> None:
        """Take the revision that is pointed to; when the files are gone, what is in memory is the last truth."""
        self._look_again = monotonic() + self._look_every
        try:
            name = self._pointer.readlink().name
        except OSError:
            name = ""
        if name and (self._revision is None or self._revision.name != name):
            self._load(name)
        self._is_stale = self._revision is not None and now() - self._revision.rendered > STALE_AFTER

    def _load(self, name: str) -> None:
        with self._loading:
            if self._revision is not None and self._revision.name == name:
                return
            try:
                self._revision = Revision(self._folder, name)
            except OSError as error:
                logger.warning("revision %s can't be read: %s", name, error.strerror or error)
