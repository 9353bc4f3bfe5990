"""An installation below a path of its host: every link, form, redirect, cookie and asset keeps the path."""

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import html5lib
import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from app import create_app
from app.actions.posts.publishing import open_post
from app.db import db
from app.publish.refresh import refresh
from app.publish.serve import SnapshotServer
from app.settings import Settings
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component, make_page
from tests.web.people import PASSWORD, make_account

pytestmark = pytest.mark.database
HOME = "https://example.com/status"
LINKING = {"href", "src", "action"}


@pytest.fixture
def below(settings: Settings) -> Settings:
    return settings.with_changes(base_url=HOME)


@pytest.fixture
def inside(below: Settings, app: Flask) -> Iterator[Flask]:
    made = create_app(below)
    yield made
    with made.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def reader(inside: Flask, below: Settings) -> Client:
    return Client(SnapshotServer(below.public_root, inside, home=below.base_url))


def get(reader: Client, path: str) -> TestResponse:
    return reader.get(path, base_url="https://example.com")


def links(page: str) -> list[str]:
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return [value for e in tree.iter() for name, value in e.attrib.items() if name in LINKING]


def wrong_links(page: str, at: str) -> list[str]:
    """Links that leave the installation's path."""
    led = [urlsplit(urljoin(f"https://example.com{at}", link)) for link in links(page)]
    return [url.geturl() for url in led if url.scheme == "https" and not f"{url.path}/".startswith("/status/")]


@pytest.fixture
def post_id(inside: Flask, below: Settings) -> str:
    page_id = make_page(url=HOME, languages="en,de")
    make_component(page_id)
    return open_post(below, LENA, page_id, draft()).post_id


def test_the_public_page_leads_nowhere_else(reader: Client, post_id: str) -> None:
    for path in (
        "/status",
        "/status/",
        "/status/history",
        f"/status/incidents/{post_id}",
        "/status/de",
        "/status/nowhere",
    ):
        answer = get(reader, path)
        assert answer.status_code == (404 if "nowhere" in path else 200), path
        assert not wrong_links(answer.text, path), path
        for asset in [link for link in links(answer.text) if "/assets/" in link]:
            assert get(reader, urlsplit(asset).path).status_code == 200, asset
    home = get(reader, "/status/").text
    assert '<link rel="canonical" href="https://example.com/status/">' in home
    assert '<meta property="og:url" content="https://example.com/status/">' in home
    assert f'href="/status/incidents/{post_id}"' in home and 'href="/status/subscribe"' in home
    assert '<meta property="og:url" content="https://example.com/status/de/">' in get(reader, "/status/de").text


def test_feeds_documents_and_embeds_lead_to_the_page(reader: Client, post_id: str) -> None:
    for path in (
        "history.atom",
        "history.rss",
        "feed.json",
        "api/v2/summary.json",
        "llms.txt",
        "sitemap.xml",
    ):
        assert "https://example.com/status" in get(reader, f"/status/{path}").text, path
    assert f"{HOME}/incidents/{post_id}" in get(reader, "/status/history.atom").text
    assert "Disallow: /status/console" in get(reader, "/status/robots.txt").text
    assert not wrong_links(get(reader, "/status/embed/frame").text, "/status/embed/frame")


def test_a_proxy_may_take_the_path_off(reader: Client, post_id: str) -> None:
    assert get(reader, "/history").data == get(reader, "/status/history").data
    assert get(reader, "/healthz").status_code == 200
    assert get(reader, "/console").location == "/status/sign-in?next=/status/console"


def test_signing_in_and_a_form_stay_below_the_path(reader: Client, post_id: str) -> None:
    make_account("admin")
    to_sign_in = get(reader, "/status/console/default/components")
    assert to_sign_in.location == "/status/sign-in?next=/status/console/default/components"
    screen = get(reader, to_sign_in.location)
    assert not wrong_links(screen.text, "/status/sign-in")
    sent = {"email": "admin@example.com", "password": PASSWORD, "next": "/status/console/default/components"}
    answer = post(reader, "/status/sign-in", screen.text, sent)
    assert answer.location == "/status/console/default/components"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Secure-candor=") and "Path=/status;" in cookie and "Secure" in cookie
    screen = get(reader, answer.location)
    assert not wrong_links(screen.text, answer.location)
    made = post(reader, "/status/console/default/components", screen.text, {"name": "Search"})
    assert made.location == "/status/console/default/components"
    assert "Search" in get(reader, made.location).text
    assert "Search" in get(reader, "/status/").text
    assert get(reader, "/status/console/posts").location == "/status/console/default/posts"
    assert get(reader, "/status/console/tokens").location == "/status/admin/tokens"


def test_visitors_forms_stay_below_the_path(reader: Client, post_id: str) -> None:
    form = get(reader, "/status/subscribe")
    assert form.status_code == 200 and not wrong_links(form.text, "/status/subscribe")
    sent = post(reader, "/status/subscribe", form.text, {"channel": "email", "address": "carol@example.org"})
    assert sent.location.startswith("/status/subscribe/sent")
    with get(reader, "/status/push-worker.js") as worker:
        assert worker.headers["Service-Worker-Allowed"] == "/status/"


def test_a_page_of_its_own_host_has_no_console(reader: Client, below: Settings, post_id: str) -> None:
    other = make_page("Borealis", slug="borealis", url="https://status.borealis.example")
    refresh(below, other)
    refresh(below, 1)
    db.session.remove()
    there = "https://status.borealis.example"
    assert "Borealis" in reader.get("/", base_url=there).text
    assert "Borealis" in reader.get("/subscribe", base_url=there).text
    assert reader.get("/", base_url=there).status_code == 200
    for path in ("/console", "/console/borealis", "/sign-in", "/board", "/admin/accounts"):
        assert reader.get(path, base_url=there).status_code == 404, path
    assert reader.get("/subscribe", base_url="https://nobodys.example").status_code == 400


def post(reader: Client, path: str, screen: str, fields: dict[str, str]) -> TestResponse:
    tree = html5lib.parse(screen, namespaceHTMLElements=False)
    token = next(e.get("value") for e in tree.iter("input") if e.get("name") == "csrf_token")
    where = {"base_url": "https://example.com", "headers": {"Referer": f"https://example.com{path}"}}
    return reader.post(path, data={"csrf_token": token, **fields}, **where)
