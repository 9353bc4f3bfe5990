"""The page's logo: show, set and remove."""

from flask import current_app, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.actions.pages import pages as actions
from app.db import session
from app.errors import CandorError
from app.queries import pages as queries
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.console.forms import problem_of
from app.web.console.page_settings import show_page
from app.web.pages import current_page


@blueprint.get("/page/logo")
@audience("admin")
def show_logo() -> ResponseReturnValue:
    """The picture that is kept."""
    body, content_type = queries.logo(session(), current_page().id)
    response = make_response(body)
    response.content_type = content_type
    return response


@blueprint.post("/page/logo")
@audience("admin")
def set_logo() -> ResponseReturnValue:
    """Take a picture as the page's logo; all of the page is rendered again."""
    facts = current_page()
    sent = request.files.get("logo")
    body = sent.stream.read(actions.LARGEST_BYTES + 1) if sent else b""
    try:
        actions.set_logo(current_app.config["SETTINGS"], actor(), facts.id, body)
    except CandorError as error:
        problem, status = problem_of(error)
        return show_page(problem=problem), status
    return _to_page("The logo is on the page.")


@blueprint.post("/page/logo/remove")
@audience("admin")
def remove_logo() -> ResponseReturnValue:
    """Take the logo away; all of the page is rendered again."""
    facts = current_page()
    actions.remove_logo(current_app.config["SETTINGS"], actor(), facts.id)
    return _to_page("The logo was taken away.")


def _to_page(said: str) -> Response:
    flash(said)
    return redirect(url_for("console.page_settings", _anchor="logo"), 303)
