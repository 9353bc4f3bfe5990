"""Public pages in every state, size and scheme: axe finds nothing, nothing runs out of the window or is hard to hit."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import axe_playwright_python
import pytest
from flask import Flask

from app.publish import links
from app.publish.tokens import PURPOSES
from app.settings import Settings
from tests.browser.scenes import SCENES, outage, served, sixty
from tests.factories import make_subscriber
from tests.web.test_site import row

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HEIGHT = 800
NARROW, WIDE = 320, 1920
WIDTHS = (NARROW, 390, 700, 1280, WIDE)
"""One between each two widths at which the style changes; axe looks at the first and the last."""

RUN = "async (tags) => (await axe.run({runOnly: tags})).violations.map(v => v.id + ': ' + v.nodes[0].html)"
OPEN_ALL = "() => document.querySelectorAll('details').forEach(one => one.open = true)"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
HARD_TO_HIT = """() => [...document.querySelectorAll("a, button, summary, label.check")]
  .filter(one => one.checkVisibility() && !one.matches(".prose a, .skip, .skip-link"))
  .filter(one => {
    const { width, height } = one.getBoundingClientRect();
    return Math.min(width, height) < (one.matches(".subscribe, .button, label.check") ? 44 : 24);
  }).map(one => "hard to hit: " + one.outerHTML.slice(0, 100))"""
CLIPPED = """() => [...document.querySelectorAll("main :not(.last, .last *, .unseen, pre, pre *, .prose table *)")]
  .filter(one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible")
  .map(one => "cut off: " + one.outerHTML.slice(0, 100))"""


@pytest.fixture
def reader(browser: "Browser", scheme: str) -> "Iterator[Page]":
    context = browser.new_context(
        viewport={"width": NARROW, "height": HEIGHT},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        timezone_id="Pacific/Kiritimati",  # always another time than the page's: the longest words
    )
    yield context.new_page()
    context.close()


def faults(page: "Page", root: str, addresses: Iterable[str]) -> dict[str, list[str]]:
    """What is wrong with each page, by address and width, with all that opens opened."""
    found: dict[str, list[str]] = {}
    for address in addresses:
        page.set_viewport_size({"width": NARROW, "height": HEIGHT})
        page.goto(root + address)
        page.evaluate(OPEN_ALL)
        page.evaluate(AXE)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            wrong = page.evaluate(RUN, TAGS) if width in {NARROW, WIDE} else []
            wrong += page.evaluate(HARD_TO_HIT) + page.evaluate(CLIPPED)
            if page.evaluate(OVERFLOW) > 0:
                wrong.append("it is wider than the window")
            if wrong:
                found[f"{address} {width}"] = wrong
    return found


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wrong_with_a_public_page(
    app: Flask, settings: Settings, page_id: int, reader: "Page", scene: str
) -> None:
    make: Callable[[Settings, int], str] = SCENES[scene]
    post = make(settings, page_id)
    addresses = ("/", "/history", f"/incidents/{post}", "/ar/", f"/ar/incidents/{post}", "/ja/", "/embed/frame")
    with served(settings) as root:
        assert faults(reader, root, addresses) == {}


@pytest.mark.parametrize("make", [outage, sixty])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wrong_with_a_visitors_page(
    app: Flask, settings: Settings, page_id: int, reader: "Page", make: Callable[[Settings, int], str]
) -> None:
    make(settings, page_id)
    make_subscriber(page_id)
    one = row()
    personal = links.personal(settings, "", one.public_id, one.token_version)
    own = [personal[f"{purpose}_url"].removeprefix(settings.base_url) for purpose in PURPOSES]
    addresses = ["/subscribe", "/subscribe?language=ar", "/subscribe/sent?language=de", *own, "/nowhere", "/de/nowhere"]
    with served(settings, app) as root:
        assert faults(reader, root, addresses) == {}
        reader.goto(f"{root}/subscribe")
        reader.locator("#f-some").check()
        reader.get_by_role("button", name="Subscribe").press("Enter")  # without an address the browser stays
        assert reader.evaluate(HARD_TO_HIT) == [] and reader.evaluate(OVERFLOW) <= 0
