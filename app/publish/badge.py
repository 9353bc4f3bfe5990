"""Badges for the page and each component: an SVG, and JSON for shields.io."""

import json
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from app.publish import phrases
from app.publish.environment import environment
from app.publish.views import ComponentView, Snapshot
from app.vocabulary import ComponentStatus, Impact

BinaryFiles = dict[str, bytes]
SHAPES: dict[Impact, ComponentStatus] = {
    Impact.NONE: ComponentStatus.OPERATIONAL,
    Impact.MAINTENANCE: ComponentStatus.UNDER_MAINTENANCE,
    Impact.MINOR: ComponentStatus.DEGRADED_PERFORMANCE,
    Impact.MAJOR: ComponentStatus.PARTIAL_OUTAGE,
    Impact.CRITICAL: ComponentStatus.MAJOR_OUTAGE,
}
"""Which status's shape and color represents an indicator."""

COLORS: dict[ComponentStatus, str] = {
    ComponentStatus.OPERATIONAL: "#1f7a4d",
    ComponentStatus.UNDER_MAINTENANCE: "#3363ab",
    ComponentStatus.DEGRADED_PERFORMANCE: "#8a6100",
    ComponentStatus.PARTIAL_OUTAGE: "#b04a06",
    ComponentStatus.MAJOR_OUTAGE: "#b3261e",
    ComponentStatus.UNKNOWN: "#5f5b53",
}
"""White reads on each of them, and so does each on white (4.5 to 1)."""

LABEL_LIMIT = 60
_NARROW = frozenset("fijltrI.,:;'|!()[] ")
_WIDE = frozenset("mwMWQO@%")


@dataclass(frozen=True, slots=True)
class _Badge:
    label: str
    message: str
    status: ComponentStatus


def page_badge(snapshot: Snapshot) -> BinaryFiles:
    """`badge.svg` and `badge.json`: the page's name and its verdict."""
    with phrases.speaking(snapshot.page.language):
        message = str(phrases.gettext(snapshot.verdict.text))
    return _files("", _Badge(snapshot.page.name, message, SHAPES[snapshot.verdict.indicator]))


def component_badge(snapshot: Snapshot, component: ComponentView) -> BinaryFiles:
    """The same of one component, below `components/<id>/`."""
    with phrases.speaking(snapshot.page.language):
        message = str(phrases.gettext(component.status.label))
    return _files(f"components/{component.public_id}/", _Badge(component.name, message, component.status))


def _files(folder: str, badge: _Badge) -> BinaryFiles:
    return {f"{folder}badge.svg": _picture(badge), f"{folder}badge.json": _endpoint(badge)}


@lru_cache(maxsize=1024)
def _picture(badge: _Badge) -> bytes:
    """Twenty pixels high, as badges are; the shape says without color what the color says."""
    label = badge.label if len(badge.label) <= LABEL_LIMIT else f"{badge.label[: LABEL_LIMIT - 1]}\u2026"
    split = _width(label) + 14
    drawn = environment().get_template("public/badge.svg").render(
        label=label, message=badge.message, shape=badge.status, color=COLORS[badge.status],
        split=split, width=split + _width(badge.message) + 29,
    )  # fmt: skip
    return drawn.strip().encode()


def _endpoint(badge: _Badge) -> bytes:
    """What shields.io's endpoint badge asks for (shields.io/badges/endpoint-badge)."""
    document = {
        "schemaVersion": 1,
        "label": badge.label,
        "message": badge.message,
        "color": COLORS[badge.status].removeprefix("#"),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _width(text: str) -> int:
    """Pixels of a text in eleven pixels of Verdana, about: the picture makes it fit exactly."""
    return max(8, round(sum(_advance(character) for character in text)))


def _advance(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in {"W", "F"}:
        return 11.0
    if character in _NARROW:
        return 4.4
    return 10.0 if character in _WIDE else 7.2
