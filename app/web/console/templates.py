"""Templates: prepared texts for the publishing form to start with."""

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.actions.posts import templates as actions
from app.db import session
from app.errors import CandorError
from app.queries import templates as queries
from app.queries.components import component_groups
from app.queries.templates import Template
from app.vocabulary import POST_STATUSES, PostKind
from app.web.access import actor, audience
from app.web.console import prepared
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.prepared import TypedTemplate
from app.web.console.rendering import render
from app.web.pages import current_page


@blueprint.get("/templates")
@audience("lead")
def list_templates() -> ResponseReturnValue:
    """All of them, by name."""
    facts = current_page()
    return render("console/templates/list.html", facts, templates=queries.templates(session(), facts.id))


@blueprint.get("/templates/new")
@audience("lead")
def new_template() -> ResponseReturnValue:
    """An empty form."""
    return _show_form(TypedTemplate())


@blueprint.post("/templates")
@audience("lead")
def create_template() -> ResponseReturnValue:
    """Keep a template, or show the form again with everything that was typed."""
    facts = current_page()
    typed = prepared.read_typed(request.form)
    try:
        public_id = actions.create_template(current_app.config["SETTINGS"], actor(), facts.id, prepared.draft_of(typed))
    except CandorError as error:
        problem, status = problem_of(error)
        return _show_form(typed, problem), status
    return _to_list(public_id, "Saved.")


@blueprint.get("/templates/<public_id>")
@audience("lead")
def template_form(public_id: str) -> ResponseReturnValue:
    """One template, to be changed or deleted."""
    stands = queries.find(session(), current_page().id, public_id)
    return _show_form(prepared.typed_as_it_stands(stands), stands=stands)


@blueprint.post("/templates/<public_id>")
@audience("lead")
def edit_template(public_id: str) -> ResponseReturnValue:
    """Change a template, or show the form again with everything that was typed."""
    facts = current_page()
    stands = queries.find(session(), facts.id, public_id)
    typed = prepared.read_typed(request.form)
    try:
        actions.edit_template(current_app.config["SETTINGS"], actor(), facts.id, public_id, prepared.draft_of(typed))
    except CandorError as error:
        problem, status = problem_of(error)
        return _show_form(typed, problem, stands), status
    return _to_list(public_id, "Saved.")


@blueprint.post("/templates/<public_id>/delete")
@audience("lead")
def delete_template(public_id: str) -> ResponseReturnValue:
    """Take a template away."""
    facts = current_page()
    name = queries.find(session(), facts.id, public_id).name
    actions.delete_template(current_app.config["SETTINGS"], actor(), facts.id, public_id)
    return _to_list(public_id, f"Deleted: {name}")


def _show_form(typed: TypedTemplate, problem: Problem | None = None, stands: Template | None = None) -> str:
    facts = current_page()
    kinds = {kind.capitalize(): [one for one in POST_STATUSES[kind] if one in actions.STATUSES] for kind in PostKind}
    return render(
        "console/templates/edit.html", facts,
        typed=typed, problem=problem, stands=stands, kinds=kinds,
        groups=component_groups(session(), facts.id),
    )  # fmt: skip


def _to_list(public_id: str, said: str) -> Response:
    flash(said)
    return redirect(url_for("console.list_templates", _anchor=f"t-{public_id}"), 303)
