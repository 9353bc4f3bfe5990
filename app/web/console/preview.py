"""The live preview and the live count of who will hear of it."""

from flask import request

from app.db import session
from app.web.access import audience
from app.web.console import queries
from app.web.console.blueprint import blueprint
from app.web.console.publishing import publish_form
from app.web.console.rendering import Answer, render_block
from app.web.console.threads import thread
from app.web.console.typed import read_typed


@blueprint.post("/posts/reach")
@audience("lead")
def reach() -> Answer:
    """Impact, promise and audience for the components chosen so far."""
    facts = queries.page_facts(session())
    public_id = request.form.get("post_id", "")
    found = thread(session(), public_id) if public_id else None
    form = publish_form(session(), facts, read_typed(request.form), found)
    return render_block("console/posts/publish.html", "reach", facts, form=form)


@blueprint.post("/posts/preview")
@audience("lead")
def preview() -> Answer:
    """How it will look."""
    return reach()
