"""Announcements: current, past and future."""

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.actions.pages import announcements as actions
from app.db import session
from app.errors import CandorError
from app.queries import announcements as queries
from app.queries.announcements import AnnouncementRow
from app.web.access import actor, audience
from app.web.console import announced
from app.web.console.announced import TypedAnnouncement
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, problem_of, read_version
from app.web.console.paging import page_number
from app.web.console.rendering import render
from app.web.pages import current_page


@blueprint.get("/announcements")
@audience("lead")
def list_announcements() -> ResponseReturnValue:
    """What shows now, what is to come, and what is over, page by page."""
    facts = current_page()
    number, size = page_number(request.args), queries.PAST_PER_PAGE
    showing, to_come = queries.showing_and_to_come(session(), facts.id) if number == 1 else ([], [])
    past = queries.past(session(), facts.id, limit=size + 1, offset=(number - 1) * size)
    return render(
        "console/announcements/list.html", facts,
        showing=showing, to_come=to_come, past=past[:size], number=number, has_more=len(past) > size,
    )  # fmt: skip


@blueprint.get("/announcements/new")
@audience("lead")
def new_announcement() -> ResponseReturnValue:
    """An empty form."""
    return _show_form(TypedAnnouncement())


@blueprint.post("/announcements")
@audience("lead")
def create_announcement() -> ResponseReturnValue:
    """Announce something, or show the form again with everything that was typed."""
    facts = current_page()
    typed = announced.read_typed(request.form)
    try:
        draft = announced.draft_of(typed, facts.zone)
        public_id = actions.create_announcement(current_app.config["SETTINGS"], actor(), facts.id, draft)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show_form(typed, problem), status
    return _to_list(public_id, "Announced.")


@blueprint.get("/announcements/<public_id>")
@audience("lead")
def announcement_form(public_id: str) -> ResponseReturnValue:
    """One announcement, to be changed or ended."""
    facts = current_page()
    stands = queries.find(session(), facts.id, public_id)
    return _show_form(announced.typed_as_it_stands(stands, facts.zone), stands=stands)


@blueprint.post("/announcements/<public_id>")
@audience("lead")
def edit_announcement(public_id: str) -> ResponseReturnValue:
    """Change an announcement, or show the form again with everything that was typed."""
    facts = current_page()
    stands = queries.find(session(), facts.id, public_id)
    typed = announced.read_typed(request.form)
    try:
        version = read_version(typed.version)
        draft = announced.draft_of(typed, facts.zone, stands)
        actions.edit_announcement(current_app.config["SETTINGS"], actor(), facts.id, public_id, draft, version)
    except CandorError as error:
        problem, status = problem_of(error)
        if problem.is_stale:  # the author sees both texts and decides again, for the current version
            stands = queries.find(session(), facts.id, public_id)
            typed = announced.with_version(typed, stands.version)
        return _show_form(typed, problem, stands), status
    return _to_list(public_id, "Saved.")


@blueprint.post("/announcements/<public_id>/end")
@audience("lead")
def end_announcement(public_id: str) -> ResponseReturnValue:
    """Take an announcement off the page now; one still to come is called off."""
    facts = current_page()
    title = queries.find(session(), facts.id, public_id).title
    actions.end_announcement(current_app.config["SETTINGS"], actor(), facts.id, public_id)
    return _to_list(public_id, f"Ended: {title}")


def _show_form(typed: TypedAnnouncement, problem: Problem | None = None, stands: AnnouncementRow | None = None) -> str:
    facts = current_page()
    return render("console/announcements/edit.html", facts, typed=typed, problem=problem, announcement=stands)


def _to_list(public_id: str, said: str) -> Response:
    flash(said)
    return redirect(url_for("console.list_announcements", _anchor=f"a-{public_id}"), 303)
