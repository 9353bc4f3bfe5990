"""The links of one subscriber: confirm, manage, unsubscribe.  Opening one never changes anything; its button does."""

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.actions.subscribers import subscriptions
from app.channels.registry import channel
from app.errors import Invalid
from app.publish import tokens
from app.queries.visitor_pages import page
from app.settings import Settings
from app.text import clean
from app.web.access import audience
from app.web.site.blueprint import blueprint
from app.web.site.language import render
from app.web.site.subscribe import chosen_components
from app.web.wording import chosen_language, error_texts

SAVED = "Saved. This applies from the next update."


@blueprint.get("/confirm/<public_id>/<token>")
@audience("public")
def confirm(public_id: str, token: str) -> ResponseReturnValue:
    """Ask to press the button: mail scanners open links too."""
    found = subscriptions.read(_settings(), "confirm", public_id, token)
    newest = found.followed[0][1] if found.followed and not (found.everything or found.chosen) else ""
    return render("site/confirm.html", page(found.page_id), address=_masked(found), followed=newest)


@blueprint.post("/confirm/<public_id>/<token>")
@audience("public")
def confirm_now(public_id: str, token: str) -> ResponseReturnValue:
    """The address is confirmed."""
    subscriptions.confirm(_settings(), public_id, token)
    found = subscriptions.read(_settings(), "confirm", public_id, token)
    return render("site/confirmed.html", page(found.page_id), manage=_link("manage", found), address=_masked(found))


@blueprint.get("/manage/<public_id>/<token>")
@audience("public")
def manage(public_id: str, token: str) -> ResponseReturnValue:
    """Show what the subscriber gets updates about."""
    return _manage(public_id, token)


@blueprint.post("/manage/<public_id>/<token>")
@audience("public")
def manage_now(public_id: str, token: str) -> ResponseReturnValue:
    """Change what the subscriber gets updates about."""
    try:
        subscriptions.set_preferences(_settings(), public_id, token, *_chosen())
    except Invalid as error:
        return _manage(public_id, token, error.sentence), 422
    flash(SAVED)
    return redirect(url_for("site.manage", public_id=public_id, token=token, language=chosen_language()), 303)


@blueprint.get("/unsubscribe/<public_id>/<token>")
@audience("public")
def unsubscribe(public_id: str, token: str) -> ResponseReturnValue:
    """Ask to press the button."""
    found = subscriptions.read(_settings(), "unsubscribe", public_id, token)
    return render("site/unsubscribe.html", page(found.page_id), address=_masked(found))


@blueprint.post("/unsubscribe/<public_id>/<token>")
@audience("public")
def unsubscribe_now(public_id: str, token: str) -> ResponseReturnValue:
    """End it, for the button here and for a mail program's own; needs no cookie."""
    subscriptions.unsubscribe(_settings(), public_id, token)
    found = subscriptions.read(_settings(), "unsubscribe", public_id, token)
    return render("site/unsubscribed.html", page(found.page_id), address=_masked(found))


def _manage(public_id: str, token: str, problem: str = "") -> str:
    found = subscriptions.read(_settings(), "manage", public_id, token)
    asked = request.method == "POST"
    shown = page(found.page_id)
    return render(
        "site/manage.html",
        shown,
        subscription=found,
        address=_masked(found),
        problem=error_texts(chosen_language() or shown.language).say(problem),
        scope=request.form.get("scope", "all") if asked else "all" if found.everything else "some",
        kept=set(request.form.getlist("posts")) if asked else {name for name, _ in found.followed},
        chosen=set(request.form.getlist("components")) if asked else found.chosen,
        unsubscribe=_link("unsubscribe", found),
    )


def _chosen() -> tuple[list[str], list[str]]:
    """The components and the followed posts that the form keeps; neither when it says everything.  Raises Invalid."""
    if request.form.get("scope", "all") == "all":
        return [], []
    posts = [clean(value[:100]) for value in request.form.getlist("posts")]
    components = request.form.getlist("components")
    return chosen_components() if components or not posts else [], posts


def _link(purpose: str, found: subscriptions.Subscription) -> str:
    token = tokens.sign(_settings().secret_key, purpose, found.public_id, found.version)
    return url_for(f"site.{purpose}", public_id=found.public_id, token=token, language=chosen_language())


def _masked(found: subscriptions.Subscription) -> str:
    """Enough of an address to be recognised by its owner: links are forwarded and looked at over shoulders."""
    return channel(found.channel).shown_to_owner(found.address) or "this channel"


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings
