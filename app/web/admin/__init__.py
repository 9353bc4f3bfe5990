"""Screens of the installation rather than a page: accounts, tokens, send limits, the outbox."""

from app.web.admin import accounts, notices, outbox, restored, send_limits, tokens
from app.web.admin.blueprint import blueprint

__all__ = ["accounts", "blueprint", "notices", "outbox", "restored", "send_limits", "tokens"]
