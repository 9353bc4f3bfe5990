"""The console's entry, and redirects from the addresses that its screens had before they named a page."""

from urllib.parse import quote

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from app.web.access import audience
from app.web.pages import current_page, default_page

blueprint = Blueprint("home", __name__, url_prefix="/console")
OF_THE_INSTALLATION = frozenset({"accounts", "tokens", "limits", "outbox"})
"""What belongs to no page: it moved to /admin."""


@blueprint.get("", strict_slashes=False)
@audience("viewer")
def console() -> Response:
    """On to the page that was worked on last."""
    return redirect(url_for("console.overview", page_slug=current_page().slug), 303)


@blueprint.get("/<path:old>")
@audience("viewer")
def moved(old: str) -> Response:
    """Where a screen is now."""
    return _moved(old)


@blueprint.post("/<path:old>")
@audience("viewer")
def moved_form(old: str) -> Response:
    """Where a form goes now; 308 keeps what it sent."""
    return _moved(old)


def _moved(old: str) -> Response:
    if old.partition("/")[0] in OF_THE_INSTALLATION:
        screens = f"{request.script_root}/admin"
    else:
        screens = url_for("console.overview", page_slug=default_page().slug)
    query = request.query_string.decode("latin-1")
    return redirect(f"{screens}/{quote(old)}{'?' if query else ''}{query}", 308)
