"""Page numbers from an address; an invalid one is never an error."""

from collections.abc import Mapping

FARTHEST = 10_000


def page_number(args: Mapping[str, str]) -> int:
    """`?page=` as a number from 1; 1 when it makes no sense."""
    value = args.get("page", "1")
    if not (value.isascii() and value.isdigit() and len(value) <= 5):
        return 1
    return min(max(int(value), 1), FARTHEST)
