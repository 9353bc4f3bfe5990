"""API tokens: create, show once, revoke."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.actions.accounts import api_tokens as actions
from app.clock import now
from app.db import session
from app.errors import CandorError
from app.inputs.accounts import TokenInput
from app.inputs.base import from_form
from app.models.api_token import ApiToken
from app.text import clean
from app.vocabulary import Scope
from app.web.access import actor, audience
from app.web.admin.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import render
from app.web.pages import current_page

MEANINGS = {
    Scope.READ: "read posts and components, hidden components too",
    Scope.POSTS: "open posts and publish updates",
    Scope.COMPONENTS: "change components and groups",
    Scope.SUBSCRIBERS: "see and change subscribers",
    Scope.ADMIN: "everything, the page's settings too",
}
"""What each scope lets a program do."""


@blueprint.get("/tokens")
@audience("admin")
def tokens() -> ResponseReturnValue:
    """Every token there was."""
    return _show()


@blueprint.post("/tokens")
@audience("admin")
def create_token() -> ResponseReturnValue:
    """Make a token.  It is in this answer and nowhere else, so the answer is the page and no redirection."""
    typed = {field: clean(request.form.get(field, "")) for field in ("name", "days")}
    scopes = request.form.getlist("scopes")
    try:
        given = from_form(TokenInput, {**request.form, "scopes": scopes})
        _, made = actions.create_token(actor(), name=given.name, scopes=given.scopes, days=given.days)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(problem, typed, scopes), status
    return _show(made=made)


@blueprint.post("/tokens/<public_id>/revoke")
@audience("admin")
def revoke_token(public_id: str) -> ResponseReturnValue:
    """Let a token open nothing any more."""
    actions.revoke_token(actor(), public_id)
    flash("Revoked. It opens nothing any more.")
    return redirect(url_for("admin.tokens"), 303)


def _show(
    problem: Problem | None = None, typed: dict[str, str] | None = None, scopes: list[str] | None = None, made: str = ""
) -> str:
    facts = current_page()
    rows = session().scalars(select(ApiToken).order_by(ApiToken.created_at.desc(), ApiToken.id.desc())).all()
    at = now()
    return render(
        "admin/tokens.html", facts,
        tokens=[(row, actions.state_of(row, at)) for row in rows], meanings=MEANINGS, problem=problem,
        typed=typed or {}, scopes=scopes or [], made=made,
    )  # fmt: skip
