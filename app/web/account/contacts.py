"""One's own contacts: where notices go, and what became of the last ones."""

from collections.abc import Callable

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.actions.accounts import contacts as actions
from app.db import session
from app.errors import CandorError, NotFound
from app.inputs.base import from_form
from app.inputs.contacts import ContactCode, ContactInput
from app.models.account import Account
from app.queries import contacts as queries
from app.settings import Settings
from app.text import clean
from app.web.access import actor, audience
from app.web.account.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import render
from app.web.pages import current_page

NOTICES_SHOWN = 20


@blueprint.get("", strict_slashes=False)
@audience("viewer")
def account() -> ResponseReturnValue:
    """Contacts and the newest notices."""
    return _show()


@blueprint.post("/contacts")
@audience("viewer")
def add_contact() -> ResponseReturnValue:
    """Add a contact, and send a code there."""

    def add() -> None:
        given = from_form(ContactInput, request.form)
        actions.add_contact(
            _settings(), actor(), _me().public_id, channel=given.channel, address=given.address, label=given.label
        )

    return _change(add, "A code is on its way. Enter it here to verify the contact.")


@blueprint.post("/contacts/<public_id>/verify")
@audience("viewer")
def verify_contact(public_id: str) -> ResponseReturnValue:
    """Take the code that was sent to a contact."""

    def verify() -> None:
        given = from_form(ContactCode, request.form)
        actions.verify_contact(_settings(), actor(), public_id, given.code)

    return _change(verify, "Contact verified.", public_id)


@blueprint.post("/contacts/<public_id>/code")
@audience("viewer")
def send_code(public_id: str) -> ResponseReturnValue:
    """Send a new code."""
    return _change(lambda: actions.send_code(_settings(), actor(), public_id), "A new code is on its way.", public_id)


@blueprint.post("/contacts/<public_id>/default")
@audience("viewer")
def prefer_contact(public_id: str) -> ResponseReturnValue:
    """Send notices to this contact."""
    return _change(lambda: actions.prefer_contact(actor(), public_id), "Notices go to this contact now.", public_id)


@blueprint.post("/contacts/<public_id>/remove")
@audience("viewer")
def remove_contact(public_id: str) -> ResponseReturnValue:
    """Remove a contact."""
    return _change(lambda: actions.remove_contact(actor(), public_id), "Contact removed.", public_id)


def _change(verb: Callable[[], None], said: str, public_id: str = "") -> ResponseReturnValue:
    """Do it and show the screen; when it can't be done, the screen says why."""
    if public_id and public_id not in {one.public_id for one in queries.contacts(session(), _me().id)}:
        raise NotFound("Contact not found.")
    try:
        verb()
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(problem, public_id), status
    flash(said)
    return redirect(url_for("account.account"), 303)


def _show(problem: Problem | None = None, public_id: str = "") -> str:
    me = _me()
    return render(
        "account/contacts.html",
        current_page(),
        contacts=queries.contacts(session(), me.id, full=True),
        notices=queries.notices(session(), me.id, full=True, limit=NOTICES_SHOWN),
        channels=queries.contact_channels(actor().role),
        problem=problem,
        wrong_id=public_id,
        typed={name: clean(value) for name, value in request.form.items()} if problem else {},
    )


def _me() -> Account:
    return session().get_one(Account, actor().account_id)


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings
