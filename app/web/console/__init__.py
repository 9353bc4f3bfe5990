"""The Communications Lead's console: one module per screen, which reads the form, calls one action, and renders."""

from app.web.console import (
    alarms,
    announcements,
    components,
    deliveries,
    drafts,
    overview,
    page_logo,
    page_settings,
    posts,
    preview,
    subscriber,
    subscriber_sheets,
    subscribers,
    taking_back,
    templates,
    updates,
)
from app.web.console.blueprint import blueprint

__all__ = [
    "alarms",
    "announcements",
    "blueprint",
    "components",
    "deliveries",
    "drafts",
    "overview",
    "page_logo",
    "page_settings",
    "posts",
    "preview",
    "subscriber",
    "subscriber_sheets",
    "subscribers",
    "taking_back",
    "templates",
    "updates",
]
