"""Jira, in the cloud or on a company's own host: any /browse/KEY-1."""

import re

from app.records.base import PatternTracker

TRACKER = PatternTracker(
    name="jira",
    label="Jira",
    host=re.compile(r".+"),
    path=re.compile(r"(?:/[\w-]{1,40}){0,2}/browse/(?P<key>[A-Z][A-Z0-9_]{0,20}-\d{1,9})(?:/|$)"),
)
