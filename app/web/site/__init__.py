"""What visitors may do: subscribe, confirm, manage, unsubscribe."""

from app.web.site import home, personal, push, subscribe
from app.web.site.blueprint import blueprint

CSRF_EXEMPT = (personal.unsubscribe_now,)
"""One-click unsubscribe comes from mail programs, without a cookie: the link's token is what proves it (RFC 8058)."""

__all__ = ["CSRF_EXEMPT", "blueprint", "home", "personal", "push", "subscribe"]
