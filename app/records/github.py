"""GitHub issues, pull requests and discussions."""

import re

from app.records.base import PatternTracker

TRACKER = PatternTracker(
    name="github",
    label="GitHub",
    host=re.compile(r"(?:www\.)?github\.com|github(?!\.com\.)\..+"),
    path=re.compile(
        r"/(?P<owner>[\w.-]{1,100})/(?P<repo>[\w.-]{1,100})/(?:issues|pull|discussions)/(?P<number>\d{1,9})(?:/|$)"
    ),
    key_format="{owner}/{repo}#{number}",
)
