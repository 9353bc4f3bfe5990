"""One subscriber: the outcome of every message to them, and for admins, erasing them."""

from collections.abc import Iterator

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.actions import erasure
from app.actions.subscribers import canaries
from app.channels.registry import shown
from app.db import session
from app.deliver.history import HistoryEntry, count, history
from app.queries import subscribers as queries
from app.queries.subscribers import subscriber_facts
from app.text import clean
from app.vocabulary import Role
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.console.downloads import download
from app.web.console.paging import page_number
from app.web.console.rendering import render
from app.web.console.search import search_for
from app.web.guarding import may
from app.web.pages import current_page

ENTRIES_PER_PAGE = 50
LINES_AT_ONCE = 1000
HEADINGS = (
    "at", "about", "title", "status", "state", "reason", "tries", "first_try_at", "settled_at", "update",
)  # fmt: skip


@blueprint.get("/subscribers/search")
@audience("viewer")
def search_subscribers() -> ResponseReturnValue:
    """Someone found by a whole address or id; leads find by parts of them too.  One found is shown at once."""
    facts = current_page()
    words, number = clean(request.args.get("q", ""))[:200], page_number(request.args)
    found = queries.find_subscribers(session(), facts.id, search_for(words), number) if words else []
    if len(found) == 1 and number == 1:
        return redirect(url_for("console.subscriber_history", public_id=found[0].public_id), 303)
    size, sees_all = queries.SUBSCRIBERS_PER_PAGE, _sees_all()
    return render(
        "console/subscribers/search.html",
        facts,
        words=words,
        rows=[(row, shown(row.channel, row.address, row.label, full=sees_all)) for row in found[:size]],
        number=number,
        has_more=len(found) > size,
    )


@blueprint.get("/subscribers/<public_id>")
@audience("viewer")
def subscriber_history(public_id: str) -> ResponseReturnValue:
    """Who it is, and their whole history."""
    facts = current_page()
    who = subscriber_facts(session(), current_page().id, public_id)
    number = page_number(request.args)
    entries = history(session(), who.id, limit=ENTRIES_PER_PAGE + 1, offset=(number - 1) * ENTRIES_PER_PAGE)
    return render(
        "console/subscribers/history.html",
        facts,
        who=who,
        address=shown(who.channel, who.address, who.label, full=_sees_all()),
        counts=count(session(), who.id),
        entries=entries[:ENTRIES_PER_PAGE],
        number=number,
        has_more=len(entries) > ENTRIES_PER_PAGE,
    )


@blueprint.get("/subscribers/<public_id>/history")
@audience("lead")
def history_sheet(public_id: str) -> Response:
    """A subscriber's whole history as a sheet."""
    who = subscriber_facts(session(), current_page().id, public_id)
    return download(f"history-{public_id}", HEADINGS, _pieces(who.id))


@blueprint.post("/subscribers/<public_id>/erase")
@audience("admin")
def erase_subscriber(public_id: str) -> ResponseReturnValue:
    """Erase a person's data."""
    never_again = request.form.get("never_again") == "yes"
    done = erasure.erase_subscriber(
        current_app.config["SETTINGS"], actor(), current_page().id, public_id, never_again=never_again
    )
    flash(f"Erased, with {done.messages:,} kept messages." + (" Nothing is sent there again." if never_again else ""))
    return redirect(url_for("console.subscriber_history", public_id=public_id), 303)


@blueprint.post("/canaries/run")
@audience("lead")
def run_canaries() -> ResponseReturnValue:
    """Write to every canary now."""
    count = canaries.run_canaries(current_app.config["SETTINGS"], actor(), current_page().id)
    said = "1 test message is" if count == 1 else f"{count:,} test messages are"
    flash(f"{said} on the way. Look again in a minute." if count else "Test messages are under way already.")
    return redirect(url_for("console.overview"), 303)


def _sees_all() -> bool:
    return may(Role.LEAD)


def _pieces(subscriber_id: int) -> Iterator[list[tuple[object, ...]]]:
    offset = 0
    while entries := history(session(), subscriber_id, limit=LINES_AT_ONCE, offset=offset):
        yield [_line(entry) for entry in entries]
        offset += LINES_AT_ONCE


def _line(entry: HistoryEntry) -> tuple[object, ...]:
    return (
        entry.at, entry.kind, entry.title, entry.status, entry.state, entry.reason, entry.attempts,
        entry.first_attempt_at, entry.settled_at, entry.update_id,
    )  # fmt: skip
