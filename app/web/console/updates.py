"""One more update in a post, and correcting one."""

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.actions.posts import correcting
from app.db import session
from app.errors import CandorError, Invalid, KeyUsed, Stale
from app.queries.posts import UpdateFacts, thread, update_facts
from app.shapes import Waiting
from app.text import clean
from app.vocabulary import POST_STATUSES, PostKind, PostStatus
from app.web.access import actor, audience
from app.web.console import drafts
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, problem_of, read_version, update_content
from app.web.console.posts import show_thread, to_thread
from app.web.console.rendering import render, still_saying
from app.web.console.typed import read_typed, with_new_key, with_version
from app.web.pages import current_page


@blueprint.post("/posts/<public_id>/updates")
@audience("lead")
def publish_update(public_id: str) -> ResponseReturnValue:
    """Publish an update, or show the thread again with everything that was typed."""
    facts = current_page()
    found = thread(session(), facts.id, public_id)
    typed = read_typed(request.form)
    try:
        made = drafts.publish(typed, update_content(typed, found, facts.zone, facts.locale))
    except CandorError as error:
        problem, status = problem_of(error)
        typed = with_new_key(typed) if isinstance(error, KeyUsed) else typed
        template = "console/posts/resolve.html" if typed.asks_about_components else "console/posts/thread.html"
        with still_saying(error):
            if problem.is_stale:  # the author sees both texts and decides again, for the current version
                typed = with_version(typed, thread(session(), facts.id, public_id).version)
            return show_thread(public_id, typed, problem, template=template), status
    return drafts.to_waiting(made) if isinstance(made, Waiting) else to_thread(made.post_id, repeated=made.repeated)


@blueprint.get("/updates/<public_id>/correct")
@audience("lead")
def correct_form(public_id: str) -> ResponseReturnValue:
    """The text of an update, to be corrected."""
    return _show_correct(public_id)


@blueprint.post("/updates/<public_id>/correct")
@audience("lead")
def correct_update(public_id: str) -> ResponseReturnValue:
    """Replace the text; the old one stays to be seen."""
    facts = update_facts(session(), current_page().id, public_id)
    body = clean(request.form.get("body", ""), multiline=True)
    settings = current_app.config["SETTINGS"]
    acknowledged = request.form.get("acknowledged") == "yes"
    try:
        version = read_version(request.form.get("version", ""))
        corrected = _status(facts.post_kind)
        correcting.correct_update(
            settings, actor(), current_page().id, public_id, body, version, status=corrected, acknowledged=acknowledged
        )
    except CandorError as error:
        problem, status = problem_of(error)
        with still_saying(error):
            is_redacted = isinstance(error, Stale) and not error.yours  # what was redacted comes back from no form
            return _show_correct(public_id, None if is_redacted else body, problem), status
    flash("Corrected. The text it had before is kept and shown.")
    return redirect(url_for("console.show_post", public_id=facts.post_public_id), 303)


def _status(kind: PostKind) -> PostStatus | None:
    """The status that was chosen; None where there was nothing to choose.  Raises Invalid."""
    word = request.form.get("status", "")
    if word and word not in POST_STATUSES[kind]:
        raise Invalid.field("status", "Choose one of the statuses.")
    return PostStatus(word) if word else None


def _show_correct(public_id: str, body: str | None = None, problem: Problem | None = None) -> str:
    update = update_facts(session(), current_page().id, public_id)
    return render(
        "console/updates/correct.html",
        current_page(),
        update=update,
        statuses=_correctable(update),
        status=request.form.get("status", update.status),
        body=update.body if body is None else body,
        problem=problem,
    )


def _correctable(update: UpdateFacts) -> list[PostStatus]:
    """The statuses that an update may be corrected to: a post-mortem stays one."""
    if update.status is PostStatus.POSTMORTEM:
        return [update.status]
    return [status for status in POST_STATUSES[update.post_kind] if status is not PostStatus.POSTMORTEM]
