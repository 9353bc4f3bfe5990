"""Send limits and pauses for a channel or a destination on it."""

from collections.abc import Mapping

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.actions.deliveries import restoring
from app.actions.deliveries import send_limits as actions
from app.channels.registry import names as channel_names
from app.db import session
from app.errors import CandorError
from app.inputs.base import from_form
from app.inputs.limits import LimitInput
from app.queries.sending import limit_rows
from app.text import clean
from app.web.access import actor, audience
from app.web.admin.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import render
from app.web.pages import current_page


@blueprint.get("/limits")
@audience("lead")
def send_limits() -> ResponseReturnValue:
    """Every limit, with what waits behind it."""
    return _show()


@blueprint.post("/limits")
@audience("admin")
def set_send_limit() -> ResponseReturnValue:
    """Set or take away a limit."""
    typed = {
        name: clean(request.form.get(name, ""))[:300] for name in ("channel", "domain", "per_second", "connections")
    }
    try:
        given = from_form(LimitInput, request.form)
        actions.set_limit(
            actor(), given.channel, given.domain, per_second=given.per_second, connections=given.connections
        )
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(problem, typed), status
    is_set = given.per_second is not None or given.connections is not None
    flash("The limit holds from now on." if is_set else "There is no limit there any more.")
    return _back()


@blueprint.post("/limits/pause")
@audience("lead")
def pause_sending() -> ResponseReturnValue:
    """Send nothing there until it is resumed."""
    typed = {name: clean(request.form.get(name, ""))[:300] for name in ("channel", "domain", "why")}
    try:
        actions.pause(actor(), typed["channel"], typed["domain"], typed["why"] or actions.PAUSED_BY_HAND)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(problem, typed), status
    flash("Paused. Nothing is lost: what waits is sent when it is resumed.")
    return _back()


@blueprint.post("/limits/resume")
@audience("lead")
def resume_sending() -> ResponseReturnValue:
    """Send again."""
    actions.resume(actor(), request.form.get("channel", ""), request.form.get("domain", ""))
    flash("Resumed.")
    return _back()


def _show(problem: Problem | None = None, typed: Mapping[str, str] | None = None) -> str:
    return render(
        "admin/limits.html",
        current_page(),
        question=restoring.question(session()),
        limits=limit_rows(session()),
        channels=channel_names(),
        problem=problem,
        typed=typed or {},
    )


def _back() -> ResponseReturnValue:
    return redirect(url_for("admin.send_limits"), 303)
