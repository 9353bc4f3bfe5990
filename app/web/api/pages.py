"""Pages: listed, read and edited."""

from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.actions.pages import edit_page
from app.db import session
from app.models.page import Page
from app.publish.views import PageView
from app.vocabulary import Scope
from app.web.api import reading
from app.web.api.blueprint import bearer, route, settings
from app.web.api.documents import page_document


@route("/pages", "GET", scope=Scope.READ)
def list_pages() -> ResponseReturnValue:
    """All pages."""
    return [page_document(page_id) for page_id in session().scalars(select(Page.id).order_by(Page.id))]


@route("/pages/<page_id>", "GET", scope=Scope.READ)
def read_page(page: PageView) -> ResponseReturnValue:
    """One page."""
    return page_document(page.id)


@route("/pages/<page_id>", "PUT", "PATCH", scope=Scope.ADMIN)
def edit_page_facts(page: PageView) -> ResponseReturnValue:
    """Change a page's name, address, time zone or sender of mail; what Candor has nothing of is passed over."""
    given = reading.wrapped("page")
    name, url, zone, sender = (
        reading.text(given, one) for one in ("name", "url", "time_zone", "notifications_from_email")
    )
    edit_page(settings(), bearer().actor, page.id, name=name, url=url, time_zone=zone, mail_from=sender)
    return page_document(page.id)
