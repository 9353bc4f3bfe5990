"""The pages, from a snapshot by templates; complete without a script."""

from collections.abc import Mapping
from datetime import date

from app.publish import bars, verdict
from app.publish.environment import asset_urls, environment
from app.publish.views import MonthView, PostView, Snapshot
from app.vocabulary import ComponentStatus, Impact

Files = dict[str, str]
SHAPES: Mapping[Impact, ComponentStatus] = {
    Impact.NONE: ComponentStatus.OPERATIONAL,
    Impact.MAINTENANCE: ComponentStatus.UNDER_MAINTENANCE,
    Impact.MINOR: ComponentStatus.DEGRADED_PERFORMANCE,
    Impact.MAJOR: ComponentStatus.PARTIAL_OUTAGE,
    Impact.CRITICAL: ComponentStatus.MAJOR_OUTAGE,
}
"""Which status's shape and colour stands for an indicator."""

POST_SHAPES: Mapping[Impact, ComponentStatus] = {**SHAPES, Impact.NONE: ComponentStatus.UNKNOWN}
"""The same for a post: an open one is never shown as if all were well."""


def live_pages(snapshot: Snapshot) -> Files:
    """The pages that are written with every revision."""
    newest = snapshot.months[0] if snapshot.months else None
    return {
        "index.html": _render("index", snapshot),
        "history.html": _render("history", snapshot, month=newest, is_newest=True),
        "404.html": _render("missing", snapshot),
        "favicon.svg": _favicon(snapshot),
        "robots.txt": "User-agent: *\nAllow: /\nDisallow: /console\nDisallow: /board\n",
    }


def lasting_pages(snapshot: Snapshot) -> Files:
    """The permalinks and months that changed since the last revision."""
    posts = {f"incidents/{post.public_id}.html": incident_page(snapshot, post) for post in snapshot.changed}
    months = {f"history/{month.key}.html": _month_page(snapshot, month) for month in snapshot.months}
    return {**posts, **months}


def incident_page(snapshot: Snapshot, post: PostView) -> str:
    """A post's own page."""
    return _render("incident", snapshot, post=post, lasting=True)


def post_block(snapshot: Snapshot, post: PostView) -> str:
    """A post as the page shows it, by the same template: for previews."""
    return environment().get_template("public/preview.html").render(_context(snapshot), post=post)


def _favicon(snapshot: Snapshot) -> str:
    return environment().get_template("public/favicon.svg").render(shape=SHAPES[snapshot.verdict.indicator])


def _month_page(snapshot: Snapshot, month: MonthView) -> str:
    return _render("history", snapshot, month=month, is_newest=False, lasting=True)


def _render(name: str, snapshot: Snapshot, **context: object) -> str:
    return environment().get_template(f"public/{name}.html").render({**_context(snapshot), **context})


def _context(snapshot: Snapshot) -> dict[str, object]:
    names = {component.public_id: component.name for component in snapshot.components}
    return {
        "snapshot": snapshot,
        "page": snapshot.page,
        "lasting": False,
        "zone": snapshot.page.zone,
        "now": snapshot.rendered_at,
        "assets": asset_urls(),
        "shapes": SHAPES,
        "post_shapes": POST_SHAPES,
        "rules": verdict.RULES,
        "all_well": verdict.ALL_WELL,
        "bar": bars.bar,
        "troubled_days": bars.troubled_days,
        "names": names,
        "first_of": lambda key: date.fromisoformat(f"{key}-01"),
    }
