"""Inbound webhooks: authenticate, store, respond.  A worker reads them later."""

from app.web.hooks import receiving
from app.web.hooks.blueprint import blueprint

CSRF_EXEMPT = (receiving.receive,)
"""Outside systems have no cookie: their signature is what proves the request."""

__all__ = ["CSRF_EXEMPT", "blueprint"]
