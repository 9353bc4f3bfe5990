"""The verdict as the public sees it, for the console's overview."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.web.console.queries import ComponentRow, PostRow


@dataclass(frozen=True, slots=True)
class Shown:
    indicator: str
    text: str


def verdict_of(components: Sequence[ComponentRow], posts: Sequence[PostRow]) -> Shown:
    """The public verdict."""
    return Shown("none", "All Systems Operational")
