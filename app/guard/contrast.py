"""The contrast of two colors, by WCAG 2.2 (success criterion 1.4.3)."""

READABLE = 4.5
STEPS = 40


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colors "#rrggbb", from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(color: str, background: str, at_least: float = READABLE) -> str:
    """`color` mixed with black or white, whichever is farther from `background`, until it can be read on it."""
    towards = "#000000" if contrast("#000000", background) > contrast("#ffffff", background) else "#ffffff"
    for step in range(STEPS + 1):
        mixed = _mixed(color, towards, step / STEPS)
        if contrast(mixed, background) >= at_least:
            return mixed
    return towards


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _mixed(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(ours + (theirs - ours) * share):02x}" for ours, theirs in pairs)
