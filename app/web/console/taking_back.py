"""Taking back what was published: withdrawing, redacting, and correcting the facts of a post."""

from datetime import datetime

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.actions.posts import editing, taking_back
from app.db import session
from app.errors import CandorError, Invalid
from app.inputs.fields import local_instant
from app.queries.components import component_groups
from app.queries.posts import Thread, got_it, thread, update_facts
from app.shapes import PostFacts
from app.vocabulary import Impact, PostKind
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, problem_of, read_version
from app.web.console.rendering import render, still_saying
from app.web.pages import current_page


@blueprint.get("/posts/<public_id>/withdraw")
@audience("lead")
def withdraw_post_form(public_id: str) -> ResponseReturnValue:
    """What withdrawing a whole post does, and how many got it; to be confirmed."""
    return _show_withdraw(public_id)


@blueprint.post("/posts/<public_id>/withdraw")
@audience("lead")
def withdraw_post(public_id: str) -> ResponseReturnValue:
    """Withdraw a whole post."""
    return _withdraw(public_id)


@blueprint.get("/updates/<public_id>/withdraw")
@audience("lead")
def withdraw_update_form(public_id: str) -> ResponseReturnValue:
    """What withdrawing one update does, and how many got it; to be confirmed."""
    facts = update_facts(session(), current_page().id, public_id)
    return _show_withdraw(facts.post_public_id, public_id)


@blueprint.post("/updates/<public_id>/withdraw")
@audience("lead")
def withdraw_update(public_id: str) -> ResponseReturnValue:
    """Withdraw one update."""
    return _withdraw(update_facts(session(), current_page().id, public_id).post_public_id, public_id)


@blueprint.get("/posts/<public_id>/redact")
@audience("lead")
def redact_form(public_id: str) -> ResponseReturnValue:
    """What to remove from a post for good: a piece of text, or the whole text of an update."""
    return _show_redact(public_id)


@blueprint.post("/posts/<public_id>/redact")
@audience("lead")
def redact(public_id: str) -> ResponseReturnValue:
    """Remove the text that was entered, or the whole text of the update that was chosen."""
    facts, settings = current_page(), current_app.config["SETTINGS"]
    update_id = request.form.get("update", "")
    try:
        if update_id:
            update_facts(session(), facts.id, update_id)
            taking_back.redact_update(settings, actor(), facts.id, update_id)
            flash("The text of the update was removed.")
        else:
            text = request.form.get("text", "")
            places = taking_back.redact_text(settings, actor(), facts.id, public_id, text)
            flash(f"The text was removed in {places} {'place' if places == 1 else 'places'}.")
    except CandorError as error:
        problem, status = problem_of(error)
        with still_saying(error):
            return _show_redact(public_id, problem), status
    return _to_post(public_id)


@blueprint.get("/posts/<public_id>/facts")
@audience("lead")
def correct_facts_form(public_id: str) -> ResponseReturnValue:
    """Title, impact, window and components of a post, to be corrected."""
    return _show_facts(public_id)


@blueprint.post("/posts/<public_id>/facts")
@audience("lead")
def correct_facts(public_id: str) -> ResponseReturnValue:
    """Correct a post's title, impact, window and components; readers are shown what they were."""
    facts = current_page()
    found = thread(session(), facts.id, public_id)
    try:
        editing.edit_post(
            current_app.config["SETTINGS"],
            actor(),
            facts.id,
            public_id,
            _facts(found),
            version=read_version(request.form.get("version", "")),
            acknowledged=request.form.get("acknowledged") == "yes",
        )
    except CandorError as error:
        problem, status = problem_of(error)
        with still_saying(error):
            return _show_facts(public_id, problem), status
    flash("Corrected. Readers can see what it was before.")
    return _to_post(public_id)


def _withdraw(public_id: str, update_id: str = "") -> ResponseReturnValue:
    """Withdraw one update of a post, or the whole post."""
    verb = taking_back.withdraw_update if update_id else taking_back.withdraw_post
    try:
        verb(
            current_app.config["SETTINGS"],
            actor(),
            current_page().id,
            update_id or public_id,
            revert_components=_reverts(),
            version=read_version(request.form.get("version", "")),
        )
    except CandorError as error:
        problem, status = problem_of(error)
        with still_saying(error):
            return _show_withdraw(public_id, update_id, problem), status
    if update_id:
        flash("Update withdrawn.")
        return _to_post(public_id)
    flash("Post withdrawn.")
    return redirect(url_for("console.list_posts"), 303)


def _facts(found: Thread) -> PostFacts:
    """What was entered.  Raises Invalid."""
    given, zone = request.form, current_page().zone
    impact = given.get("impact", "")
    if impact and impact not in set(Impact):
        raise Invalid.field("impact", "Choose one of the impacts.")
    window: dict[str, datetime] = {}
    for name in ("scheduled_for", "scheduled_until"):
        if found.post.kind is PostKind.MAINTENANCE and given.get(name):
            try:
                window[name] = local_instant(given[name], zone)
            except ValueError as error:
                raise Invalid.field(name, str(error)) from None
    return PostFacts(
        title=given.get("title", ""),
        impact=Impact(impact) if impact and impact != found.post.impact else None,
        component_ids=tuple(given.getlist("component")),
        scheduled_for=window.get("scheduled_for"),
        scheduled_until=window.get("scheduled_until"),
    )


def _reverts() -> bool:
    """Raises Invalid: nothing was chosen."""
    chosen = request.form.get("components", "")
    if chosen not in {"revert", "keep"}:
        raise Invalid.field("components", "Choose what happens to the component changes.")
    return chosen == "revert"


def _to_post(public_id: str) -> Response:
    return redirect(url_for("console.show_post", public_id=public_id), 303)


def _show_withdraw(public_id: str, update_id: str = "", problem: Problem | None = None) -> str:
    facts = current_page()
    found = thread(session(), facts.id, public_id)
    taken = [one for one in found.updates if not one.withdrawn_at and (not update_id or one.public_id == update_id)]
    return render(
        "console/posts/withdraw.html",
        facts,
        thread=found,
        update=taken[0] if update_id and taken else None,
        is_whole=not update_id,
        effects=[effect for one in taken for effect in one.effects if effect.before is not effect.after],
        got=got_it(session(), [one.id for one in taken]),
        problem=problem,
    )


def _show_redact(public_id: str, problem: Problem | None = None) -> str:
    facts = current_page()
    return render(
        "console/posts/redact.html",
        facts,
        thread=thread(session(), facts.id, public_id),
        text=request.form.get("text", ""),
        problem=problem,
    )


def _show_facts(public_id: str, problem: Problem | None = None) -> str:
    facts = current_page()
    found = thread(session(), facts.id, public_id)
    given = request.form.copy() if problem is not None else None
    if given is not None and problem is not None and problem.is_stale and not problem.yours:
        given["title"] = found.post.title  # what was redacted comes back from no form
    return render(
        "console/posts/facts.html",
        facts,
        thread=found,
        groups=component_groups(session(), facts.id),
        impacts=[one for one in Impact if one is not Impact.MAINTENANCE],
        given=given,
        chosen=given.getlist("component") if given is not None else found.component_ids,
        problem=problem,
    )
