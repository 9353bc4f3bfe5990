"""The concurrency limit: however slow the application is, some threads are always free for the public page."""

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

from app.publish.serve import Application

THREADS = 8
"""Of one web process.  Each more costs readers a little, because all of them take turns in Python."""

APP_SLOTS = 6
"""How many of them the application may hold: the rest are for readers."""

WAIT_FOR_NOTHING = frozenset({"/healthz"})
SENTENCE = "Candor is busy right now. Try again in a few seconds."
BUSY = f"{SENTENCE}\n".encode()
HEADERS = [
    ("Retry-After", "2"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
]


class ConcurrencyLimit:
    """WSGI: at most `slots` requests at a time are worked on by `app`; one more is answered 503 and holds no thread.

    What waits for nothing needs no slot: a process whose application waits for its database lives all the same.
    """

    def __init__(self, app: Application, slots: int) -> None:
        self._app = app
        self._slots = threading.BoundedSemaphore(slots)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in WAIT_FOR_NOTHING:
            return self._app(environ, start_response)
        if not self._slots.acquire(blocking=False):
            return _busy(environ.get("PATH_INFO", ""), start_response)
        try:
            return self._app(environ, start_response)
        finally:
            self._slots.release()


def _busy(path: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """503 in the format that the caller can read."""
    kind, body = "text/plain; charset=utf-8", BUSY
    if path.startswith("/v1/"):
        kind, body = "application/json", json.dumps({"error": SENTENCE, "message": SENTENCE}).encode()
    elif path.startswith("/api/"):
        problem = {"type": "about:blank", "title": "Temporarily unavailable", "status": 503, "detail": SENTENCE}
        kind, body = "application/problem+json", json.dumps(problem).encode()
    told = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response("503 Service Unavailable", [*told, *HEADERS])
    return [body]
