"""The setup link of an installation without accounts: a page, an admin, and perhaps sample data."""

from zoneinfo import available_timezones

from flask import current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.actions.accounts import accounts, sessions
from app.actions.pages import pages, sample
from app.errors import Conflict, Invalid, NotFound
from app.inputs.fields import NAME_LIMIT
from app.settings import Settings
from app.shapes import Actor
from app.text import clean
from app.vocabulary import Role
from app.web.access import audience
from app.web.auth import login
from app.web.auth.blueprint import blueprint
from app.web.wording import error_texts

FIELDS = ("page_name", "name", "email", "time_zone")


@blueprint.get("/setup/<token>")
@audience("public")
def set_up(token: str) -> Response | str:
    """The form, while the link is valid."""
    _require_link(token)
    return _form({})


@blueprint.post("/setup/<token>")
@audience("public")
def set_up_now(token: str) -> Response | tuple[str, int]:
    """Make the page and the first admin, and sign them in."""
    _require_link(token)
    form, settings = request.form, current_app.config["SETTINGS"]
    actor = Actor("set-up", Role.ADMIN)
    details = {name: form.get(name, "") for name in ("email", "name", "password")}
    try:
        accounts.check_details(**details)
        page_id = _make_page(settings, actor, form.get("page_name", ""), form.get("time_zone", ""))
        account_id = accounts.create_first_account(actor, token, **details)
    except Invalid as error:
        sentence, fields = error_texts().say_all(error)
        return _form(fields, sentence), 422
    if form.get("sample"):
        sample.load(settings, actor, page_id)
    login.begin(sessions.open_session(account_id, request.headers.get("User-Agent", "")))
    return redirect(url_for("home.console"), 303)


def _make_page(settings: Settings, actor: Actor, name: str, time_zone: str) -> int:
    """The page as named; one that an earlier, interrupted set-up made is renamed."""
    try:
        page_id = pages.default_page_id()
    except NotFound:
        return pages.create_page(settings, actor, name=_page_name(name), time_zone=time_zone)
    pages.edit_page(settings, actor, page_id, name=_page_name(name), url="", time_zone=time_zone, locale="en")
    return page_id


def _page_name(name: str) -> str:
    if not clean(name[:1000]):
        raise Invalid.field("page_name", "The page's name is empty. Enter some text.")
    if len(clean(name[:1000])) > NAME_LIMIT:
        raise Invalid.field("page_name", f"The page's name is too long: the limit is {NAME_LIMIT} characters.")
    return name


def _require_link(token: str) -> None:
    if accounts.is_setup_token(token):
        return
    if accounts.needs_setup():
        raise NotFound("This setup link isn't valid. Use the newest link from the terminal.")
    raise Conflict("Candor is already set up. Sign in instead.")


def _form(wrong: dict[str, str], problem: str = "") -> str:
    return render_template(
        "auth/set_up.html",
        wrong=wrong,
        problem=problem,
        typed={name: clean(request.form.get(name, "")[:1000]) for name in FIELDS},
        zones=sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("posix", "right"))),
    )
