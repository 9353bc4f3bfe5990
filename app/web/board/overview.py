"""The board: open incidents first, then those resolved last."""

from app.db import session
from app.web.access import audience
from app.web.board import queries
from app.web.board.blueprint import blueprint
from app.web.console.queries import open_posts
from app.web.console.rendering import Answer, render
from app.web.pages import current_page


@blueprint.get("", strict_slashes=False)
@audience("viewer")
def board() -> Answer:
    """What is open, who leads, what was told and what was promised."""
    facts = current_page()
    return render(
        "board/list.html",
        facts,
        incidents=queries.open_incidents(session()),
        unrecorded=[post for post in open_posts(session(), facts.id) if not post.incident_id],
        recent=queries.recent_incidents(session()),
    )
