"""A screen of the console or the board: its template with what every screen shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app, render_template
from sqlalchemy.exc import DBAPIError

from app.clock import now
from app.db import is_unavailable
from app.errors import CandorError
from app.publish.refresh import why_missing
from app.queries.pages import PageFacts
from app.vocabulary import Role
from app.web import htmx
from app.web.access import actor
from app.web.console import times
from app.web.guarding import may, may_everywhere
from app.web.pages import own_pages


def render(template: str, facts: PageFacts, **context: Any) -> str:
    """The whole screen."""
    return render_template(template, **_shared(facts), **context)


def render_block(template: str, block: str, facts: PageFacts, **context: Any) -> str:
    """One named block of a screen for htmx to swap; the whole screen for everyone else."""
    return htmx.render(template, block, **_shared(facts), **context)


def unwritten(facts: PageFacts) -> str:
    """Why readers of this machine don't see yet what is saved, as a sentence; empty when they see it."""
    return why_missing(current_app.config["SETTINGS"], facts.id, facts.slug, facts.revision)


@contextmanager
def still_saying(error: CandorError) -> Iterator[None]:
    """Show a form again because of `error`; when the database doesn't even give that, `error` is what is said."""
    try:
        yield
    except DBAPIError as also:
        if not is_unavailable(also):
            raise
        raise error from also


def _shared(facts: PageFacts) -> dict[str, Any]:
    me = actor()
    return {
        "facts": facts,
        "pages": own_pages(),
        "zone": facts.zone,
        "unwritten": unwritten(facts),
        "now": now(),
        "me": me,
        "may": lambda role: may(Role(role)),
        "may_everywhere": lambda role: may_everywhere(Role(role)),
        "times": times,
    }
