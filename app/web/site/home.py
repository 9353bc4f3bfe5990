"""The home page while there is no snapshot to serve: before set-up, or before the first publish."""

from flask import render_template

from app.queries.visitor_pages import find_page
from app.web.access import audience
from app.web.pages import visited_page
from app.web.site.blueprint import blueprint
from app.web.site.language import render


@blueprint.get("/")
@audience("public")
def home() -> str | tuple[str, int, dict[str, str]]:
    """Say in plain words what to do or wait for."""
    page = find_page(slug=visited_page())
    if page is None:
        return render_template("site/not_set_up.html")
    return render("site/preparing.html", page), 503, {"Retry-After": "5"}
