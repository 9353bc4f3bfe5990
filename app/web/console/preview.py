"""The live preview and the live count of who will be notified: the code that renders the real ones."""

from datetime import timedelta
from typing import cast

from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue

from app.clock import now
from app.db import session
from app.errors import Invalid
from app.publish.letter import EMAIL_STYLE_HASH
from app.publish.preview import Preview
from app.publish.preview import preview as worded
from app.queries.pages import PageFacts
from app.queries.posts import thread
from app.vocabulary import PostStatus
from app.web.access import audience
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, instant_or_none, problem_of, promised_or_none
from app.web.console.publishing import PublishForm, declared_incident, known_effects, publish_form
from app.web.console.rendering import render_block
from app.web.console.typed import read_typed
from app.web.htmx import is_htmx
from app.web.pages import current_page
from app.web.security import extra_style_hashes

blueprint.record(lambda state: extra_style_hashes(cast(Flask, state.app), EMAIL_STYLE_HASH))
"""The mail's own style element is allowed in its frame."""


@blueprint.post("/posts/reach")
@audience("lead")
def reach() -> ResponseReturnValue:
    """Impact, promise and audience for the components chosen so far."""
    facts = current_page()
    return render_block(_template(), "reach", facts, **_screen(_form(facts)))


@blueprint.post("/posts/preview")
@audience("lead")
def preview() -> ResponseReturnValue:
    """The page, the mail and the text message as they will look; the form with them for those without htmx."""
    facts = current_page()
    form = _form(facts)
    try:
        shown = _worded(facts, form)
    except Invalid as error:
        form, shown = _form(facts, problem_of(error)[0]), None
    page = render_template("console/posts/preview_page.html", preview=shown, facts=facts) if shown else ""
    return render_block(_template(), "preview", facts, preview=shown, preview_page=page, **_screen(form))


def _form(facts: PageFacts, problem: Problem | None = None) -> PublishForm:
    public_id = request.form.get("post_id", "")
    found = thread(session(), facts.id, public_id) if public_id else None
    typed = read_typed(request.form)
    return publish_form(session(), facts, typed, found, problem, incident=declared_incident(session(), typed))


def _screen(form: PublishForm) -> dict[str, object]:
    return {"form": form, "thread": form.thread}


def _template() -> str:
    """The screen that the form is on; for htmx the template that has the blocks."""
    if is_htmx():
        return "console/posts/publish.html"
    if not request.form.get("post_id"):
        return "console/posts/new.html"
    return "console/posts/resolve.html" if request.form.get("resolving") == "yes" else "console/posts/thread.html"


def _worded(facts: PageFacts, form: PublishForm) -> Preview:
    typed = form.typed
    return worded(
        current_app.config["SETTINGS"],
        session(),
        facts.id,
        post_public_id=form.thread.post.public_id if form.thread else None,
        title=typed.title,
        kind=form.kind,
        status=_status(form),
        impact=form.reach.impact,
        body=typed.body,
        effects=known_effects(typed),
        next_update_by=None
        if form.is_terminal
        else promised_or_none(typed, facts.zone) or now() + timedelta(minutes=form.reach.promise_minutes),
        scheduled_for=instant_or_none(typed.scheduled_for, facts.zone),
        scheduled_until=instant_or_none(typed.scheduled_until, facts.zone),
    )


def _status(form: PublishForm) -> PostStatus:
    return next((status for status in form.statuses if status == form.typed.status), form.statuses[0])
