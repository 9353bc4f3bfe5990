"""Sign-in, sign-out and set-up."""

from app.web.auth import set_up, sign_in
from app.web.auth.blueprint import blueprint

__all__ = ["blueprint", "set_up", "sign_in"]
