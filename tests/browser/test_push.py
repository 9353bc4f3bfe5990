"""The button that turns notices on, in a real browser; the push service of its maker is played by the page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import session
from app.models.subscriber import Subscriber
from tests.fake_push import new_browser
from tests.loopback import answering

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


def state() -> list[str]:
    session().rollback()
    return list(session().scalars(select(Subscriber.state)))


def test_notices_are_turned_on_and_off_by_a_click(app: Flask, page_id: int, reader: "Page") -> None:
    faults: list[str] = []
    reader.on("pageerror", lambda fault: faults.append(str(fault)))
    with answering(app) as root:
        reader.goto(f"{root}/subscribe")
        on, off = (reader.get_by_role("button", name=f"Turn {what} notifications") for what in ("on", "off"))
        on.wait_for()
        assert not off.is_visible()
        assert state() == []
        reader.evaluate(SERVICE, new_browser().subscription("https://push.example.com/1"))
        on.click()
        reader.get_by_text("Notifications are on in this browser.").wait_for()
        assert (on.is_visible(), off.is_visible(), reader.evaluate("window.asked")) == (False, True, 65)
        assert state() == ["active"]
        off.click()
        reader.get_by_text("Notifications are off in this browser.").wait_for()
        assert (on.is_visible(), off.is_visible()) == (True, False)
        assert state() == ["unsubscribed"]
    assert faults == []


def test_without_a_script_nothing_is_offered(app: Flask, page_id: int, browser: "Browser") -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    with answering(app) as root:
        page.goto(f"{root}/subscribe")
        assert not page.locator("#push").is_visible()
        assert page.get_by_role("button", name="Subscribe").is_visible()
    context.close()
