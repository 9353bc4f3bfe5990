"""The Communications Lead's console: one module per screen, each read form into value, one action, render."""

from app.web.console import (
    accounts,
    announcements,
    components,
    deliveries,
    outbox,
    overview,
    page_logo,
    page_settings,
    posts,
    preview,
    restored,
    send_limits,
    standing,
    subscriber,
    subscriber_sheets,
    subscribers,
    updates,
)
from app.web.console.blueprint import blueprint

__all__ = [
    "accounts",
    "announcements",
    "blueprint",
    "components",
    "deliveries",
    "outbox",
    "overview",
    "page_logo",
    "page_settings",
    "posts",
    "preview",
    "restored",
    "send_limits",
    "standing",
    "subscriber",
    "subscriber_sheets",
    "subscribers",
    "updates",
]
