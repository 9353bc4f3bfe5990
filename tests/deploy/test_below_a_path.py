"""Candor below a path of another website, behind nginx as `deploy/nginx.conf` sets it up."""

import http.client
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

import html5lib
import pytest
from flask import Flask

from app.actions.accounts.api_tokens import create_token
from app.actions.posts.publishing import open_post
from app.db import db
from app.settings import Settings
from app.vocabulary import Scope
from bench.nginx import shipped
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, make_component, make_page
from tests.faults.visitor import until
from tests.processes import free_port, running, wait_until_answers
from tests.web.people import PASSWORD, make_account

pytestmark = pytest.mark.faults
HOME = "http://example.com/status"


@dataclass
class Answer:
    status: int
    location: str
    cookies: list[str]
    text: str


@dataclass
class Browser:
    """Somebody at http://example.com, who keeps each cookie for its path alone."""

    port: int
    cookies: dict[str, tuple[str, str]] = field(default_factory=dict)

    def ask(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = [f"{name}={value}" for name, (value, under) in self.cookies.items() if path.startswith(under)]
        headers |= {"Host": "example.com", **({"Cookie": "; ".join(sent)} if sent else {})}
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request("GET" if fields is None else "POST", path, body, headers)
            answer = connection.getresponse()
            given = [value for name, value in answer.getheaders() if name.lower() == "set-cookie"]
            for cookie in given:
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = (value, re.findall(r"Path=([^;]+)", cookie)[0])
            return Answer(answer.status, answer.getheader("Location", ""), given, answer.read().decode())
        finally:
            connection.close()

    def send(self, path: str, fields: dict[str, str], action: str = "") -> Answer:
        """Open a screen and send its form, to where the form says."""
        screen = self.ask(path)
        assert screen.status == 200, path
        tree = html5lib.parse(screen.text, namespaceHTMLElements=False)
        forms = [form for form in tree.iter("form") if form.get("method") == "post"]
        form = next(one for one in forms if (one.get("action") or path).endswith(action))
        hidden = {e.get("name"): e.get("value") for e in form.iter("input") if e.get("type") == "hidden"}
        return self.ask(urljoin(path, form.get("action") or path), {**hidden, **fields})

    def leads_outside(self, path: str) -> list[str]:
        """Links of a page to this website that are not below /status."""
        tree = html5lib.parse(self.ask(path).text, namespaceHTMLElements=False)
        found = [e.attrib[name] for e in tree.iter() for name in ("href", "src", "action") if name in e.attrib]
        led = [urlsplit(urljoin(f"http://example.com{path}", link)) for link in found]
        return [
            one.geturl() for one in led if one.netloc == "example.com" and not f"{one.path}/".startswith("/status/")
        ]


@pytest.fixture(autouse=True)
def nginx_is_there() -> None:
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("nginx is not installed")


@dataclass
class Site:
    browser: Browser
    settings: Settings
    post: str
    token: str


@pytest.fixture
def site(app: Flask, settings: Settings) -> Iterator[Site]:
    settings = settings.with_changes(base_url=HOME, port=free_port())
    page_id = make_page(url=HOME)
    make_component(page_id)
    post = open_post(settings, LENA, page_id, draft(notify=False)).post_id
    make_account("admin")
    _, token = create_token(ALICE, name="script", scopes=[Scope.READ])
    db.session.remove()
    extra = {"BASE_URL": HOME, "TRUSTED_PROXIES": "1"}
    port = free_port()
    with running(settings, "web", extra=extra), running(settings, "worker", extra=extra):
        wait_until_answers(f"http://127.0.0.1:{settings.port}/")
        with shipped(settings, port, base="/status"):
            yield Site(Browser(port), settings, post, token)


def test_all_of_it_stays_below_the_path(site: Site) -> None:
    the_page(site)
    the_console(site.browser)
    a_subscriber(site)
    a_program(site)


def the_page(site: Site) -> None:
    browser = site.browser
    for path in ("/status/", "/status/history", f"/status/incidents/{site.post}"):
        assert browser.ask(path).status == 200, path
        assert not browser.leads_outside(path), path
    assert browser.ask("/status").status == 200
    assets = re.findall(r'"(/status/assets/[^"]+)"', browser.ask("/status/").text)
    assert len(assets) >= 2
    for path in (*assets, "/status/static/css/app.css", "/status/site.webmanifest", "/status/push-worker.js"):
        assert browser.ask(path).status == 200, path
    for feed in ("history.atom", "history.rss", "feed.json", "api/v2/summary.json"):
        assert f"{HOME}/incidents/{site.post}" in browser.ask(f"/status/{feed}").text, feed
    assert "/status/assets/" in browser.ask("/status/embed/frame").text
    assert browser.ask("/status/embed/script.js").status == 200


def the_console(browser: Browser) -> None:
    led = browser.ask("/status/console")
    assert urlsplit(led.location).path == "/status/sign-in"
    signed_in = browser.send(led.location, {"email": "admin@example.com", "password": PASSWORD})
    assert signed_in.location == "/status/console", signed_in.text
    assert all("Path=/status;" in f"{cookie};" for cookie in signed_in.cookies) and signed_in.cookies
    overview = browser.ask("/status/console").location
    assert overview == "/status/console/default" and not browser.leads_outside(overview)
    made = browser.send(f"{overview}/components", {"name": "Search"}, action="/components")
    assert (made.status, made.location) == (303, "/status/console/default/components")
    assert "Search" in browser.ask(made.location).text
    assert "Search" in browser.ask("/status/").text, "published, and served by nginx"
    assert browser.ask("/status/console/posts?page=2").location == "/status/console/default/posts?page=2"


def a_subscriber(site: Site) -> None:
    browser = Browser(site.browser.port)
    sent = browser.send("/status/subscribe", {"channel": "email", "address": "carol@example.org"})
    assert sent.location.startswith("/status/subscribe/sent"), sent.text
    confirm = link_in_mail(site.settings, "confirm")
    assert not browser.leads_outside(confirm)
    confirmed = browser.send(confirm, {})
    assert confirmed.status == 200, confirmed.text
    manage = next(one for one in re.findall(r'href="([^"]+)"', confirmed.text) if "/manage/" in one)
    assert urlsplit(manage).path.startswith("/status/manage/")
    posted = site.browser.send(
        f"/status/console/default/posts/{site.post}", {"body": "Found it.", "status": "identified"}, action="/updates"
    )
    assert posted.status == 303, posted.text
    unsubscribe = link_in_mail(site.settings, "unsubscribe")
    gone = browser.ask(unsubscribe, {"List-Unsubscribe": "One-Click"})
    assert gone.status == 200 and "Acme Status" in gone.text


def a_program(site: Site) -> None:
    assert site.browser.ask("/status/api/v1/pages", Authorization="OAuth nonsense").status == 401
    pages = site.browser.ask("/status/api/v1/pages", Authorization=f"OAuth {site.token}")
    assert pages.status == 200 and f'"url":"{HOME}"' in pages.text.replace(" ", "")
    assert f'"url":"{HOME}"' in site.browser.ask("/status/api/openapi.json").text
    assert site.browser.ask("/status/v1/pages", Authorization=f"OAuth {site.token}").status == 200


def link_in_mail(settings: Settings, purpose: str) -> str:
    """The path of a personal link in some mail that was kept."""
    found: list[str] = []

    def look() -> bool:
        for path in settings.outbox.glob("*/*.eml"):
            text = path.read_text().replace("=\n", "")
            found.extend(re.findall(rf"{HOME}(/{purpose}/[a-z0-9]+/[A-Za-z0-9_.-]+)", text))
        return bool(found)

    until(look, 30)
    return f"/status{found[-1]}"
