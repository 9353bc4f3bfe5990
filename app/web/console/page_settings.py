"""The page's name, address, look and email sender.  Its logo is in `page_logo`."""

from typing import Any
from zoneinfo import available_timezones

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.actions.pages import pages as actions
from app.db import session
from app.errors import CandorError
from app.queries.pages import branding
from app.text import clean
from app.vocabulary import Language
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import render
from app.web.pages import current_page

FIELDS = ("name", "url", "time_zone", "locale", "accent", "mail_from")


@blueprint.get("/page")
@audience("admin")
def page_settings() -> ResponseReturnValue:
    """The form."""
    return show_page()


@blueprint.post("/page")
@audience("admin")
def edit_page() -> ResponseReturnValue:
    """Change the page, which is then rendered again completely."""
    facts = current_page()
    typed: dict[str, Any] = {field: clean(request.form[field]) for field in FIELDS if field in request.form}
    if "languages" in request.form:  # the form holds an empty one too, so that none can be chosen
        typed["languages"] = [clean(code) for code in request.form.getlist("languages") if code]
    if "waits_for_hold" in request.form:  # the form holds a "no" before the box, so that it can be cleared
        typed["waits_for_hold"] = request.form.getlist("waits_for_hold")[-1] == "yes"
    try:
        actions.edit_page(current_app.config["SETTINGS"], actor(), facts.id, **typed)
    except CandorError as error:
        problem, status = problem_of(error)
        return show_page(typed, problem), status
    flash("Saved. The page was made anew.")
    return redirect(url_for("console.page_settings"), 303)


def show_page(typed: dict[str, Any] | None = None, problem: Problem | None = None) -> str:
    """The screen, with what was typed laid over what stands."""
    facts = current_page()
    stands = branding(session(), facts.id)
    fields: dict[str, Any] = {
        "name": facts.name,
        "url": facts.url,
        "time_zone": facts.zone.key,
        "locale": facts.locale,
        "languages": stands.languages,
        "accent": stands.accent,
        "mail_from": stands.mail_from,
        "waits_for_hold": stands.waits_for_hold,
    }
    return render(
        "console/page.html", facts,
        typed=fields | (typed or {}), look=stands, languages=list(Language), problem=problem,
        zones=sorted(available_timezones()), usual_sender=current_app.config["SETTINGS"].mail_from,
        hold_seconds=current_app.config["SETTINGS"].hold_seconds,
    )  # fmt: skip
