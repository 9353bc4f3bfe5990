"""Inbound webhooks: authenticate, act once, answer."""

from app.web.hooks import twilio
from app.web.hooks.blueprint import blueprint

CSRF_EXEMPT = (twilio.inbound_sms,)
"""Providers have no cookie: their signature is what proves the request."""

__all__ = ["CSRF_EXEMPT", "blueprint", "twilio"]
