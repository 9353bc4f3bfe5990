"""A screen of the console or the board: its template with what every screen shows."""

from typing import Any

from flask import current_app, render_template
from werkzeug.wrappers import Response

from app.clock import now
from app.publish.refresh import why_missing
from app.vocabulary import Role
from app.web import htmx
from app.web.access import actor
from app.web.console import times
from app.web.console.queries import PageFacts

Answer = str | Response | tuple[str, int]


def render(template: str, facts: PageFacts, **context: Any) -> str:
    """The whole screen."""
    return render_template(template, **_shared(facts), **context)


def render_block(template: str, block: str, facts: PageFacts, **context: Any) -> str:
    """One named block of a screen for htmx to swap; the whole screen for everyone else."""
    return htmx.render(template, block, **_shared(facts), **context)


def unwritten(facts: PageFacts) -> str:
    """Why readers of this machine do not see yet what is saved, as a sentence; empty when they see it."""
    return why_missing(current_app.config["SETTINGS"], facts.id, facts.slug, facts.revision)


def _shared(facts: PageFacts) -> dict[str, Any]:
    me = actor()
    return {
        "facts": facts,
        "zone": facts.zone,
        "unwritten": unwritten(facts),
        "now": now(),
        "me": me,
        "may": lambda role: me.role.rank >= Role(role).rank,
        "times": times,
    }
