"""The public page in every state, size and scheme: axe finds nothing, and nothing runs out of the window."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import axe_playwright_python
import pytest
from flask import Flask

from app.settings import Settings
from tests.browser.scenes import SCENES, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"light": ((320, 640), (1920, 1080)), "dark": ((320, 640), (1280, 800))}
RUN = "async (tags) => (await axe.run({runOnly: tags})).violations.map(v => v.id + ': ' + v.nodes[0].html)"
OPEN_ALL = "() => document.querySelectorAll('details').forEach(one => one.open = true)"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    app: Flask, settings: Settings, page_id: int, browser: "Browser", scene: str, scheme: str
) -> None:
    make: Callable[[Settings, int], str] = SCENES[scene]
    post = make(settings, page_id)
    found: dict[str, list[str]] = {}
    with served(settings) as root:
        for width, height in SIZES[scheme]:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
            )
            page = context.new_page()
            for path in ("/", "/history", f"/incidents/{post}", "/ar/", f"/ar/incidents/{post}"):
                page.goto(root + path)
                page.evaluate(OPEN_ALL)
                page.evaluate(AXE)
                where = f"{path} {width} {scheme}"
                found[where] = page.evaluate(RUN, TAGS)
                if page.evaluate(OVERFLOW) > 0:
                    found[where].append("it is wider than the window")
            context.close()
    assert {where: wrong for where, wrong in found.items() if wrong} == {}
