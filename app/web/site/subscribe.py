"""Subscribing: the same answer for every address."""

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.actions.subscribers import subscriptions
from app.channels.push import page_key
from app.errors import Invalid, TooMany
from app.queries.visitor_pages import VisitorPage, followable, page
from app.text import clean
from app.web.access import audience
from app.web.pages import visited_page
from app.web.site.blueprint import blueprint
from app.web.site.language import render
from app.web.wording import chosen_language, error_texts

LONGEST_ADDRESS = 1000


@blueprint.get("/subscribe")
@audience("public")
def subscribe() -> ResponseReturnValue:
    """The form."""
    return _form(page(slug=visited_page()))


@blueprint.post("/subscribe")
@audience("public")
def subscribe_now() -> ResponseReturnValue:
    """Ask the address to confirm."""
    found = page(slug=visited_page())
    channel = clean(request.form.get("channel", "")[:20])
    try:
        subscriptions.subscribe(
            current_app.config["SETTINGS"],
            found.id,
            channel,
            clean(request.form.get("address", "")[:LONGEST_ADDRESS]),
            chosen_components() if not _wants_post() else [],
            post=clean(request.form.get("post", "")[:100]) if _wants_post() else "",
            ip=request.remote_addr or "",
        )
    except Invalid as error:
        return _form(found, error.sentence, error.fields), 422
    except TooMany as error:
        return _form(found, error.sentence), 429, {"Retry-After": str(error.retry_after)}
    return redirect(url_for("site.asked", channel=channel, language=chosen_language()), 303)


@blueprint.get("/subscribe/sent")
@audience("public")
def asked() -> ResponseReturnValue:
    """Say where to look."""
    return render("site/asked.html", page(slug=visited_page()), by_sms=request.args.get("channel") == "sms")


def chosen_components() -> list[str]:
    """The components that the form names; none when it says everything.

    Raises:
        Invalid: it says "only these" and names none.
    """
    if request.form.get("scope", "all") == "all":
        return []
    chosen = [clean(value[:100]) for value in request.form.getlist("components")]
    if not chosen:
        raise Invalid.field("components", "Choose at least one component, or choose all updates.")
    return chosen


def _wants_post() -> bool:
    """Whether the form asks for one post alone."""
    return request.form.get("scope") == "post"


def _form(found: VisitorPage, problem: str = "", wrong: dict[str, str] | None = None) -> str:
    texts = error_texts(chosen_language() or found.language)
    offered = followable(found.id, clean((request.form.get("post") or request.args.get("post") or "")[:100]))
    return render(
        "site/subscribe.html",
        found,
        problem=texts.say(problem),
        wrong={name: texts.say(sentence) for name, sentence in (wrong or {}).items()},
        channel=request.form.get("channel") or request.args.get("channel") or "email",
        address=clean(request.form.get("address", "")[:LONGEST_ADDRESS]),
        scope=request.form.get("scope", "post" if offered else "all"),
        post=offered,
        chosen=set(request.form.getlist("components")),
        push_key=page_key(current_app.config["SETTINGS"]),
    )
