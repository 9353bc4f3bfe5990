"""One snapshot file as HTTP: encodings, validators and headers, all computed when it is loaded."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

Headers = list[tuple[str, str]]
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".problem": "application/problem+json",
    ".atom": "application/atom+xml; charset=utf-8",
    ".rss": "application/rss+xml; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".ics": "text/calendar; charset=utf-8",
    ".png": "image/png",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
OK = "200 OK"
READ_ONLY = "This address can only be read. Use GET."
FRESH = "public, max-age=10, stale-while-revalidate=60, stale-if-error=3600"
"""What was withdrawn is gone from a cache in front within 70 seconds, or an hour when Candor doesn't answer."""

FOR_EVER = "public, max-age=31536000, immutable"
SECURITY: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
]
"""What a static page needs; each header more costs readers some requests of a hundred.  The console sends more.  Here
browsers tell strangers the origin alone as it is, and there is no script but our own, no form and no window."""

FRAME = "embed/frame.html"
FRAMED: Headers = [(name, value.replace("frame-ancestors 'none'", "frame-ancestors *")) for name, value in SECURITY]
"""The same for the one page that other websites may frame."""

SUFFIXES = {"": "", "br": ".br", "gzip": ".gz"}
"""What the file of each content coding ends with."""

OPEN_TO_ALL = (".json", ".problem", ".atom", ".rss", ".ics", ".md", "llms.txt", "badge.svg")
"""What scripts of any origin may read (CORS): documents that were made for programs."""

KEPT_CHOICES = 64

_QUALITY = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([\d.]+))?\s*")


@dataclass(frozen=True, slots=True)
class Variant:
    """One encoding of the file."""

    etag: str
    headers: Headers
    not_modified: Headers
    body: list[bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """One public address, ready to be answered.  `variants` is by content coding; "" is as it is.

    `changed` is its Last-Modified, if it has one.  Who asks by the time sends back what they were told.
    """

    path: str
    status: str
    changed: str | None
    variants: Mapping[str, Variant]
    _chosen: dict[str, Variant] = field(default_factory=dict)

    def answer(
        self, environ: Mapping[str, Any], start_response: Callable[..., Any], *, is_head: bool
    ) -> Iterable[bytes]:
        """200 (or the artifact's own status) with the best encoding, or 304 when the reader has it (RFC 9110)."""
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        variant = self._chosen.get(accepted) or self._choose(accepted)
        wanted = environ.get("HTTP_IF_NONE_MATCH")
        if wanted is None:
            is_known = environ.get("HTTP_IF_MODIFIED_SINCE", "") == self.changed
        else:
            is_known = _matches(wanted, variant.etag)
        if is_known and self.status == OK:
            start_response("304 Not Modified", variant.not_modified)
            return []
        start_response(self.status, variant.headers)
        return [] if is_head else variant.body

    def _choose(self, accepted: str) -> Variant:
        """The variant a reader likes best, kept for the next who says the same, as long as they are few."""
        variant = next(self.variants[coding] for coding in preferences(accepted) if coding in self.variants)
        if len(self._chosen) < KEPT_CHOICES:
            self._chosen[accepted] = variant
        return variant

    def refuse(self, method: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """204 for OPTIONS, 405 for every other method that isn't reading: for a document a problem (RFC 9457)."""
        allow = [("Allow", "GET, HEAD, OPTIONS"), *SECURITY]
        if method == "OPTIONS":
            start_response("204 No Content", [*allow, ("Access-Control-Allow-Origin", "*")])
            return []
        body = f"{READ_ONLY}\n".encode()
        kind = CONTENT_TYPES[".txt"]
        if self.path.endswith((".json", ".problem")):
            problem = {"type": "about:blank", "title": "Method Not Allowed", "status": 405, "detail": READ_ONLY}
            body, kind = json.dumps(problem).encode(), CONTENT_TYPES[".problem"]
        told = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        start_response("405 Method Not Allowed", [*allow, *told])
        return [body]


def read_artifact(folder: Path, path: str, status: str = OK) -> Artifact | None:
    """Load a file with its encodings; None when it isn't there."""
    bodies = {}
    for coding, suffix in SUFFIXES.items():
        try:
            bodies[coding] = (folder / f"{path}{suffix}").read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            if not coding:
                return None
    changed = datetime.fromtimestamp((folder / path).stat().st_mtime, UTC)
    return artifact(path, bodies, status, changed)


def artifact(path: str, bodies: Mapping[str, bytes], status: str = OK, changed: datetime | None = None) -> Artifact:
    """Work out the headers of a file's encodings."""
    digest = hashlib.sha256(bodies[""]).hexdigest()[:20]
    shared: Headers = [
        ("Content-Type", CONTENT_TYPES.get(Path(path).suffix, "application/octet-stream")),
        ("Cache-Control", FOR_EVER if path.startswith("assets/") else FRESH),
        *(FRAMED if path.endswith(FRAME) else SECURITY),
    ]
    if len(bodies) > 1:
        shared.append(("Vary", "Accept-Encoding"))
    modified = None if changed is None else format_datetime(changed, usegmt=True)
    if modified is not None:
        shared.append(("Last-Modified", modified))
    if path.endswith(OPEN_TO_ALL):
        shared.append(("Access-Control-Allow-Origin", "*"))
    variants = {coding: _variant(coding, body, digest, shared) for coding, body in bodies.items()}
    return Artifact(path, status, modified, variants)


def _variant(coding: str, body: bytes, digest: str, shared: Headers) -> Variant:
    etag = f'"{digest}-{coding}"' if coding else f'"{digest}"'
    encoding = [("Content-Encoding", coding)] if coding else []
    kept = [header for header in shared if header[0] in {"Vary", "Cache-Control", "Access-Control-Allow-Origin"}]
    full = [*shared, ("ETag", etag), *encoding, ("Content-Length", str(len(body)))]
    return Variant(etag, full, [*kept, ("ETag", etag)], [body])


@lru_cache(maxsize=1024)
def preferences(accepted: str) -> tuple[str, ...]:
    """The content codings that a reader takes, best first, from what it sent as Accept-Encoding (RFC 9110, 12.5.3).

    Of those liked as much, br comes before gzip; as it is ("") is always taken at last.
    """
    weights = _weights(accepted)
    liked = {coding: weights.get(coding, weights.get("*", 0.0)) for coding in ("br", "gzip")}
    taken = [coding for coding, weight in liked.items() if weight > 0 and weight >= weights.get("identity", 0.0)]
    return (*sorted(taken, key=lambda coding: -liked[coding]), "")


def _weights(accepted: str) -> dict[str, float]:
    weights = {}
    for part in accepted.lower().split(","):
        match = _QUALITY.fullmatch(part)
        if match:
            try:
                weights[match[1]] = float(match[2] or 1)
            except ValueError:
                continue
    return weights


def _matches(wanted: str, etag: str) -> bool:
    if wanted == etag or wanted.strip() == "*":
        return True
    return any(one.strip().removeprefix("W/") == etag for one in wanted.split(","))
