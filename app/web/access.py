"""Who may call what: every view declares it, and without a declaration the application doesn't start."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from flask import Flask, g, request
from flask_login import current_user
from werkzeug.exceptions import Unauthorized

from app.shapes import Actor
from app.vocabulary import Role

Who = Literal["public", "token", "viewer", "responder", "lead", "admin"]
View = TypeVar("View", bound=Callable[..., Any])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MARK = "candor_audience"


def audience(who: Who) -> Callable[[View], View]:
    """Declare who may call a view: everyone, programs with a token, or those signed in with at least this role."""
    if who not in {"public", "token"}:
        Role(who)

    def mark(view: View) -> View:
        setattr(view, _MARK, who)
        return view

    return mark


def audience_of(app: Flask, endpoint: str) -> str | None:
    """Who may call an endpoint; None when it doesn't say."""
    declared = getattr(app.view_functions.get(endpoint), _MARK, None)
    return declared if isinstance(declared, str) else None


def require_declarations(app: Flask) -> None:
    """Refuse to start with a route that doesn't say who may call it.

    Raises:
        RuntimeError: it names those routes.
    """
    silent = sorted({rule.endpoint for rule in app.url_map.iter_rules() if not audience_of(app, rule.endpoint)})
    if silent:
        raise RuntimeError(f"These routes don't declare who may call them: {', '.join(silent)}. Add @audience(...).")


def actor() -> Actor:
    """Who is signed in, for the actions.

    Raises:
        Unauthorized: no one is.
    """
    if not current_user.is_authenticated:
        raise Unauthorized
    signed_in: Actor = current_user.actor
    return signed_in


def known_actor() -> Actor | None:
    """Who is signed in if this request has found that out already; never asks the database."""
    user = g.get("_login_user")
    return user.actor if user is not None and user.is_authenticated else None


def wants_json() -> bool:
    """Whether the caller asks for JSON and not for a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/problem+json", "application/json"])
    return best in {"application/problem+json", "application/json"} and "text/html" not in request.headers.get(
        "Accept", ""
    )


def safe_next(raw: str | None) -> str:
    """A path of this installation, below its base, to go on to after sign-in; the console when `raw` is none.

    Only a path counts: an address of another host, a scheme, a backslash or a control character doesn't.
    """
    console = f"{request.script_root}/console"
    if (
        not raw
        or len(raw) > 1000
        or "\\" in raw
        or any(ord(character) <= 32 or ord(character) == 127 for character in raw)
    ):
        return console
    try:
        parts = urlsplit(raw)
    except ValueError:
        return console
    if parts.scheme or parts.netloc or not raw.startswith("/") or raw.startswith("//"):
        return console
    inside = parts.path.removeprefix(request.script_root)
    return console if inside.startswith(("/sign-", "/setup")) else raw
