"""Posts: the list, opening one, and its thread."""

from contextlib import suppress
from dataclasses import replace

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.actions.posts import editing
from app.db import session, translated
from app.errors import CandorError, KeyUsed, Unavailable
from app.queries import posts as queries
from app.queries import templates
from app.queries.components import component_groups
from app.queries.drafts import open_drafts
from app.queries.posts import thread
from app.queries.templates import Template
from app.shapes import Waiting
from app.text import clean
from app.vocabulary import POST_STATUSES, PostKind
from app.web.access import actor, audience
from app.web.console import drafts, prepared
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, post_content, problem_of
from app.web.console.paging import page_number
from app.web.console.publishing import closing_effects, closing_status, declared_incident, next_status, publish_form
from app.web.console.rendering import render, still_saying, unwritten
from app.web.console.typed import Typed, blank_post, blank_update, read_typed, with_new_key
from app.web.pages import current_page, reread

REPEATED = "This was published already by the same form. Nothing was published or sent twice."


@blueprint.get("/posts")
@audience("viewer")
def list_posts() -> ResponseReturnValue:
    """Open posts, and closed ones page by page."""
    facts = current_page()
    number = page_number(request.args)
    size = queries.POSTS_PER_PAGE
    closed = queries.recent_posts(session(), facts.id, limit=size + 1, offset=(number - 1) * size)
    return render(
        "console/posts/list.html",
        facts,
        open_posts=queries.open_posts(session(), facts.id) if number == 1 else [],
        closed_posts=closed[:size],
        number=number,
        has_more=len(closed) > size,
        drafts=open_drafts(session(), facts.id) if number == 1 else [],
    )


@blueprint.get("/posts/new")
@audience("lead")
def new_post() -> ResponseReturnValue:
    """An empty form; `?kind=maintenance` for a maintenance, `?template=` and an id for one that begins with words, and
    `?incident=` and an id for the first update of an incident that was declared on the board.
    """
    picked = _picked()
    is_planned = picked is not None and picked.status in POST_STATUSES[PostKind.MAINTENANCE]
    wants_maintenance = request.args.get("kind") == PostKind.MAINTENANCE or is_planned
    typed = _drafted() or blank_post(PostKind.MAINTENANCE if wants_maintenance else PostKind.INCIDENT)
    typed = replace(typed, incident=typed.incident or clean(request.args.get("incident", ""))[:32])
    return show_new(_begun(typed, picked), picked=picked)


@blueprint.post("/posts")
@audience("lead")
def open_post() -> ResponseReturnValue:
    """Publish a new post, or show the form again with everything that was typed."""
    facts = current_page()
    typed = read_typed(request.form)
    try:
        made = drafts.publish(typed, post_content(typed, facts.zone, facts.locale))
    except CandorError as error:
        problem, status = problem_of(error)
        with still_saying(error):
            return show_new(with_new_key(typed) if isinstance(error, KeyUsed) else typed, problem), status
    return drafts.to_waiting(made) if isinstance(made, Waiting) else to_thread(made.post_id, repeated=made.repeated)


@blueprint.get("/posts/<public_id>")
@audience("viewer")
def show_post(public_id: str) -> ResponseReturnValue:
    """The thread and, for those who may publish, the form for the next update; `?template=` as for a new post."""
    found = thread(session(), current_page().id, public_id)
    typed = _drafted() or blank_update(found.post.kind, next_status(found), found.version, {})
    picked = _picked()
    return show_thread(public_id, _begun(typed, picked), picked=picked)


@blueprint.get("/posts/<public_id>/resolve")
@audience("lead")
def resolve_post(public_id: str) -> ResponseReturnValue:
    """The update form set to the last status, asking about every component that isn't operational."""
    found = thread(session(), current_page().id, public_id)
    typed = blank_update(found.post.kind, closing_status(found.post.kind), found.version, closing_effects(found))
    return show_thread(public_id, typed, template="console/posts/resolve.html")


@blueprint.post("/posts/<public_id>/pin")
@audience("lead")
def pin_post(public_id: str) -> ResponseReturnValue:
    """Keep a post on top of the page after it is over, or, with `pinned=no`, stop keeping it there."""
    thread(session(), current_page().id, public_id)
    pinned = _chosen("pinned")
    editing.pin_post(current_app.config["SETTINGS"], actor(), current_page().id, public_id, pinned)
    flash("It is kept on top of the page." if pinned else "It is no longer kept on top of the page.")
    return redirect(url_for("console.show_post", public_id=public_id), 303)


@blueprint.post("/posts/<public_id>/by-clock")
@audience("lead")
def set_by_clock(public_id: str) -> ResponseReturnValue:
    """Start and end maintenance automatically at its planned times or, with `by_clock=no`, manually."""
    thread(session(), current_page().id, public_id)
    is_on = _chosen("by_clock")
    editing.set_auto(current_app.config["SETTINGS"], actor(), current_page().id, public_id, is_on)
    flash("It begins and ends by the clock." if is_on else "It begins and ends by hand.")
    return redirect(url_for("console.show_post", public_id=public_id), 303)


def _chosen(name: str) -> bool:
    """What the button said: "yes" unless it says "no"."""
    return request.form.get(name) != "no"


def _drafted() -> Typed | None:
    """The form as the draft that the address names holds it.  Raises NotFound: the draft doesn't exist."""
    public_id = request.args.get("draft", "")
    return drafts.drafted(public_id) if public_id else None


def _picked() -> Template | None:
    """The template that the address names.  Raises NotFound: it doesn't exist."""
    public_id = request.args.get("template", "")
    return templates.find(session(), current_page().id, public_id) if public_id else None


def _begun(typed: Typed, picked: Template | None) -> Typed:
    """The form with the words of a template."""
    if picked is None:
        return typed
    groups = component_groups(session(), current_page().id)
    return prepared.filled(typed, picked, {one.public_id: one.status for group in groups for one in group.components})


def show_new(
    typed: Typed, problem: Problem | None = None, *, picked: Template | None = None, preview: object = None
) -> str:
    """The form for a new post."""
    facts = current_page()
    form = publish_form(
        session(), facts, typed, problem=problem, picked=picked, incident=declared_incident(session(), typed)
    )
    return render("console/posts/new.html", facts, form=form, preview=preview)


def show_thread(
    public_id: str,
    typed: Typed,
    problem: Problem | None = None,
    *,
    picked: Template | None = None,
    preview: object = None,
    template: str = "console/posts/thread.html",
) -> str:
    """A post with its thread and the form for the next update."""
    facts = current_page()
    found = thread(session(), current_page().id, public_id)
    form = publish_form(session(), facts, typed, found, problem, picked)
    return render(template, facts, thread=found, form=form, preview=preview)


def to_thread(public_id: str, *, repeated: bool) -> Response:
    """See the thread after publishing."""
    flash(REPEATED if repeated else _published())
    return redirect(url_for("console.show_post", public_id=public_id), 303)


def _published() -> str:
    with suppress(Unavailable), translated():  # it is committed: nothing that happens now makes it undone
        return "Saved." if unwritten(reread()) else "Published."
    return "Saved."
