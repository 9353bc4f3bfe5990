"""Signing in and out."""

from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.actions.accounts import accounts, sessions
from app.errors import Invalid, TooMany
from app.text import clean
from app.web.access import audience, safe_next
from app.web.auth import login
from app.web.auth.blueprint import blueprint
from app.web.wording import error_texts


@blueprint.get("/sign-in")
@audience("public")
def sign_in() -> ResponseReturnValue:
    """The form."""
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")), 303)
    return _form(needs_setup=accounts.needs_setup())


@blueprint.post("/sign-in")
@audience("public")
def sign_in_now() -> ResponseReturnValue:
    """Check the password; on to where the person was going."""
    try:
        token = sessions.sign_in(
            current_app.config["SETTINGS"],
            email=request.form.get("email", ""),
            password=request.form.get("password", ""),
            ip=request.remote_addr or "",
            user_agent=request.headers.get("User-Agent", ""),
        )
    except Invalid as error:
        return _form(error.sentence), 422
    except TooMany as error:
        return _form(error.sentence), 429, {"Retry-After": str(error.retry_after)}
    login.begin(token)
    return redirect(safe_next(request.form.get("next")), 303)


@blueprint.post("/sign-out")
@audience("public")
def sign_out() -> ResponseReturnValue:
    """End this session, here and on the server."""
    if current_user.is_authenticated:
        sessions.sign_out(current_user.actor, current_user.token)
    login.finish()
    return redirect(url_for("auth.sign_in"), 303)


def _form(problem: str = "", *, needs_setup: bool = False) -> str:
    wanted = request.form.get("next") if request.method == "POST" else request.args.get("next")
    return render_template(
        "auth/sign_in.html",
        problem=error_texts().say(problem),
        email=clean(request.form.get("email", "")[:1000]),
        next=safe_next(wanted),
        needs_setup=needs_setup,
    )
