"""Accounts and their roles."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.actions.accounts import accounts as actions
from app.db import session
from app.errors import CandorError
from app.inputs.accounts import AccountInput
from app.inputs.base import from_form
from app.queries.accounts import all_accounts
from app.text import clean
from app.vocabulary import Role
from app.web.access import actor, audience
from app.web.admin.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import render
from app.web.pages import current_page


@blueprint.get("/accounts")
@audience("admin")
def accounts() -> ResponseReturnValue:
    """Every account."""
    return show_accounts()


@blueprint.post("/accounts")
@audience("admin")
def add_account() -> ResponseReturnValue:
    """Create an account for a person."""
    typed = {field: clean(request.form.get(field, "")) for field in ("name", "email", "role")}
    try:
        given = from_form(AccountInput, request.form)
        actions.create_account(actor(), email=given.email, name=given.name, role=given.role, password=given.password)
    except CandorError as error:
        problem, status = problem_of(error)
        return show_accounts(problem, typed), status
    flash(f"{typed['name']} can sign in now.")
    return _back()


@blueprint.post("/accounts/<public_id>/role")
@audience("admin")
def set_account_role(public_id: str) -> ResponseReturnValue:
    """Change a person's role."""
    try:
        actions.grant_role(actor(), public_id, clean(request.form.get("role", "")))
    except CandorError as error:
        problem, status = problem_of(error)
        return show_accounts(problem), status
    flash("The role was changed.")
    return _back()


@blueprint.post("/accounts/<public_id>/deactivate")
@audience("admin")
def deactivate_account(public_id: str) -> ResponseReturnValue:
    """Deactivate a person's account."""
    try:
        actions.deactivate(actor(), public_id)
    except CandorError as error:
        problem, status = problem_of(error)
        return show_accounts(problem), status
    flash("Deactivated. They are signed out everywhere.")
    return _back()


def _back() -> Response:
    return redirect(url_for("admin.accounts"), 303)


def show_accounts(problem: Problem | None = None, adding: dict[str, str] | None = None) -> str:
    """The screen."""
    return render(
        "admin/accounts/list.html",
        current_page(),
        accounts=all_accounts(session()),
        roles=list(Role),
        problem=problem,
        adding=adding or {},
    )
