"""What the page is called, and where and in which time zone it stands."""

from zoneinfo import available_timezones

from flask import current_app, flash, redirect, request, url_for

from app.actions import pages as actions
from app.db import session
from app.errors import CandorError
from app.text import clean
from app.web.access import actor, audience
from app.web.console import queries
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import Answer, render

FIELDS = ("name", "url", "time_zone", "locale")


@blueprint.get("/page")
@audience("admin")
def page_settings() -> Answer:
    """The form."""
    return _show()


@blueprint.post("/page")
@audience("admin")
def edit_page() -> Answer:
    """Change the page; all of it is made anew."""
    facts = queries.page_facts(session())
    typed = {field: clean(request.form.get(field, "")) for field in FIELDS}
    try:
        actions.edit_page(current_app.config["SETTINGS"], actor(), facts.id, **typed)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(typed, problem), status
    flash("Saved. The page was made anew.")
    return redirect(url_for("console.page_settings"), 303)


def _show(typed: dict[str, str] | None = None, problem: Problem | None = None) -> str:
    facts = queries.page_facts(session())
    stands = {"name": facts.name, "url": facts.url, "time_zone": facts.zone.key, "locale": facts.locale}
    return render(
        "console/page.html", facts, typed=typed or stands, problem=problem, zones=sorted(available_timezones())
    )
