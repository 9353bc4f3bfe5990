"""The public page under a keyboard, without a script, and with one."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from app.actions.pages.pages import edit_page
from app.settings import Settings
from app.vocabulary import PostStatus
from tests.browser import scenes
from tests.factories import ALICE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def reader(browser: "Browser") -> "Iterator[Page]":
    context = browser.new_context(viewport={"width": 390, "height": 844}, timezone_id="Asia/Tokyo")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_everything_is_reached_and_opened_with_a_keyboard(
    app: Flask, settings: Settings, page_id: int, reader: "Page"
) -> None:
    scenes.sixty(settings, page_id)
    with scenes.served(settings) as root:
        reader.goto(root)
        reader.keyboard.press("Tab")
        assert reader.evaluate("document.activeElement.getAttribute('href')") == "#main"
        assert reader.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
        wanted = reader.evaluate(
            "[...document.querySelectorAll('a, summary')].filter(one => one.checkVisibility()).length"
        )
        seen = 1
        while seen < wanted:
            reader.keyboard.press("Tab")
            outline = reader.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", reader.evaluate("document.activeElement.outerHTML.slice(0, 200)")
            seen += 1
        assert reader.evaluate("document.activeElement.hreflang") == "ar"  # the last of all
        reader.locator("details.group:not([open]) > summary").first.focus()
        reader.keyboard.press("Enter")
        assert reader.evaluate("document.activeElement.parentElement.open")


def test_a_bar_tells_its_days_to_keys_and_fingers(app: Flask, settings: Settings, page_id: int, reader: "Page") -> None:
    scenes.outage(settings, page_id)
    with scenes.served(settings) as root:
        reader.goto(root)
        bar = reader.locator("details.history").first
        line = bar.locator(".readout")
        always = line.text_content()
        bar.locator("summary").focus()
        reader.keyboard.press("ArrowLeft")
        assert "Major outage" in (line.text_content() or "")
        reader.keyboard.press("ArrowLeft")
        assert re.search(r": No data yet$", line.text_content() or "")
        reader.keyboard.press("Tab")
        assert line.text_content() == always
        box = bar.locator(".days").bounding_box()
        assert box is not None
        reader.mouse.move(box["x"] + box["width"] - 1, box["y"] + 5)
        assert "Major outage" in (line.text_content() or "")
        reader.mouse.click(box["x"] + box["width"] - 1, box["y"] + 5)
        assert bar.locator("table").is_visible()


def test_a_group_opens_by_itself_when_a_member_is_not_operational(
    app: Flask, settings: Settings, page_id: int, reader: "Page"
) -> None:
    scenes.sixty(settings, page_id)
    with scenes.served(settings) as root:
        reader.goto(root)
        opened = reader.locator("details.group[open] > summary .label").all_text_contents()
        assert opened == ["Region 0", "Region 1", "Region 2"]


def test_without_a_script_all_of_it_is_there(app: Flask, settings: Settings, page_id: int, browser: "Browser") -> None:
    post = scenes.outage(settings, page_id)
    with scenes.served(settings) as root:
        context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
        page = context.new_page()
        page.goto(root)
        assert page.get_by_role("heading", level=1).text_content() == "Partial System Outage"
        page.get_by_text("1 earlier update").click()
        assert page.get_by_text("all of us").first.is_visible()
        page.locator("details.history > summary").first.click()
        assert page.locator("details.history table").first.get_by_text("Major outage").is_visible()
        page.get_by_role("link", name="Deutsch").click()
        assert page.url == f"{root}/de/"
        assert page.get_by_role("heading", name="Was gerade geschieht").is_visible()
        page.locator("article.post h3 a").first.click()
        assert page.url == f"{root}/de/incidents/{post}"
        assert page.get_by_role("heading", name="Was wir wissen").is_visible()
        context.close()


def test_an_open_page_takes_up_what_is_new_and_keeps_what_was_opened(
    app: Flask, settings: Settings, page_id: int, reader: "Page"
) -> None:
    post = scenes.outage(settings, page_id)
    with scenes.served(settings) as root:
        reader.goto(root)
        assert reader.locator(".as-of time").first.text_content().endswith(" your time)")  # type: ignore[union-attr]
        icon = reader.locator("link[rel=icon]").get_attribute("href")
        reader.locator("details.history > summary").first.click()
        scenes.say(settings, post, 5, PostStatus.MONITORING, "Fixed, we watch.")
        reader.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        reader.get_by_text("Fixed, we watch.").first.wait_for()
        assert reader.locator("details.history").first.evaluate("one => one.open")
        assert reader.locator("link[rel=icon]").get_attribute("href") == icon
    reader.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    reader.get_by_text("This page couldn't be refreshed").wait_for()


@pytest.mark.parametrize(
    ("page_zone", "reader_zone", "beside"),
    [
        ("Pacific/Pago_Pago", "Pacific/Kiritimati", r"\((Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d:\d\d your time\)"),
        ("Pacific/Honolulu", "Pacific/Kiritimati", r"\((Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d:\d\d your time\)"),
        ("Asia/Tokyo", "Asia/Seoul", None),
    ],
    ids=["25 hours apart", "24 hours apart", "alike"],
)
def test_the_readers_time_stands_beside_the_pages_with_its_day_where_that_differs(
    app: Flask, settings: Settings, page_id: int, browser: "Browser", page_zone: str, reader_zone: str,
    beside: str | None,
) -> None:  # fmt: skip
    edit_page(settings, ALICE, page_id, time_zone=page_zone)
    post = scenes.outage(settings, page_id)
    context = browser.new_context(timezone_id=reader_zone)
    page = context.new_page()
    with scenes.served(settings) as root:
        for address in ("/", f"/incidents/{post}"):
            page.goto(root + address)
            times = page.locator("main time").all()
            assert times
            for one in times:
                found = one.locator(".mine").all_text_contents()
                assert len(found) == (beside is not None)
                assert all(re.fullmatch(beside or "", said) for said in found)
    context.close()


def test_a_script_that_comes_late_moves_nothing(app: Flask, settings: Settings, page_id: int, reader: "Page") -> None:
    """0.1 is what Core Web Vitals call good (web.dev/cls)."""
    scenes.sixty(settings, page_id)
    held: list[Route] = []

    def hold(route: "Route") -> None:
        held.append(route)

    reader.set_viewport_size({"width": 412, "height": 823})
    with scenes.served(settings) as url:
        reader.route("**/*.js", hold)
        reader.goto(url, wait_until="commit")
        reader.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
        assert reader.locator(".mine").count() == 0
        held[0].continue_()
        reader.locator(".promise .mine").first.wait_for()
        moved = reader.evaluate("""() => new Promise((told) => {
            let sum = 0;
            new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; })
                .observe({ type: "layout-shift", buffered: true });
            setTimeout(() => told(sum), 300);  // so long a browser may take to tell
        })""")
    assert moved < 0.05, moved


def test_a_promise_is_counted_down_in_the_readers_language(
    app: Flask, settings: Settings, page_id: int, reader: "Page"
) -> None:
    post = scenes.outage(settings, page_id)
    with scenes.served(settings) as root:
        for address, place in (("/", ".promise"), (f"/incidents/{post}", ".is-promise dd")):
            for language, said in (("", r"in (1|2)\d min\."), ("/de", r"in (1|2)\d Min\.")):
                reader.goto(f"{root}{language}{address}")
                assert re.fullmatch(said, reader.locator(f"{place} .left").first.text_content() or "")
        reader.clock.install(time=datetime.now(UTC) + timedelta(minutes=27))
        reader.goto(root)
        assert re.fullmatch(r"\d min\. ago", reader.locator(".promise .left").first.text_content() or "")
        reader.clock.run_for(7_200_000)
        reader.wait_for_function("() => document.querySelector('.promise .left').textContent.includes('2 hr. ago')")


def test_a_threads_marks_stand_before_its_words_in_both_directions(
    app: Flask, settings: Settings, page_id: int, reader: "Page"
) -> None:
    scenes.outage(settings, page_id)
    with scenes.served(settings) as root:
        for address, side in (("/", "paddingLeft"), ("/ar/", "paddingRight")):
            reader.goto(root + address)
            room = reader.locator(".said").first.evaluate(
                "(one, side) => parseFloat(getComputedStyle(one)[side])", side
            )
            assert room >= 16, address


def test_it_is_four_requests_and_no_stranger_is_asked(
    app: Flask, settings: Settings, page_id: int, reader: "Page"
) -> None:
    scenes.sixty(settings, page_id)
    asked: list[str] = []
    sizes: list[dict[str, int]] = []
    with scenes.served(settings) as root:
        reader.on("request", lambda request: asked.append(request.url))
        reader.on("requestfinished", lambda request: sizes.append(request.sizes()))
        reader.goto(root)
        reader.wait_for_load_state("networkidle")
        weight = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)
        requests = [url for url in asked if not url.startswith("data:")]
        assert all(url.startswith(root) for url in requests)
        assert len(requests) <= 4
        assert weight <= 30_000
