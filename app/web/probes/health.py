"""Liveness of this process, and readiness of the installation.

The responses contain no secrets and don't depend on the request, so probes may use any host name.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

from flask import current_app
from sqlalchemy import func, select, text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.clock import now
from app.db import release, session, translated
from app.errors import Unavailable
from app.models.machine import Machine
from app.publish import store
from app.publish.addresses import published_slugs
from app.publish.revision import STALE_AFTER
from app.settings import Settings
from app.web.access import audience
from app.web.probes import tables
from app.web.probes.blueprint import blueprint

SILENT_AFTER = timedelta(seconds=90)
"""A worker says every 20 seconds that it works."""

NOT_ASKED = "Unknown: the database isn't responding."


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `detail` says what is, or what to do."""

    ok: bool
    detail: str


@blueprint.get("/healthz")
@audience("public")
def healthz() -> Response:
    """The process answers.  Nothing else is looked at: what is wrong elsewhere isn't mended by a restart."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@audience("public")
def readyz() -> Response:
    """Whether database, tables, snapshot and worker are as they should be: 200, or 503 and what isn't."""
    checks = {**_of_the_database(), "snapshot": _snapshot(current_app.config["SETTINGS"])}
    is_ready = all(check.ok for check in checks.values())
    said = {"ready": is_ready, "checks": {name: asdict(check) for name, check in checks.items()}}
    return Response(json.dumps(said, indent=1) + "\n", 200 if is_ready else 503, mimetype="application/json")


def _of_the_database() -> dict[str, Check]:
    """Three short queries.  A web process waits for none of them longer than for any other (see `app.db.timeouts`)."""
    asked: tuple[tuple[str, Callable[[Session], Check]], ...] = (
        ("database", _database),
        ("migrations", _migrations),
        ("worker", _worker),
    )
    found: dict[str, Check] = {}
    for name, check in asked:
        if found and not found["database"].ok:
            found[name] = Check(False, NOT_ASKED)
            continue
        try:
            with translated():
                found[name] = check(session())
        except Unavailable as error:
            found[name] = Check(False, error.sentence)
            release()
        except PoolTimeout:
            found[name] = Check(False, "All connections to the database are in use.")
    return found


def _database(reading: Session) -> Check:
    reading.execute(text("SELECT 1"))
    return Check(True, "answers")


def _migrations(reading: Session) -> Check:
    missing = tables.what_is_missing(reading)
    return Check(not missing, missing or "current")


def _worker(reading: Session) -> Check:
    seen_at = reading.scalar(select(func.max(Machine.seen_at)))
    if seen_at is None:
        return Check(False, "No worker has run on this database yet.")
    silent = max(0, round((now() - seen_at).total_seconds()))
    return Check(silent <= SILENT_AFTER.total_seconds(), f"last seen {silent} s ago")


def _snapshot(settings: Settings) -> Check:
    """What readers of this machine get, of every page.  Its age is that of "as of" on the page."""
    slugs = published_slugs(settings.public_root)
    ages = []
    for slug in slugs:
        published = store.published(settings.public_root / slug)
        if published is None:
            one = "Nothing is" if len(slugs) == 1 else f"Page {slug} is not"
            return Check(False, f"{one} published on this machine yet.")
        ages.append((max(0, round((now() - published.rendered).total_seconds())), slug))
    age, oldest = max(ages)
    of = f", the oldest of {len(slugs)} pages: {oldest}" if len(slugs) > 1 else ""
    return Check(age <= STALE_AFTER.total_seconds(), f"written {age} s ago{of}")
