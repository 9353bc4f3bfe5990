"""The board: open incidents first, then those resolved last."""

from flask.typing import ResponseReturnValue

from app.db import session
from app.queries import incidents as queries
from app.web.access import audience
from app.web.board.blueprint import blueprint
from app.web.console.rendering import render
from app.web.guarding import visible_pages
from app.web.pages import current_page


@blueprint.get("", strict_slashes=False)
@audience("viewer")
def board() -> ResponseReturnValue:
    """What is open, who leads, what was told and what was promised."""
    pages = visible_pages()
    return render(
        "board/list.html",
        current_page(),
        incidents=queries.open_incidents(session(), pages),
        unrecorded=queries.unrecorded_posts(session(), pages),
        recent=queries.recent_incidents(session(), pages),
    )
