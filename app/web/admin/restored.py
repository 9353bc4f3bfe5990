"""After a restore: send or drop the notifications that were unsent at the time of the backup."""

from datetime import datetime

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.actions.deliveries import restoring
from app.errors import Invalid
from app.web.access import actor, audience
from app.web.admin.blueprint import blueprint


@blueprint.post("/limits/restored/resume")
@audience("lead")
def resume_restored() -> ResponseReturnValue:
    """Send what was under way."""
    restoring.resume(actor())
    flash("Resumed: what waits is sent.")
    return redirect(url_for("admin.send_limits"), 303)


@blueprint.post("/limits/restored/drop")
@audience("lead")
def drop_restored() -> ResponseReturnValue:
    """Send nothing of what was under way when the form was shown."""
    dropped = restoring.drop(actor(), _instant(request.form.get("before", "")))
    flash(f"Dropped: {dropped.updates:,} updates, {dropped.messages:,} messages. New ones are sent again.")
    return redirect(url_for("admin.send_limits"), 303)


def _instant(raw: str) -> datetime:
    try:
        at = datetime.fromisoformat(raw)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid("This form has expired. Go back, reload the page and submit it again.")
    return at
