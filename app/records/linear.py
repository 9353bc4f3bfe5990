"""Linear issues."""

import re

from app.records.base import PatternTracker

TRACKER = PatternTracker(
    name="linear",
    label="Linear",
    host=re.compile(r"linear\.app"),
    path=re.compile(r"/[\w-]{1,100}/issue/(?P<key>[A-Z][A-Z0-9]{0,20}-\d{1,9})(?:/|$)"),
)
