"""Flask-Login, reduced to what is safe: a cookie that holds a session's token, and a row that can be deleted."""

from dataclasses import dataclass, field

from flask import session
from flask.sansio.app import App
from flask_login import LoginManager, login_user, logout_user

from app.actions.accounts import sessions
from app.shapes import Actor


@dataclass(frozen=True, slots=True)
class User:
    """Who is signed in, as a value: it doesn't change while the request runs."""

    token: str = field(repr=False)
    actor: Actor
    email: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """What the cookie holds: the session's token, not the account."""
        return self.token


def manager() -> LoginManager:
    """The login manager of one app.

    There is no "remember me" cookie: it would outlive the session's row, and it makes every answer vary by cookie.
    """
    made = LoginManager()
    made.session_protection = None
    made._load_user_from_remember_cookie = lambda _cookie: None
    made._update_remember_cookie = lambda response: response
    made.user_loader(_load)
    return made


def begin(token: str) -> None:
    """Put a fresh session's token into the cookie, and nothing from before."""
    session.clear()
    session.permanent = True
    user = _load(token)
    if user is not None:
        login_user(user)


def finish() -> None:
    """Empty the cookie."""
    logout_user()
    session.clear()


def set_lifetime(app: App) -> None:
    """The cookie lives as long as the row at most."""
    app.config["PERMANENT_SESSION_LIFETIME"] = sessions.LONGEST


def _load(token: str) -> User | None:
    found = sessions.find_session(token)
    return User(found.token, found.actor, found.email) if found else None
