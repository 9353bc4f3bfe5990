"""GitLab issues, incidents and merge requests, also on a company's own host."""

import re

from app.records.base import PatternTracker

TRACKER = PatternTracker(
    name="gitlab",
    label="GitLab",
    host=re.compile(r".+"),
    path=re.compile(
        r"/(?P<project>[\w./-]{1,200}?)/-/(?:issues/(?:incident/)?|work_items/|incidents/)(?P<number>\d{1,9})(?:/|$)"
    ),
    key_format="{project}#{number}",
)
