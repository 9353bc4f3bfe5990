"""What all templates can use.  Nothing here queries the database, because error pages work without it."""

import json
from typing import Any

from flask import Flask
from flask_wtf.csrf import generate_csrf

from app.web.access import known_actor

HTMX_CONFIG = json.dumps(
    {"includeIndicatorCSS": False, "defaultTimeout": 20_000, "history": False, "noSwap": [204, 304]},
    separators=(",", ":"),
)
"""htmx without injected styles and without waiting forever."""


def install(app: Flask) -> None:
    """Add the shared values to every template."""
    app.context_processor(_shared)


def _shared() -> dict[str, Any]:
    return {"signed_in": known_actor() is not None, "htmx_config": HTMX_CONFIG, "htmx_headers": _htmx_headers}


def _htmx_headers() -> str:
    return json.dumps({"X-CSRFToken": generate_csrf()})
