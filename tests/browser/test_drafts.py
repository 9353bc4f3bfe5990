"""Words that somebody types on a phone survive a reload, without anything being pressed."""

from typing import TYPE_CHECKING

import pytest
from flask import Flask

from app.db import db
from app.settings import Settings
from tests.processes import free_port, running, wait_until_up
from tests.web.people import PASSWORD, make_account

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_reload_loses_nothing(app: Flask, settings: Settings, page_id: int, browser: "Browser") -> None:
    make_account("lead")
    db.session.remove()
    port = free_port()
    site = settings.with_changes(port=port, base_url=f"http://127.0.0.1:{port}")
    with running(site, "web", extra={"BASE_URL": site.base_url}):
        wait_until_up(port)
        phone = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
        phone.goto(f"{site.base_url}/sign-in?next=/console/default/posts/new")
        phone.get_by_label("Email").fill("lead@example.com")
        phone.get_by_label("Password").fill(PASSWORD)
        phone.get_by_role("button", name="Sign in").click()
        phone.get_by_label("Title").fill("Checkout is slow")
        phone.locator("#f-body").fill("We are looking into it.")
        phone.get_by_text("Draft saved").wait_for()
        phone.reload()
        assert phone.get_by_label("Title").input_value() == "Checkout is slow"
        assert phone.locator("#f-body").input_value() == "We are looking into it."
