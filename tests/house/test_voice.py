"""Plain English: phrases that read as if translated don't come back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BANNED = {
    r"\bcan not\b": "can't",
    r"\bthere is no such\b": "“… not found”, or “the … doesn't exist”",
    r"\b(?:hears?|heard) of\b": "get updates about, is notified",
    r"\b(?:is|are) told of\b": "is notified about",
    r"\bby (?:itself|themselves)\b": "automatically, on its own",
    r"\bby the clock\b": "automatically",
    r"\banew\b": "again",
    r"\bsomebody\b": "a person, someone",
    r"\bwhoever\b": "the person who, those who",
    r"\bfor ever\b": "forever",
    r"\bcolours?\b": "color",
    r"\bplease\b": "leave it out",
    r"\bsuccessfully\b": "leave it out",
    r"\bstands (?:in|at|on|there|twice|for)\b": "is in, is at, appears",
    r"\bwhat stands\b": "the current …",
    r"\bthe database (?:says|does not answer)\b": "the database isn't responding",
    r"\bmust not be written to\b": "must not be contacted",
}
"""What a pattern finds, and what to write instead."""

CONSOLE = {"console", "admin", "board", "auth"}
"""Screens of the console get their words with its redesign."""


def documents() -> Iterator[Path]:
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        yield ROOT / name
    yield from (ROOT / "docs").rglob("*.md")
    yield from (path for room in ("public", "site", "messages") for path in (ROOT / "templates" / room).iterdir())
    for path in (ROOT / "app").rglob("*.py"):
        if not ("web" in path.parts and CONSOLE & set(path.parts)):
            yield path


@pytest.mark.parametrize("pattern", BANNED)
def test_no_text_reads_as_if_translated(pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in documents()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(pattern, line, re.IGNORECASE)
    ]
    assert found == [], f"Write {BANNED[pattern]} instead."
