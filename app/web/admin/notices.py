"""Notices to people with an account: what became of each."""

from flask.typing import ResponseReturnValue

from app.db import session
from app.queries import contacts as queries
from app.web.access import audience
from app.web.admin.blueprint import blueprint
from app.web.console.rendering import render
from app.web.pages import current_page


@blueprint.get("/notices")
@audience("admin")
def notices() -> ResponseReturnValue:
    """The newest notices, and how many of the last 24 hours are in each state."""
    return render(
        "admin/notices.html",
        current_page(),
        counts=queries.notice_counts(session()),
        notices=queries.notices(session()),
    )
