"""Import and export of subscribers as CSV in the console."""

from io import BytesIO
from typing import BinaryIO, cast

from flask import current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.db import session
from app.errors import CandorError
from app.transfer.subscribers import SubscriberImportReport, exporting, import_subscribers
from app.transfer.subscribers.importing import SHOWN
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.console.downloads import download
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import render
from app.web.pages import current_page


@blueprint.get("/subscribers/sheet")
@audience("admin")
def import_sheet() -> ResponseReturnValue:
    """Where a sheet is given and taken."""
    return _show()


@blueprint.post("/subscribers/sheet")
@audience("admin")
def import_subscribers_sheet() -> ResponseReturnValue:
    """Take a sheet, or only say what would come of it.  The answer is the report, so it is no redirect."""
    facts = current_page()
    sent = request.files.get("file")
    file = cast(BinaryIO, sent.stream) if sent is not None and sent.filename else BytesIO()
    dry_run = request.form.get("dry_run") == "yes"
    try:
        report = import_subscribers(current_app.config["SETTINGS"], actor(), facts.id, file, dry_run=dry_run)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(problem=problem), status
    return _show(report)


@blueprint.get("/subscribers/export")
@audience("admin")
def export_subscribers() -> Response:
    """Every subscriber, without the secrets that sign webhooks."""
    facts = current_page()
    return download("subscribers", exporting.headings(False), exporting.pieces(session, facts.id))


def _show(report: SubscriberImportReport | None = None, problem: Problem | None = None) -> str:
    facts = current_page()
    return render("console/subscribers/sheet.html", facts, report=report, shown=SHOWN, problem=problem)
