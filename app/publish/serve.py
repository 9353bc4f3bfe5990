"""Serves the snapshot in front of everything: no database, no session, no cookie, no framework.

The last truth is kept in memory.  Whatever happens to the database, the worker, the application or even the files,
readers get it, with its time on it.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from typing import Any

from app.clock import now
from app.publish.revision import LIVE, STALE_AFTER, Revision

__all__ = ["LIVE", "SnapshotServer"]
logger = logging.getLogger(__name__)
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class SnapshotServer:
    """WSGI: answers the public addresses from the snapshot under `root`; everything else goes to `app`.

    The pointer is looked at every `look_every` seconds at most.  A look is a system call, which gives the interpreter's
    lock away: under load that costs more than all the rest of a request.
    """

    def __init__(self, root: Path, app: Application, look_every: float = 0.0) -> None:
        self._pointer = root / "default" / "current"
        self._folder = root / "default"
        self._app = app
        self._look_every = look_every
        self._look_again = 0.0
        self._revision: Revision | None = None
        self._is_stale = False
        self._loading = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if monotonic() >= self._look_again or self._revision is None:
            self._look()
        revision = self._revision
        if revision is None:
            return self._app(environ, start_response)
        url = environ.get("PATH_INFO", "/")
        found = revision.ready.get(url) or revision.find(url)
        if found is None:
            return self._app(environ, start_response)
        if self._is_stale:
            found = revision.aged(found)
        method = environ["REQUEST_METHOD"]
        if method not in {"GET", "HEAD"}:
            return found.refuse(method, start_response)
        return found.answer(environ, start_response, is_head=method == "HEAD")

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
                logger.warning("revision %s can not be read: %s", name, error.strerror or error)
