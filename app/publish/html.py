"""The pages, from a snapshot by templates; complete without a script."""

from collections.abc import Mapping
from datetime import date
from urllib.parse import quote

from app.publish import bars, phrases, uptime, verdict
from app.publish.badge import COLORS, SHAPES
from app.publish.component_transitions import component_moves
from app.publish.environment import asset_urls, environment
from app.publish.pictures import card_asset
from app.publish.views import PageView, PostView, Snapshot
from app.vocabulary import ComponentStatus, Impact, Language

TextFiles = dict[str, str]
POST_SHAPES: Mapping[Impact, ComponentStatus] = {**SHAPES, Impact.NONE: ComponentStatus.UNKNOWN}
"""The same for a post: an open one is never shown as if all were well."""


def live_pages(snapshot: Snapshot) -> TextFiles:
    """The pages that are written with every revision."""
    return {
        **_page("index.html", "index", snapshot, here="/"),
        **_page("history.html", "history", snapshot, here="/history", month=snapshot.newest_month, is_newest=True),
        **_page("404.html", "missing", snapshot, here=None),
        "favicon.svg": favicon(snapshot),
    }


def lasting_pages(snapshot: Snapshot) -> TextFiles:
    """The permalinks and months that changed since the last revision."""
    files: TextFiles = {}
    for post in snapshot.changed:
        files |= incident_page(snapshot, post)
    for month in snapshot.months:
        here = f"/history/{month.key}"
        files |= _page(f"{here[1:]}.html", "history", snapshot, here=here, month=month, is_newest=False, lasting=True)
    return files


def incident_page(snapshot: Snapshot, post: PostView) -> TextFiles:
    """A post's own page."""
    here = f"/incidents/{post.public_id}"
    return _page(
        f"{here[1:]}.html", "incident", snapshot, here=here, lasting=True,
        post=post, moves=component_moves(post),
    )  # fmt: skip


def post_block(snapshot: Snapshot, post: PostView) -> str:
    """A post as the page shows it, by the same template: for previews."""
    with phrases.speaking(snapshot.page.language):
        return environment().get_template("public/preview.html").render(_context(snapshot, here="/"), post=post)


def favicon(snapshot: Snapshot) -> str:
    """The verdict's shape and color."""
    shape = SHAPES[snapshot.verdict.indicator]
    return environment().get_template("public/favicon.svg").render(shape=shape, color=COLORS[shape]).strip()


def _page(path: str, template: str, snapshot: Snapshot, *, here: str | None, **context: object) -> TextFiles:
    """A page in each of its languages: rendered once, then put into words."""
    page = snapshot.page
    with phrases.drafting() as draft:
        drawn = environment().get_template(f"public/{template}.html").render({**_context(snapshot, here), **context})
    return {
        path if language is page.language else f"{language.value}/{path}": text
        for language, text in draft.put(drawn, page.languages).items()
    }


def _context(snapshot: Snapshot, here: str | None) -> dict[str, object]:
    page = snapshot.page
    return {
        "snapshot": snapshot,
        "page": page,
        "here": here,
        "root": phrases.root(page.language, page.base),
        "query": phrases.query(page.language),
        "further_query": phrases.query(page.language, "&"),
        "address_in": lambda language, address: _address(page, language, address),
        "lasting": False,
        "zone": page.zone,
        "zone_label": page.zone.key.removeprefix("Etc/").replace("_", " "),
        "now": snapshot.rendered_at,
        "today": snapshot.rendered_at.astimezone(page.zone).date(),
        "assets": asset_urls(page),
        "card": f"/assets/{card_asset(snapshot)}",
        "icon_url": f"data:image/svg+xml,{quote(favicon(snapshot))}",
        "shapes": SHAPES,
        "post_shapes": POST_SHAPES,
        "rules": verdict.RULES,
        "all_well": verdict.ALL_WELL,
        "weights": uptime.WEIGHTS,
        "rule_version": uptime.RULE_VERSION,
        "bar": bars.bar,
        "troubled_days": bars.troubled_days,
        "names": {one.public_id: phrases.in_language(one.name, one.names) for one in snapshot.components},
        "first_of": lambda key: date.fromisoformat(f"{key}-01"),
    }


def _address(page: PageView, language: Language, address: str) -> str:
    return address if language is page.language else f"/{language.value}{address}"
