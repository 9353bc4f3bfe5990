"""The console's entry, and redirects from the addresses that its screens had before they named a page."""

from urllib.parse import quote

from flask import Blueprint, current_app, redirect, request, url_for
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import RequestRedirect
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
    """On to the screen's new address.

    Raises:
        NotFound: no screen is there, so this address never was one.
    """
    is_of_a_page = old.partition("/")[0] not in OF_THE_INSTALLATION
    target = f"/console/{default_page().slug}/{old}" if is_of_a_page else f"/admin/{old}"
    if not _is_a_screen(target):
        raise NotFound
    query = request.query_string.decode("latin-1")
    return redirect(f"{request.script_root}{quote(target)}{'?' if query else ''}{query}", 308)


def _is_a_screen(path: str) -> bool:
    """Whether a view other than these redirects answers the request's method there: nothing redirects in a circle."""
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None  # there is one within a request
    try:
        endpoint, _ = adapter.match(path, method=request.method)
    except RequestRedirect:  # to the same path with its slash
        return True
    except HTTPException:
        return False
    return not endpoint.startswith(f"{blueprint.name}.")
