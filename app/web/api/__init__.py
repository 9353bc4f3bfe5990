"""The management API: Statuspage's Manage API v1 at its address, and the same as our own, described in OpenAPI."""

from app.web.api import (
    component_groups,
    components,
    drafts,
    incident_subscribers,
    incidents,
    openapi,
    pages,
    postmortems,
    subscriber_lists,
    subscribers,
    templates,
    uptime,
    whole,
)
from app.web.api.blueprint import blueprint

CSRF_EXEMPT = (blueprint,)
"""Programs have no cookie: their token is what proves the request."""

__all__ = [
    "blueprint",
    "component_groups",
    "components",
    "drafts",
    "incident_subscribers",
    "incidents",
    "openapi",
    "pages",
    "postmortems",
    "subscriber_lists",
    "subscribers",
    "templates",
    "uptime",
    "whole",
]
