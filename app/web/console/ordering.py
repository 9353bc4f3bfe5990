"""The position of an item after it was moved: by one place, or to a given position."""

from collections.abc import Mapping, Sequence

from app.errors import Invalid, NotFound


def moved(ids: Sequence[str], moving: str, form: Mapping[str, str]) -> list[str]:
    """`ids` with `moving` one place up or down (`direction`), or at the place `to`, counted from 1.

    Raises:
        Invalid: `to` isn't a number, or the direction doesn't exist.
        NotFound: `moving` isn't one of them.
    """
    if moving not in ids:
        raise NotFound("This item was removed. Reload the page and try again.")
    rest = [other for other in ids if other != moving]
    place = _place(list(ids).index(moving), form)
    rest.insert(min(max(place, 0), len(rest)), moving)
    return rest


def _place(at: int, form: Mapping[str, str]) -> int:
    direction, to = form.get("direction", ""), form.get("to", "").strip()
    if direction == "up":
        return at - 1
    if direction == "down":
        return at + 1
    if not (to.isascii() and to.isdigit() and len(to) <= 4):
        raise Invalid.field("to", "Enter a position, such as 3.")
    return int(to) - 1
