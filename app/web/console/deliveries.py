"""The delivery panel: who got an update, who did not and why; retry those; cancel while it is held."""

from flask import current_app, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from app.actions import dispatches as actions
from app.db import session
from app.deliver.report import dispatch_report, missing
from app.errors import NotFound
from app.settings import Settings
from app.vocabulary import Role
from app.web.access import actor, audience
from app.web.console import queries
from app.web.console.blueprint import blueprint
from app.web.console.masking import shown
from app.web.console.paging import page_number
from app.web.console.rendering import Answer, render, render_block
from app.web.console.threads import update_facts
from app.web.htmx import is_htmx

MISSING_PER_PAGE = 50


@blueprint.get("/updates/<public_id>/deliveries")
@audience("viewer")
def deliveries(public_id: str) -> Answer:
    """What happened to an update's notices; to htmx only the panel, while it moves."""
    update = update_facts(session(), public_id)
    facts = queries.page_facts(session())
    report = dispatch_report(session(), update.id)
    settings: Settings = current_app.config["SETTINGS"]
    panel = {"update": update, "report": report, "has_mail_server": bool(settings.smtp_url)}
    if is_htmx():
        return render_block("console/updates/deliveries.html", "panel", facts, **panel)
    number = page_number(request.args)
    rows = missing(session(), update.id, limit=MISSING_PER_PAGE + 1, offset=(number - 1) * MISSING_PER_PAGE)
    sees_all = actor().role.rank >= Role.LEAD.rank
    return render(
        "console/updates/deliveries.html",
        facts,
        **panel,
        rows=[(row, shown(row.channel, row.address, row.label, full=sees_all)) for row in rows[:MISSING_PER_PAGE]],
        number=number,
        has_more=len(rows) > MISSING_PER_PAGE,
    )


@blueprint.post("/updates/<public_id>/deliveries/retry")
@audience("lead")
def retry(public_id: str) -> Answer:
    """Try the failed ones again."""
    count = actions.retry_failed(actor(), _dispatch_of(public_id))
    people = "1 notice is" if count == 1 else f"{count:,} notices are"
    flash(f"{people} on the way again." if count else "There was nothing left to try again.")
    return _back(public_id)


@blueprint.post("/updates/<public_id>/deliveries/cancel")
@audience("lead")
def cancel(public_id: str) -> Answer:
    """Stop the notices while they are still held.  The update stays on the page."""
    actions.cancel_dispatch(actor(), _dispatch_of(public_id))
    flash("Cancelled: nobody was notified. The update itself stays on the page.")
    return _back(public_id)


def _dispatch_of(public_id: str) -> str:
    report = dispatch_report(session(), update_facts(session(), public_id).id)
    if report is None:
        raise NotFound("This update notified nobody.")
    return report.public_id


def _back(public_id: str) -> Response:
    return redirect(url_for("console.deliveries", public_id=public_id), 303)
