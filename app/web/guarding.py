"""Runs before each request: allows it, redirects to sign-in, or refuses.  The verbs check the role again."""

from collections.abc import Collection

from flask import current_app, redirect, request, url_for
from flask_login import current_user
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized
from werkzeug.wrappers import Response

from app.vocabulary import Role
from app.web.access import SAFE_METHODS, actor, audience_of, safe_next, wants_json
from app.web.pages import current_page


def guard() -> Response | None:
    """Look at who asks, and at the role that they have where the request leads."""
    if request.endpoint is None:
        return None  # no such route, or not with this method: routing answers
    if "\x00" in request.path:
        raise NotFound  # no name holds one, and PostgreSQL doesn't take it
    who = audience_of(current_app, request.endpoint)
    if who in {"public", "token"}:
        return None  # what takes tokens looks at them itself: it knows which scope it needs
    if who is None:
        raise Forbidden
    if not current_user.is_authenticated:
        return _to_sign_in()
    if not may(Role(who)):
        role = role_here()
        has = f"Your role is {role.label}." if role is not None else "You have no role."
        raise Forbidden(f"{has} You need the role {Role(who).label} or higher.")
    return None


def role_here() -> Role | None:
    """The role of who is signed in where the request leads: on the page that its address names, on all pages for what
    belongs to the installation, or else on any page.

    Raises:
        NotFound: the page doesn't exist, or they may not see it.
    """
    me = actor()
    if request.blueprint == "admin":
        return me.role
    if request.blueprint != "console":
        return me.highest_role
    role = me.role_on(current_page().id)
    if role is None:
        raise NotFound("Page not found.")
    return role


def may(needs: Role) -> bool:
    """Whether who is signed in has this role where the request leads."""
    role = role_here()
    return role is not None and role.rank >= needs.rank


def may_everywhere(needs: Role) -> bool:
    """Whether who is signed in has this role on all pages, as for what belongs to the installation."""
    role = actor().role
    return role is not None and role.rank >= needs.rank


def visible_pages() -> Collection[int] | None:
    """The row ids of the pages on which who is signed in has a role; None for all pages."""
    me = actor()
    return None if me.role is not None else frozenset(me.page_roles)


def _to_sign_in() -> Response:
    if request.method not in SAFE_METHODS or request.headers.get("HX-Request") == "true" or wants_json():
        raise Unauthorized("You're signed out. Sign in and try again.")
    path = request.full_path if request.query_string else request.path
    return redirect(url_for("auth.sign_in", next=safe_next(request.script_root + path)), 303)
