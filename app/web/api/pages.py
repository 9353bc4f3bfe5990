"""Pages: list, get and update."""

from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.actions.pages.pages import edit_page
from app.db import session
from app.inputs.envelopes import PageBody
from app.models.page import Page
from app.publish.views import PageView
from app.vocabulary import Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import bearer, settings, tagged
from app.web.api.documents import page_document

route = tagged("Pages")


@route("/pages", "GET", scope=Scope.READ, answers=list[outputs.PageOutput])
def list_pages() -> ResponseReturnValue:
    """List the pages that this token can access."""
    known = session().scalars(select(Page.id).order_by(Page.id))
    return [page_document(page_id) for page_id in known if bearer().actor.role_on(page_id) is not None]


@route("/pages/<page_id>", "GET", scope=Scope.READ, answers=outputs.PageOutput)
def read_page(page: PageView) -> ResponseReturnValue:
    """Get one page."""
    return page_document(page.id)


@route("/pages/<page_id>", "PUT", "PATCH", scope=Scope.ADMIN, takes=PageBody, answers=outputs.PageOutput)
def edit_page_facts(page: PageView) -> ResponseReturnValue:
    """Update a page's name, address, time zone or email sender. Fields that Candor doesn't have are ignored."""
    given = bodies.read(PageBody).page
    edit_page(
        settings(),
        bearer().actor,
        page.id,
        name=given.name,
        url=given.url,
        time_zone=given.time_zone,
        mail_from=given.mail_from,
    )
    return page_document(page.id)
