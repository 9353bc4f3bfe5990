"""Advice on an update's text: what readers look for but don't find.  Advice never blocks publishing."""

import re

from app.vocabulary import PostStatus

SHORT = 40
_EMPTY_PHRASES = (
    "some users", "a small number of", "a small subset", "for any inconvenience", "technical difficulties",
    "working hard", "as soon as possible", "out of an abundance of caution",
)  # fmt: skip
_IMPACT = re.compile(
    r"\b(?:can ?not|can't|unable|fail\w*|error\w*|slow\w*|delay\w*|unavailable|down|degraded|timeouts?|missing|"
    r"affect\w*|impact\w*|not affected|loss|lost|stopped|intermittent\w*)\b",
    re.IGNORECASE,
)
_NEXT_STEP = re.compile(
    r"\b(?:next|we (?:are|will)|we'll|we're|until|by \d|at \d|within|update|investigat\w*|monitor\w*|working on|"
    r"roll\w* back|restart\w*|deploy\w*|fix\w*|expect\w*|meanwhile|workaround|instead)\b",
    re.IGNORECASE,
)
_EXPLAINED = frozenset({PostStatus.INVESTIGATING, PostStatus.IDENTIFIED})


def find(text: str, status: PostStatus) -> tuple[str, ...]:
    """Advice on `text` as an update of this status; empty when there is nothing to say."""
    words = " ".join(text.split())
    lower = words.lower()
    advice = [
        f"“{phrase}” tells readers little. Say what it means for them." for phrase in _EMPTY_PHRASES if phrase in lower
    ]
    if 0 < len(words) < SHORT and not status.is_terminal:
        advice.append("This is short. Readers want to know what fails, for whom and since when.")
    if status in _EXPLAINED and not _IMPACT.search(words):
        advice.append("Say what readers notice: what fails, what is slow, and what still works.")
    if not status.is_terminal and not _NEXT_STEP.search(words):
        advice.append("Say what happens next, or what readers can do meanwhile.")
    return tuple(advice)
