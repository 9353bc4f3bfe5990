"""A screen of the console or the board: its template with what every screen shows."""

from typing import Any

from flask import current_app, render_template, request
from werkzeug.wrappers import Response

from app.clock import now
from app.vocabulary import Role
from app.web.access import actor
from app.web.console import times
from app.web.console.queries import PageFacts

Answer = str | Response | tuple[str, int]


def render(template: str, facts: PageFacts, **context: Any) -> str:
    """The whole screen."""
    return render_template(template, **_shared(facts), **context)


def render_block(template: str, block: str, facts: PageFacts, **context: Any) -> str:
    """One named block of a screen, for htmx to swap."""
    found = current_app.jinja_env.get_template(template)
    values = {**_shared(facts), **context}
    current_app.update_template_context(values)
    return "".join(found.blocks[block](found.new_context(values)))


def wants_block(target: str) -> bool:
    """Whether htmx asks for the element with this id, and not for the screen."""
    wanted = request.headers.get("HX-Target", "")
    return request.headers.get("HX-Request") == "true" and wanted.rpartition("#")[2] == target


def _shared(facts: PageFacts) -> dict[str, Any]:
    me = actor()
    return {
        "facts": facts,
        "zone": facts.zone,
        "now": now(),
        "me": me,
        "may": lambda role: me.role.rank >= Role(role).rank,
        "times": times,
    }
