"""Alarms: dismiss one that was seen."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from app.actions import alarms as actions
from app.db import session
from app.deliver.alarms import is_about
from app.errors import NotFound
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.pages import current_page


@blueprint.post("/alarms/<number>/dismiss")
@audience("lead")
def dismiss_alarm(number: str) -> ResponseReturnValue:
    """Dismiss an alarm."""
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise NotFound("Alarm not found.")
    if not is_about(session(), int(number), current_page().id):
        raise NotFound("Alarm not found.")
    actions.dismiss(actor(), int(number))
    flash("Dismissed. It comes back if there is more to say.")
    return redirect(url_for("console.overview"), 303)
