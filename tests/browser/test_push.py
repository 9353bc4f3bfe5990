"""The button that turns notices on, in a real browser; the push service of its maker is played by the page."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from app.db import session
from app.models.subscriber import Subscriber
from tests.fake_push import new_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SERVICE = """(made) => {
  let held = null;
  const end = async () => { held = null; return true; };
  PushManager.prototype.getSubscription = async () => held;
  PushManager.prototype.subscribe = async (asked) => {
    window.asked = asked.applicationServerKey.length;
    return held = { ...made, unsubscribe: end };
  };
}"""


@pytest.fixture
def reader(browser: "Browser") -> "Iterator[Page]":
    context = browser.new_context(viewport={"width": 390, "height": 844}, permissions=["notifications"])
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: object) -> None:
        pass


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application itself, on loopback, where browsers allow what they else want https for."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def state() -> list[str]:
    session().rollback()
    return list(session().scalars(select(Subscriber.state)))


def test_notices_are_turned_on_and_off_by_a_click(app: Flask, page_id: int, reader: "Page") -> None:
    faults: list[str] = []
    reader.on("pageerror", lambda fault: faults.append(str(fault)))
    with served(app) as root:
        reader.goto(f"{root}/subscribe")
        on, off = (reader.get_by_role("button", name=f"Turn notices {what}") for what in ("on", "off"))
        on.wait_for()
        assert not off.is_visible()
        assert state() == []
        reader.evaluate(SERVICE, new_browser().subscription("https://push.example.com/1"))
        on.click()
        reader.get_by_text("This browser shows notices now.").wait_for()
        assert (on.is_visible(), off.is_visible(), reader.evaluate("window.asked")) == (False, True, 65)
        assert state() == ["active"]
        off.click()
        reader.get_by_text("This browser shows no more notices.").wait_for()
        assert (on.is_visible(), off.is_visible()) == (True, False)
        assert state() == ["unsubscribed"]
    assert faults == []


def test_without_a_script_nothing_is_offered(app: Flask, page_id: int, browser: "Browser") -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    with served(app) as root:
        page.goto(f"{root}/subscribe")
        assert not page.locator("#push").is_visible()
        assert page.get_by_role("button", name="Subscribe").is_visible()
    context.close()
