"""Ninety days of uptime as a small SVG: one path per state, told apart by height as well as color."""

from markupsafe import Markup

from app.publish.uptime import History, UptimeDay
from app.vocabulary import ComponentStatus

HEIGHTS: dict[ComponentStatus | None, float] = {
    None: 0.2,
    ComponentStatus.OPERATIONAL: 0.6,
    ComponentStatus.UNKNOWN: 0.4,
    ComponentStatus.UNDER_MAINTENANCE: 0.7,
    ComponentStatus.DEGRADED_PERFORMANCE: 0.8,
    ComponentStatus.PARTIAL_OUTAGE: 0.9,
    ComponentStatus.MAJOR_OUTAGE: 1.0,
}


def bar(history: History) -> Markup:
    """The days as SVG, run-length encoded; the gaps between days are the stylesheet's."""
    paths: dict[ComponentStatus | None, list[str]] = {}
    start = 0
    days = history.days
    for index in range(1, len(days) + 1):
        if index < len(days) and days[index].worst is days[start].worst:
            continue
        worst = days[start].worst
        height = HEIGHTS[worst]
        paths.setdefault(worst, []).append(f"M{start} {round(1 - height, 2):g}h{index - start}V1H{start}z")
        start = index
    drawn = "".join(f'<path class="day-{worst or "none"}" d="{"".join(runs)}"/>' for worst, runs in paths.items())
    return Markup(  # noqa: S704 - made of numbers and our own words
        f'<svg class="days" viewBox="0 0 {len(days)} 1" preserveAspectRatio="none" aria-hidden="true">{drawn}</svg>'
    )


def troubled_days(history: History) -> tuple[tuple[int, UptimeDay], ...]:
    """The days on which something was wrong, each with its place in the bar, newest first."""
    well = (None, ComponentStatus.OPERATIONAL)
    return tuple((place, day) for place, day in reversed(list(enumerate(history.days))) if day.worst not in well)
