"""Subscribers: counts, search, and the chat rooms and webhooks that an operator adds."""

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.actions.subscribers import managing as actions
from app.channels.base import AddedBy
from app.channels.registry import all_channels, shown
from app.db import session
from app.errors import CandorError
from app.queries import subscribers as queries
from app.queries.subscribers import subscriber_facts
from app.text import clean
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.paging import page_number
from app.web.console.rendering import render
from app.web.console.search import search_for
from app.web.pages import current_page


@blueprint.get("/subscribers")
@audience("lead")
def subscribers() -> ResponseReturnValue:
    """Counts, and those found."""
    return show_subscribers()


@blueprint.post("/subscribers")
@audience("lead")
def add_subscriber() -> ResponseReturnValue:
    """Add a subscriber that only operators may add.  The answer shows its secret, this once, so it is no redirect."""
    facts = current_page()
    typed = {field: clean(request.form.get(field, "")) for field in ("channel", "address", "label")}
    try:
        secret = actions.add_endpoint(
            current_app.config["SETTINGS"],
            actor(),
            facts.id,
            channel=typed["channel"],
            address=typed["address"],
            label=typed["label"],
            component_public_ids=(),
        )
    except CandorError as error:
        problem, status = problem_of(error)
        return show_subscribers(problem, typed), status
    if secret:
        return show_subscribers(secret=(typed["label"], secret))
    flash(f"{typed['label']} was added. It hears everything from now on.")
    return redirect(url_for("console.subscribers"), 303)


@blueprint.post("/subscribers/<public_id>/remove")
@audience("lead")
def remove_subscriber(public_id: str) -> ResponseReturnValue:
    """End a subscription."""
    subscriber_facts(session(), current_page().id, public_id)  # another page's subscriber is none of this one's
    actions.unsubscribe(current_app.config["SETTINGS"], actor(), current_page().id, [public_id])
    flash("Removed. They will hear nothing more.")
    return redirect(url_for("console.subscribers"), 303)


def show_subscribers(
    problem: Problem | None = None, adding: dict[str, str] | None = None, secret: tuple[str, str] | None = None
) -> str:
    """The screen; `secret` is a new webhook's label and secret, shown this once."""
    facts = current_page()
    words, number = clean(request.args.get("q", ""))[:200], page_number(request.args)
    found = queries.find_subscribers(session(), facts.id, search_for(words), number)
    size = queries.SUBSCRIBERS_PER_PAGE
    return render(
        "console/subscribers/list.html",
        facts,
        counts=queries.subscriber_counts(session(), facts.id),
        rows=[(row, shown(row.channel, row.address, row.label, full=True)) for row in found[:size]],
        words=words,
        number=number,
        has_more=len(found) > size,
        problem=problem,
        adding=adding or {},
        offered=[one for one in all_channels() if one.added_by is AddedBy.OPERATORS],
        secret=secret,
    )
