"""Who subscribed: counts, search, and the chat channels and webhooks that an operator adds."""

from flask import request

from app.db import session
from app.text import clean
from app.web.access import audience
from app.web.console import people, queries
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem
from app.web.console.masking import shown
from app.web.console.paging import page_number
from app.web.console.rendering import Answer, render


@blueprint.get("/subscribers")
@audience("lead")
def subscribers() -> Answer:
    """Counts, and those found."""
    return show_subscribers()


def show_subscribers(
    problem: Problem | None = None, adding: dict[str, str] | None = None, secret: tuple[str, str] | None = None
) -> str:
    """The screen; `secret` is a new webhook's label and secret, shown this once."""
    facts = queries.page_facts(session())
    words, number = clean(request.args.get("q", ""))[:200], page_number(request.args)
    found = people.find_subscribers(session(), facts.id, words, number)
    size = people.SUBSCRIBERS_PER_PAGE
    return render(
        "console/subscribers/list.html",
        facts,
        counts=people.subscriber_counts(session(), facts.id),
        rows=[(row, shown(row.channel, row.address, row.label, full=True)) for row in found[:size]],
        words=words,
        number=number,
        has_more=len(found) > size,
        problem=problem,
        adding=adding or {},
        secret=secret,
    )
