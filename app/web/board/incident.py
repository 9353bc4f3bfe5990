"""One incident: declared here or with a post; its timeline, records, severity and roles, and its way to the public."""

from collections.abc import Callable

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.actions import incidents as actions
from app.db import session
from app.errors import CandorError, Invalid
from app.inputs.base import from_form
from app.inputs.incidents import SEVERITY_SENTENCE, IncidentInput, IncidentRoleInput
from app.queries import incidents as queries
from app.queries.accounts import assignable_accounts
from app.shapes import RecordLinkDraft
from app.text import clean
from app.vocabulary import IncidentRoleName, Role, Severity
from app.web.access import actor, audience
from app.web.board.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import render
from app.web.guarding import visible_pages
from app.web.pages import current_page, own_pages


@blueprint.get("/new")
@audience("lead")
def new_incident() -> ResponseReturnValue:
    """The form that declares an incident."""
    return _show_new()


@blueprint.post("/new")
@audience("lead")
def declare_incident() -> ResponseReturnValue:
    """Declare an incident that nothing public speaks for yet."""
    try:
        given = from_form(IncidentInput, request.form)
        made = actions.declare_incident(actor(), title=given.title, severity=given.severity, links=given.links)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show_new(problem), status
    flash("Incident declared. Nothing is public yet.")
    return redirect(url_for("board.incident", public_id=made), 303)


@blueprint.get("/<public_id>")
@audience("viewer")
def incident(public_id: str) -> ResponseReturnValue:
    """Everything about one incident."""
    return _show(public_id)


@blueprint.post("/<public_id>/post")
@audience("lead")
def tie_post(public_id: str) -> ResponseReturnValue:
    """Have an open post speak for it."""
    post_id = clean(request.form.get("post", ""))[:32]

    def tie(incident_id: str) -> None:
        by_id = {post.public_id: post for post in queries.unrecorded_posts(session(), visible_pages())}
        pages = {page.slug: page.id for page in own_pages()}
        if post_id not in by_id:
            raise Invalid.field("post", "Choose an open post that belongs to no incident yet.")
        page_id = pages[by_id[post_id].page_slug]
        actions.tie_post(current_app.config["SETTINGS"], actor(), page_id, post_id, incident_id)

    return _change(public_id, tie, "Post linked to this incident.")


@blueprint.post("/<public_id>/resolve")
@audience("lead")
def resolve(public_id: str) -> ResponseReturnValue:
    """Close it."""
    return _change(public_id, lambda incident_id: actions.resolve_incident(actor(), incident_id), "Incident resolved.")


@blueprint.post("/<public_id>/reopen")
@audience("lead")
def reopen(public_id: str) -> ResponseReturnValue:
    """Open it again."""
    return _change(public_id, lambda incident_id: actions.reopen_incident(actor(), incident_id), "Incident reopened.")


@blueprint.post("/<public_id>/records")
@audience("responder")
def add_record(public_id: str) -> ResponseReturnValue:
    """Tie it to one more record."""
    draft = RecordLinkDraft(
        key=clean(request.form.get("record_key", "")), url=clean(request.form.get("record_url", ""))
    )
    return _change(public_id, lambda incident_id: actions.add_record_link(actor(), incident_id, draft), "Linked.")


@blueprint.post("/<public_id>/severity")
@audience("responder")
def set_severity(public_id: str) -> ResponseReturnValue:
    """Change how severe it is."""
    return _change(
        public_id,
        lambda incident_id: actions.set_severity(
            actor(), incident_id, _severity(clean(request.form.get("severity", "")))
        ),
        "The severity was changed.",
    )


@blueprint.post("/<public_id>/roles")
@audience("responder")
def set_role(public_id: str) -> ResponseReturnValue:
    """Give a role to an account or to someone without one, or to no one."""

    def set_it(incident_id: str) -> None:
        given = from_form(IncidentRoleInput, request.form)
        actions.set_role(actor(), incident_id, given.role, account_id=given.account, person=given.person)

    return _change(public_id, set_it, "Role saved.")


@blueprint.post("/<public_id>/timeline")
@audience("responder")
def add_entry(public_id: str) -> ResponseReturnValue:
    """Write one line into the timeline."""
    text = request.form.get("text", "")
    return _change(public_id, lambda incident_id: actions.add_timeline_entry(actor(), incident_id, text), "Noted.")


def _change(public_id: str, action: Callable[[str], None], said: str) -> ResponseReturnValue:
    row = queries.incident_row(session(), public_id, visible_pages())
    try:
        action(row.public_id)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(public_id, problem), status
    flash(said)
    return redirect(url_for("board.incident", public_id=public_id), 303)


def _show(public_id: str, problem: Problem | None = None) -> str:
    pages = visible_pages()
    row = queries.incident_row(session(), public_id, pages)
    me = actor()
    spoken = {post.page_slug for post in row.posts}
    writable = [page for page in own_pages() if _may_publish(me.role_on(page.id))]
    return render(
        "board/incident.html",
        current_page(),
        incident=row,
        timeline=queries.timeline(session(), row.id),
        roles=list(IncidentRoleName),
        accounts=assignable_accounts(session()),
        severities=list(Severity),
        writable=[page for page in writable if page.slug not in spoken],
        unrecorded=[
            post
            for post in queries.unrecorded_posts(session(), pages)
            if post.page_slug in {page.slug for page in writable}
        ],
        problem=problem,
        typed=_typed() if problem else {},
    )


def _show_new(problem: Problem | None = None) -> str:
    return render(
        "board/new.html", current_page(), severities=list(Severity), problem=problem, typed=_typed() if problem else {}
    )


def _typed() -> dict[str, str]:
    return {name: clean(value, multiline=name == "text") for name, value in request.form.items()}


def _may_publish(role: Role | None) -> bool:
    return role is not None and role.rank >= Role.LEAD.rank


def _severity(value: str) -> Severity:
    if value not in set(Severity):
        raise Invalid.field("severity", SEVERITY_SENTENCE)
    return Severity(value)
