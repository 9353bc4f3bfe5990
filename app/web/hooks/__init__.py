"""Inbound webhooks: authenticate, store, answer.  What they say is read by a worker."""

from app.web.hooks import receiving
from app.web.hooks.blueprint import blueprint

CSRF_EXEMPT = (receiving.receive,)
"""Outside systems have no cookie: their signature is what proves the request."""

__all__ = ["CSRF_EXEMPT", "blueprint"]
