"""Statuspage's Manage API v1, for the scripts that were written for it: tokens in, the same actions as the console."""

from app.web.v1 import (
    component_groups,
    components,
    incidents,
    pages,
    postmortems,
    subscriber_lists,
    subscribers,
    templates,
)
from app.web.v1.blueprint import blueprint

CSRF_EXEMPT = (blueprint,)
"""Programs have no cookie: their token is what proves the request."""

__all__ = [
    "blueprint", "component_groups", "components", "incidents", "pages", "postmortems", "subscriber_lists",
    "subscribers", "templates",
]  # fmt: skip
