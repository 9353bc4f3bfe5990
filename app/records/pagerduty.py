"""PagerDuty incidents."""

import re

from app.records.base import PatternTracker

TRACKER = PatternTracker(
    name="pagerduty",
    label="PagerDuty",
    host=re.compile(r"(?:.+\.)?pagerduty\.com"),
    path=re.compile(r"/incidents/(?P<key>[A-Z0-9]{6,20})(?:/|$)"),
)
