"""htmx, with what htmx-flask 0.1 leaves out: caches are told, and a named block is the fragment."""

from typing import Any

from flask import Flask, current_app, g, render_template, request
from htmx_flask import Htmx
from werkzeug.wrappers import Response


def install(app: Flask) -> None:
    """Add `request.htmx` and the `Vary` header of answers that depend on it."""
    Htmx(app)
    app.after_request(_vary)


def is_htmx() -> bool:
    """Whether htmx asks for a part of a page; the answer then varies by it."""
    g.varies_by_htmx = True
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def render(template: str, block: str, **context: Any) -> str:
    """The named block of a template for htmx, the whole page for everyone else."""
    if not is_htmx():
        return render_template(template, **context)
    found = current_app.jinja_env.get_or_select_template(template)
    current_app.update_template_context(context)
    return "".join(found.blocks[block](found.new_context(context)))


def _vary(response: Response) -> Response:
    if g.get("varies_by_htmx") or request.headers.get("HX-Request"):
        response.vary.add("HX-Request")
    return response
