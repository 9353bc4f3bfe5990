"""Another website that builds us in, from another origin, in a real browser; with Statuspage's own widget too."""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask

from app.actions.posts.publishing import open_post, publish_update
from app.publish.refresh import refresh
from app.settings import Settings
from app.shapes import ComponentEffect, UpdateDraft
from app.vocabulary import ComponentStatus, PostStatus
from tests.browser.scenes import served
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component
from tests.loopback import answering

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
WIDGET = "@statuspage/status-widget@1.0.5"
WAIT = 10_000


@pytest.fixture
def visitor(browser: "Browser") -> "Iterator[Page]":
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    # What is public may be kept for ten seconds; the tests do not wait for them to pass.
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.send("Network.setCacheDisabled", {"cacheDisabled": True})
    yield page
    context.close()


def website(body: str, files: dict[str, bytes] | None = None) -> Callable[..., Iterable[bytes]]:
    """Somebody's website: one page, and the scripts that it serves itself."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        script = (files or {}).get(environ["PATH_INFO"])
        kind = "text/html" if script is None else "text/javascript"
        start_response("200 OK", [("Content-Type", f"{kind}; charset=utf-8")])
        return [f"<!doctype html><title>Shop</title><body>{body}".encode() if script is None else script]

    return app


def test_the_frame_shows_itself_while_something_is_wrong(
    app: Flask, settings: Settings, page_id: int, visitor: "Page"
) -> None:
    refresh(settings, page_id)
    with served(settings) as home, answering(website(f'<script src="{home}/embed/script.js"></script>')) as shop:
        visitor.goto(shop)
        frame = visitor.locator("iframe")
        visitor.frame_locator("iframe").get_by_text("All Systems Operational").wait_for(state="attached")
        assert not frame.is_visible(), "nothing is said while all is well"
        visitor.evaluate("statusEmbedTest()")
        assert frame.is_visible()
        made = open_post(settings, LENA, page_id, draft(title="Checkout is slow"))
        visitor.goto(shop)
        frame.wait_for(state="visible")
        inside = visitor.frame_locator("iframe")
        assert inside.get_by_role("heading").inner_text() == "Checkout is slow"
        assert inside.get_by_role("link").get_attribute("href") == f"/incidents/{made.post_id}"
        inside.get_by_role("button", name="Close").click()
        frame.wait_for(state="hidden")
        visitor.reload()
        visitor.frame_locator("iframe").get_by_role("heading").wait_for(state="attached")
        assert not frame.is_visible(), "what was dismissed stays away"
        publish_update(
            settings, LENA, page_id, made.post_id, UpdateDraft(PostStatus.IDENTIFIED, "Worse.", "key-00000002", 1)
        )
        visitor.reload()
        frame.wait_for(state="visible")


def test_the_frame_listens_to_nobody_else(app: Flask, settings: Settings, page_id: int, visitor: "Page") -> None:
    refresh(settings, page_id)
    with served(settings) as home, answering(website(f'<script src="{home}/embed/script.js"></script>')) as shop:
        visitor.goto(shop)
        visitor.frame_locator("iframe").get_by_text("All Systems Operational").wait_for(state="attached")
        visitor.evaluate("new Promise((done) => { postMessage({action: 'showFrame'}, '*'); setTimeout(done, 50); })")
        assert not visitor.locator("iframe").is_visible()


def test_a_page_that_was_written_for_statuspages_script(
    app: Flask, settings: Settings, page_id: int, visitor: "Page"
) -> None:
    component = make_component(page_id)
    open_post(settings, LENA, page_id, draft("key-00000001", component, title="Checkout is slow"))
    asked = """(name, options) => new Promise((success, error) =>
        new StatusPage.page({page: 'x'})[name]({...options, success, error}))"""
    with served(settings) as home, answering(website(f'<script src="{home}/embed/statuspage.js"></script>')) as shop:
        visitor.goto(shop)

        def ask(name: str, **options: str) -> Any:
            return visitor.evaluate(f"([name, options]) => ({asked})(name, options)", [name, options])

        assert ask("status")["status"]["indicator"] == ask("summary")["status"]["indicator"] != "none"
        assert [one["name"] for one in ask("components")["components"]] == ["API"]
        assert len(ask("incidents", filter="unresolved")["incidents"]) == len(ask("incidents")["incidents"]) == 1
        for name in ("upcoming", "active"):
            assert ask("scheduled_maintenances", filter=name)["scheduled_maintenances"] == []


@pytest.fixture(scope="module")
def widget(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Atlassian's own widget, as npm has it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: Statuspage's widget was not tried")
    folder = tmp_path_factory.mktemp("widget")
    told = subprocess.run(
        [npm, "install", "--no-save", "--ignore-scripts", WIDGET],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if told.returncode:
        pytest.skip(f"npm could not install {WIDGET}: {told.stderr[-200:]}")
    return (Path(folder) / "node_modules/@statuspage/status-widget/dist/index.js").read_bytes()


def test_statuspages_own_widget_works_against_us(
    app: Flask, settings: Settings, page_id: int, visitor: "Page", widget: bytes
) -> None:
    component = make_component(page_id)
    make_component(page_id, "Website")
    refresh(settings, page_id)
    with served(settings) as home:
        body = f'<statuspage-widget src="{home}"></statuspage-widget><script src="/widget.js"></script>'
        with answering(website(body, {"/widget.js": widget})) as shop:
            visitor.goto(shop)
            visitor.get_by_text("All Systems Operational").wait_for()
            effects = (ComponentEffect(component, ComponentStatus.PARTIAL_OUTAGE),)
            open_post(settings, LENA, page_id, draft(effects=effects))
            visitor.reload()
            visitor.get_by_text("Minor Service Outage").wait_for()
            assert not visitor.get_by_text("All Systems Operational").is_visible()
