"""The main job as a person does it: Chromium on a phone's screen, a real mail server, real processes."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import feedparser
import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db, session
from app.models.delivery import Delivery
from app.settings import Settings
from app.vocabulary import DeliveryState
from tests.processes import free_port, get, running, wait_until_up
from tests.smtp_sink import Sink, smtp_sink

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: the browser test did not run"),
    pytest.mark.xdist_group("browser"),
]
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
CAROL = "carol@example.com"


@pytest.fixture
def phone() -> Iterator["Page"]:  # noqa: F821 - loaded only where Chromium is
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
        context.set_default_timeout(20_000)
        yield context.new_page()
        browser.close()


def test_the_main_job_on_a_phone(app: Flask, settings: Settings, phone: "Page") -> None:  # noqa: F821
    port = free_port()
    site = settings.with_changes(port=port, base_url=f"http://127.0.0.1:{port}")
    with smtp_sink() as sink:
        mail = {"SMTP_URL": sink.url, "BASE_URL": site.base_url}
        with running(site, "up", extra=mail):
            wait_until_up(port)
            _set_up(site, phone)
            _add_components(site, phone)
            _subscribe(site, phone, sink)
            thread = _declare(site, phone)
            sink.wait_for(2)
            _post_update(phone)
            sink.wait_for(3)
            _resolve(phone)
            sink.wait_for(4)
            _read_public(site, thread)
    _read_mails(site, sink, thread)
    _read_ledger()


def _set_up(site: Settings, phone: "Page") -> None:  # noqa: F821
    said = (site.home / "up.log").read_text()
    phone.goto(re.findall(r"http://\S+/setup/\S+", said)[0])
    phone.get_by_label("Page name").fill("Acme Status")
    phone.get_by_label("Your name").fill("Lena Lead")
    phone.get_by_label("Email").fill("lena@example.com")
    phone.get_by_label("Password").fill("correct horse battery")
    phone.locator("main button[type=submit], main button:not([type])").last.click()
    phone.wait_for_url("**/console**")


def _add_components(site: Settings, phone: "Page") -> None:  # noqa: F821
    for name in ("API", "Website"):
        phone.goto(f"{site.base_url}/console/default/components")
        form = phone.locator("form[action$='/console/default/components']")
        if not form.locator("[name=name]").is_visible():
            phone.locator("details:has(form[action$='/console/default/components']) > summary").click()
        form.locator("[name=name]").fill(name)
        form.locator("button").last.click()
        phone.get_by_text(name, exact=True).first.wait_for()


def _subscribe(site: Settings, phone: "Page", sink: Sink) -> None:  # noqa: F821
    phone.goto(site.base_url)
    phone.get_by_role("link", name="Subscribe").click()
    phone.locator("[name=address]").fill(CAROL)
    phone.locator("main form button").last.click()
    sink.wait_for(1)
    text = sink.to(CAROL)[0].get_body(("plain",)).get_content()
    phone.goto(re.findall(r"http://\S+/confirm/\S+", text)[0])
    phone.locator("main form button").first.click()
    phone.wait_for_load_state()


def _declare(site: Settings, phone: "Page") -> str:  # noqa: F821
    phone.goto(f"{site.base_url}/console/default/posts/new")
    phone.get_by_label("Title").fill("Payments fail")
    phone.get_by_label("What to say").fill("Some payments fail. We are **looking** into it.")
    phone.locator("select[name^=effect-]").first.select_option("partial_outage")
    phone.get_by_role("button", name="Publish", exact=True).click()
    phone.wait_for_url(re.compile(r"/console/default/posts/[a-z0-9]{12}"))
    return re.findall(r"/console/default/posts/([a-z0-9]+)", phone.url)[0]


def _post_update(phone: "Page") -> None:  # noqa: F821
    phone.locator("label.choice", has_text="Identified").click()
    phone.get_by_label("What to say").fill("A provider refuses our requests.")
    phone.get_by_role("button", name="Publish update").click()
    phone.locator(".thread").get_by_text("A provider refuses our requests.").first.wait_for()


def _resolve(phone: "Page") -> None:  # noqa: F821
    phone.get_by_role("link", name="Resolve it").click()
    phone.get_by_label("What to say").fill("It is over.")
    phone.locator(".bar button[type=submit]").click()
    phone.locator(".thread").get_by_text("It is over.").first.wait_for()


def _read_public(site: Settings, thread: str) -> None:
    for address in ("/", f"/incidents/{thread}", "/history"):
        status, body = get(site.base_url + address)
        assert (status, "Payments fail" in body.decode(), "It is over." in body.decode()) == (200, True, True), address
    assert b"All Systems Operational" in get(site.base_url)[1]
    feed = feedparser.parse(get(f"{site.base_url}/history.atom")[1])
    assert feed.bozo == 0
    assert [(entry.title, entry.link) for entry in feed.entries] == [
        ("Payments fail", f"{site.base_url}/incidents/{thread}")
    ]


def _read_mails(site: Settings, sink: Sink, thread: str) -> None:
    notices = sink.to(CAROL)[1:]
    assert [one["Subject"] for one in notices] == ["[Acme Status] Payments fail"] * 3
    first = notices[0]["Message-ID"]
    assert [one["In-Reply-To"] for one in notices] == [None, first, first]
    assert len({one["Message-ID"] for one in notices}) == 3
    for one in notices:
        assert one["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert one["List-Unsubscribe"].startswith(f"<{site.base_url}/unsubscribe/")
        for kind in ("plain", "html"):
            assert f"{site.base_url}/incidents/{thread}" in one.get_body((kind,)).get_content()


def _read_ledger() -> None:
    rows = session().execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all()
    db.session.remove()
    assert [tuple(row) for row in rows] == [(DeliveryState.SENT, 3)]
    assert Path(CHROMIUM or "").exists()
