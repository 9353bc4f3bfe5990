"""The outlines of `templates/public/shapes.svg` as points: pictures are drawn from the same shapes as pages."""

import cmath
import math
import re
from collections.abc import Iterator
from functools import lru_cache

from app.publish.environment import environment
from app.vocabulary import ComponentStatus

Ring = tuple[tuple[float, float], ...]
SQUARE = 16
"""The side of the square that shapes are drawn in."""

_TOKEN = re.compile(r"[A-Za-z]|[-+]?(?:\d+\.?\d*|\.\d+)")
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "A": 7, "Z": 0}
_STEPS_OF_A_CIRCLE = 120


@lru_cache(maxsize=len(ComponentStatus))
def rings(status: ComponentStatus) -> tuple[Ring, ...]:
    """The closed lines of a status's shape, filled by the even-odd rule.  Arcs become short straight lines."""
    drawn = environment().get_template("public/shapes.svg").module
    return _rings(str(vars(drawn)["outline"](status)))


def _rings(path: str) -> tuple[Ring, ...]:
    """What an SVG path of the commands in `_TAKES` goes along.  An arc is one of a circle."""
    found: list[list[complex]] = []
    at = 0j
    for letter, numbers in _commands(path):
        name = letter.upper()
        base = at if letter.islower() else 0j
        if name == "Z":
            at = found[-1][0]
        elif name == "M":
            at = base + complex(*numbers)
            found.append([at])
        else:
            steps = _steps(name, numbers, at, base)
            found[-1].extend(steps)
            at = steps[-1]
    return tuple(tuple((point.real, point.imag) for point in ring) for ring in found)


def _commands(path: str) -> Iterator[tuple[str, list[float]]]:
    """Each command with its numbers; one that is repeated without its letter comes as often as it is meant."""
    tokens = _TOKEN.findall(path)
    place, letter = 0, ""
    while place < len(tokens):
        if tokens[place].isalpha():
            letter = tokens[place]
            place += 1
        takes = _TAKES[letter.upper()]
        yield letter, [float(number) for number in tokens[place : place + takes]]
        place += takes
        letter = {"M": "L", "m": "l"}.get(letter, letter)


def _steps(name: str, numbers: list[float], at: complex, base: complex) -> list[complex]:
    if name == "L":
        return [base + complex(*numbers)]
    if name == "H":
        return [complex(base.real + numbers[0], at.imag)]
    if name == "V":
        return [complex(at.real, base.imag + numbers[0])]
    radius, is_large, is_clockwise = numbers[0], bool(numbers[3]), bool(numbers[4])
    return _arc(at, base + complex(*numbers[5:]), radius, is_large=is_large, is_clockwise=is_clockwise)


def _arc(start: complex, end: complex, radius: float, *, is_large: bool, is_clockwise: bool) -> list[complex]:
    """Points of a circle's arc (SVG 1.1, F.6.5); y goes down, so that angles rise clockwise."""
    half = (end - start) / 2
    aside = 1j * half / abs(half) * math.sqrt(max(0.0, radius**2 - abs(half) ** 2))
    centre = start + half + (aside if is_large != is_clockwise else -aside)
    turn = cmath.phase((end - centre) / (start - centre))
    if is_clockwise and turn < 0:
        turn += math.tau
    elif not is_clockwise and turn > 0:
        turn -= math.tau
    count = max(2, round(abs(turn) / math.tau * _STEPS_OF_A_CIRCLE))
    inner = [centre + (start - centre) * cmath.exp(1j * turn * step / count) for step in range(1, count)]
    return [*inner, end]
