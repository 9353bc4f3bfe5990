"""Components and groups: create, edit, set the status, hide, reorder and archive."""

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.actions.components import components as actions
from app.actions.components import groups
from app.db import session
from app.errors import CandorError, NotFound
from app.inputs.base import from_form
from app.inputs.components import ComponentInput
from app.queries import components as queries
from app.queries.components import ComponentRow
from app.queries.pages import PageFacts
from app.text import clean
from app.vocabulary import ComponentStatus
from app.web.access import actor, audience
from app.web.console import ordering
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import render
from app.web.pages import current_page


@blueprint.get("/components")
@audience("viewer")
def list_components() -> ResponseReturnValue:
    """Every component under its group; `?arrange=1` to put them in order."""
    return _show_list(arranging=request.args.get("arrange") == "1")


@blueprint.post("/components")
@audience("lead")
def create_component() -> ResponseReturnValue:
    """Make a component at the end of the list."""
    facts = current_page()
    try:
        given = _given()
        actions.create_component(
            current_app.config["SETTINGS"],
            actor(),
            facts.id,
            name=given.name,
            description=given.description or "",
            group_public_id=given.group_id or None,
            visible=request.form.get("visible", "yes") != "no",
        )
    except CandorError as error:
        problem, status = problem_of(error)
        return _show_list(problem, adding=_typed()), status
    flash(f"{given.name} is on the page.")
    return _to_list()


@blueprint.get("/components/<public_id>")
@audience("lead")
def component_form(public_id: str) -> ResponseReturnValue:
    """One component's name, description, group and visibility."""
    return _show_component(public_id)


@blueprint.post("/components/<public_id>")
@audience("lead")
def edit_component(public_id: str) -> ResponseReturnValue:
    """Change one component."""
    facts, form = current_page(), request.form
    _find(facts, public_id)
    try:
        given = _given()
        actions.edit_component(
            current_app.config["SETTINGS"],
            actor(),
            facts.id,
            public_id,
            name=given.name,
            description=given.description or "",
            group_public_id=given.group_id or None,
            visible=form.get("visible") == "yes",
        )
    except CandorError as error:
        problem, status = problem_of(error)
        return _show_component(public_id, problem, dict(form)), status
    flash("Saved.")
    return _to_list(public_id)


@blueprint.post("/components/<public_id>/status")
@audience("responder")
def set_status(public_id: str) -> ResponseReturnValue:
    """Set what one component is doing.  No one is notified."""
    facts = current_page()
    _find(facts, public_id)
    status = actions.read_status(clean(request.form.get("status", "")))
    actions.set_component_status(current_app.config["SETTINGS"], actor(), facts.id, public_id, status)
    component = _find(facts, public_id)
    flash(f"{component.name} is now shown as: {component.status.label}. Nobody was notified.")
    return _to_list(public_id)


@blueprint.post("/components/<public_id>/move")
@audience("lead")
def move_component(public_id: str) -> ResponseReturnValue:
    """Move a component up or down within its group, or to a place by number."""
    facts = current_page()
    headings = queries.component_groups(session(), facts.id)
    home = next((g for g in headings if any(c.public_id == public_id for c in g.components)), None)
    if home is None:
        raise NotFound("Component not found.")
    inside = ordering.moved([c.public_id for c in home.components], public_id, request.form)
    order = [
        component_id
        for group in headings
        for component_id in (inside if group is home else [c.public_id for c in group.components])
    ]
    actions.order_components(current_app.config["SETTINGS"], actor(), facts.id, order)
    return redirect(url_for("console.list_components", arrange=1, _anchor=f"c-{public_id}"), 303)


@blueprint.post("/components/<public_id>/archive")
@audience("lead")
def archive_component(public_id: str) -> ResponseReturnValue:
    """Put a component away."""
    facts = current_page()
    component = _find(facts, public_id)
    actions.archive_component(current_app.config["SETTINGS"], actor(), facts.id, public_id)
    flash(f"{component.name} was archived. Its history is kept.")
    return _to_list()


@blueprint.post("/groups")
@audience("lead")
def create_group() -> ResponseReturnValue:
    """Make a group."""
    facts = current_page()
    try:
        groups.create_group(current_app.config["SETTINGS"], actor(), facts.id, name=request.form.get("name", ""))
    except CandorError as error:
        problem, status = problem_of(error)
        return _show_list(problem, grouping=_typed()), status
    flash("The group was made. Choose it when you add or edit a component.")
    return _to_list()


@blueprint.post("/groups/<public_id>")
@audience("lead")
def rename_group(public_id: str) -> ResponseReturnValue:
    """Call a group something else."""
    _find_group(public_id)
    try:
        groups.edit_group(
            current_app.config["SETTINGS"], actor(), current_page().id, public_id, name=request.form.get("name", "")
        )
    except CandorError as error:
        problem, status = problem_of(error)
        return _show_list(problem, arranging=True), status
    flash("Saved.")
    return redirect(url_for("console.list_components", arrange=1), 303)


@blueprint.post("/groups/<public_id>/move")
@audience("lead")
def move_group(public_id: str) -> ResponseReturnValue:
    """Move a group up or down."""
    facts = current_page()
    present = [group.public_id for group in queries.component_groups(session(), facts.id) if group.public_id]
    order = ordering.moved(present, public_id, request.form)
    groups.order_groups(current_app.config["SETTINGS"], actor(), facts.id, order)
    return redirect(url_for("console.list_components", arrange=1, _anchor=f"g-{public_id}"), 303)


@blueprint.post("/groups/<public_id>/delete")
@audience("lead")
def delete_group(public_id: str) -> ResponseReturnValue:
    """Take an empty group away."""
    _find_group(public_id)
    try:
        groups.delete_group(current_app.config["SETTINGS"], actor(), current_page().id, public_id)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show_list(problem, arranging=True), status
    flash("The group was taken away.")
    return redirect(url_for("console.list_components", arrange=1), 303)


def _given() -> ComponentInput:
    """The form of a component.  Raises Invalid."""
    return from_form(ComponentInput, {**request.form, "group_id": request.form.get("group", ""), "status": ""})


def _show_list(
    problem: Problem | None = None,
    *,
    arranging: bool = False,
    adding: dict[str, str] | None = None,
    grouping: dict[str, str] | None = None,
) -> str:
    facts = current_page()
    return render(
        "console/components/list.html",
        facts,
        groups=queries.component_groups(session(), facts.id),
        statuses=list(ComponentStatus),
        problem=problem,
        arranging=arranging,
        adding=adding,
        grouping=grouping,
    )


def _typed() -> dict[str, str]:
    """The form as it is shown again: without characters that no page may hold."""
    return {name: clean(value) for name, value in request.form.items()}


def _show_component(public_id: str, problem: Problem | None = None, sent: dict[str, str] | None = None) -> str:
    facts = current_page()
    component = _find(facts, public_id)
    typed = sent or {
        "name": component.name,
        "description": component.description,
        "group": component.group_id,
        "visible": "yes" if component.visible else "",
    }
    return render(
        "console/components/edit.html",
        facts,
        component=component,
        typed=typed,
        groups=[group for group in queries.component_groups(session(), facts.id) if group.public_id],
        problem=problem,
    )


def _find(facts: PageFacts, public_id: str) -> ComponentRow:
    rows = queries.all_components(queries.component_groups(session(), facts.id))
    component = next((row for row in rows if row.public_id == public_id), None)
    if component is None:
        raise NotFound("Component not found.")
    return component


def _find_group(public_id: str) -> None:
    if public_id not in {group.public_id for group in queries.component_groups(session(), current_page().id)}:
        raise NotFound("Group not found.")


def _to_list(public_id: str = "") -> Response:
    anchor = f"c-{public_id}" if public_id else None
    return redirect(url_for("console.list_components", _anchor=anchor), 303)
