"""One incident: its timeline, records, severity and roles."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for

from app.actions import incidents as actions
from app.db import session
from app.errors import CandorError, Invalid
from app.queries import incidents as queries
from app.shapes import RecordLinkDraft
from app.text import clean
from app.vocabulary import Severity
from app.web.access import actor, audience
from app.web.board.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import Answer, render
from app.web.guarding import visible_pages
from app.web.pages import current_page


@blueprint.get("/<public_id>")
@audience("viewer")
def incident(public_id: str) -> Answer:
    """Everything about one incident."""
    return _show(public_id)


@blueprint.post("/<public_id>/records")
@audience("responder")
def add_record(public_id: str) -> Answer:
    """Tie it to one more record."""
    draft = RecordLinkDraft(
        key=clean(request.form.get("record_key", "")), url=clean(request.form.get("record_url", ""))
    )
    return _change(public_id, lambda number: actions.add_record_link(actor(), number, draft), "Linked.")


@blueprint.post("/<public_id>/severity")
@audience("responder")
def set_severity(public_id: str) -> Answer:
    """Change how severe it is."""
    return _change(
        public_id,
        lambda number: actions.set_severity(actor(), number, _severity(clean(request.form.get("severity", "")))),
        "The severity was changed.",
    )


@blueprint.post("/<public_id>/roles")
@audience("responder")
def set_role(public_id: str) -> Answer:
    """Say who fills a role."""
    role, person = clean(request.form.get("role", "")), request.form.get("person", "")
    return _change(public_id, lambda number: actions.set_role(actor(), number, role, person), "Saved.")


@blueprint.post("/<public_id>/timeline")
@audience("responder")
def add_entry(public_id: str) -> Answer:
    """Write one line into the timeline."""
    text = request.form.get("text", "")
    return _change(public_id, lambda number: actions.add_timeline_entry(actor(), number, text), "Noted.")


def _change(public_id: str, action: Callable[[int], None], said: str) -> Answer:
    row = queries.incident_row(session(), public_id, visible_pages())
    try:
        action(row.id)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(public_id, problem), status
    flash(said)
    return redirect(url_for("board.incident", public_id=public_id), 303)


def _show(public_id: str, problem: Problem | None = None) -> str:
    row = queries.incident_row(session(), public_id, visible_pages())
    typed = {name: clean(value, multiline=name == "text") for name, value in request.form.items()}
    return render(
        "board/incident.html",
        current_page(),
        incident=row,
        timeline=queries.timeline(session(), row.id),
        roles=[(role, actions.role_label(role)) for role in actions.ROLES],
        severities=list(Severity),
        problem=problem,
        typed=typed if problem else {},
    )


def _severity(value: str) -> Severity:
    if value not in set(Severity):
        raise Invalid.field("severity", "Choose a severity: P0, P1, P2 or P3.")
    return Severity(value)
