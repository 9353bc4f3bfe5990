"""Inbound webhooks: authenticate, act once, answer."""

from app.web.hooks import mail, twilio
from app.web.hooks.blueprint import blueprint

CSRF_EXEMPT = (twilio.inbound_sms, twilio.text_status, mail.mail_event)
"""Providers have no cookie: their signature is what proves the request."""

__all__ = ["CSRF_EXEMPT", "blueprint", "mail", "twilio"]
