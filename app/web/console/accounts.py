"""Who may sign in, and what each may do."""

from app.db import session
from app.vocabulary import Role
from app.web.access import audience
from app.web.console import people, queries
from app.web.console.blueprint import blueprint
from app.web.console.forms import Problem
from app.web.console.rendering import Answer, render


@blueprint.get("/accounts")
@audience("admin")
def accounts() -> Answer:
    """Every account."""
    return show_accounts()


def show_accounts(problem: Problem | None = None, adding: dict[str, str] | None = None) -> str:
    """The screen."""
    return render(
        "console/accounts/list.html",
        queries.page_facts(session()),
        accounts=people.all_accounts(session()),
        roles=list(Role),
        problem=problem,
        adding=adding or {},
    )
