"""`deploy/nginx.conf`, as it is, before a real Candor: the same answers, at once, and without the application."""

import http.client
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from flask import Flask

from app.actions.posts.publishing import open_post
from app.db import db, transaction
from app.models.page import Page
from app.publish.refresh import refresh
from app.settings import Settings
from bench.nginx import shipped
from tests.browser.scenes import outage
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.processes import free_port, kill, start, wait_until_answers

pytestmark = pytest.mark.faults
COMPARED = (
    "content-type", "cache-control", "vary", "content-encoding", "x-content-type-options", "referrer-policy",
    "content-security-policy", "cross-origin-opener-policy", "permissions-policy", "access-control-allow-origin",
)  # fmt: skip
ADDRESSES = (
    "/", "/history", "/history.rss", "/history.atom", "/calendar.ics", "/api/v2/summary.json", "/api/v2/status.json",
    "/robots.txt", "/favicon.ico", "/de", "/de/", "/ar/history", "/en/history", "/incidents/{post}",
    "/ja/incidents/{post}", "/en", "/en/incidents/{post}", "/history/{month}", "/fr/history/{month}", "{css}",
    "/api/v2/components.json", "/api/v2/incidents.json", "/api/v2/incidents/unresolved.json",
    "/api/v2/scheduled-maintenances.json", "/api/v2/scheduled-maintenances/upcoming.json",
    "/api/v2/scheduled-maintenances/active.json", "/api/v2/incidents/{post}.json", "/incidents/{post}.json",
    "/feed", "/feed.rss", "/rss.xml", "/feed.atom", "/feed.json", "/badge.svg", "/badge.json", "/embed/frame",
    "/embed/script.js", "/embed/statuspage.js", "/components/{component}/badge.svg",
    "/components/{component}/badge.json", "/components/{component}/feed.atom", "/status.md", "/llms.txt",
    "/sitemap.xml", "/site.webmanifest", "/favicon.svg", "/og.png", "/icon-192.png", "/icon-512.png", "{card}",
    "/apple-touch-icon.png", "/.well-known/security.txt", "/security.txt",
)  # fmt: skip
ELSEWHERE = (
    "/sign-in",
    "/subscribe?language=de",
    "/console/default",
    "/api/v1/pages/nothere/archive",
    "/incidents/nothere",
    "/de/incidents/nothere",
    "/nowhere",
    "/healthz",
    "/metrics",
    "/.well-known/nothing",
)
CONTACT = "mailto:security@example.com"


@dataclass(frozen=True)
class Pair:
    """nginx and the Candor behind it."""

    nginx: int
    candor: int


def ask(port: int, address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        sent = {"Host": "status.example.com", **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request("GET", address, headers=sent)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@contextmanager
def before(settings: Settings) -> Iterator[tuple[Pair, subprocess.Popen[bytes]]]:
    settings = settings.with_changes(port=free_port())
    port = free_port()
    extra = {"TRUSTED_HOSTS": "status.example.com", "TRUSTED_PROXIES": "1", "SECURITY_CONTACT": CONTACT}
    web = start(settings, "web", extra=extra)
    try:
        wait_until_answers(f"http://127.0.0.1:{settings.port}/")
        with shipped(settings, port):
            yield Pair(port, settings.port), web
    finally:
        kill(web)


@pytest.fixture(autouse=True)
def nginx_is_there() -> None:
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("nginx is not installed")


def at_its_own_host(page_id: int) -> None:
    with transaction() as session:
        session.get_one(Page, page_id).url = "http://status.example.com"


def addresses(settings: Settings, post: str) -> list[str]:
    lasting = settings.public_root / "default" / "lasting"
    month = max(path.stem for path in (lasting / "history").glob("*.html"))
    css = next(f"/assets/{path.name}" for path in (lasting / "assets").glob("*.css"))
    card = next(f"/assets/{path.name}" for path in (lasting / "assets").glob("card-*.png"))
    component = next(path.name for path in (lasting / "components").iterdir())
    return [address.format(post=post, month=month, css=css, card=card, component=component) for address in ADDRESSES]


def test_nginx_answers_as_candor_does(app: Flask, settings: Settings, page_id: int) -> None:
    settings = settings.with_changes(security_contact=CONTACT)
    at_its_own_host(page_id)
    post = outage(settings, page_id)
    db.session.remove()
    with before(settings) as (pair, web):
        told = {}
        for address in addresses(settings, post):
            for wanted in ({}, {"Accept_Encoding": "gzip"}):
                theirs, ours = ask(pair.nginx, address, **wanted), ask(pair.candor, address, **wanted)
                assert theirs[0] == ours[0] == 200, address
                assert theirs[2] == ours[2], address
                differing = {name for name in COMPARED if theirs[1].get(name) != ours[1].get(name)}
                assert not differing - ({"vary"} if not wanted else set()), (address, differing)
            assert "etag" in theirs[1] or "last-modified" in theirs[1]
            told[address] = theirs
            again = ask(pair.nginx, address, Accept_Encoding="gzip", If_None_Match=theirs[1]["etag"])
            assert again[0] == 304 and not again[2], address
            known = ask(pair.candor, address, Accept_Encoding="gzip", If_None_Match=ours[1]["etag"])
            assert known[0] == 304 and not known[2], address
            assert "cache-control" in known[1], address
            assert not {name for name in COMPARED if name in known[1] and again[1].get(name) != known[1][name]}, address
        for address in ELSEWHERE:
            theirs, ours = ask(pair.nginx, address), ask(pair.candor, address)
            assert theirs[0] == ours[0], address
            assert theirs[1].get("content-security-policy") == ours[1].get("content-security-policy"), address
        kill(web)
        for address, seen in told.items():
            assert ask(pair.nginx, address, Accept_Encoding="gzip")[2] == seen[2], f"{address} without the application"


def test_a_publish_is_in_the_next_answer(app: Flask, settings: Settings, page_id: int) -> None:
    at_its_own_host(page_id)
    refresh(settings, page_id)
    with before(settings) as (pair, _):
        for number in range(5):
            assert f"Trouble {number}".encode() not in ask(pair.nginx, "/")[2]
            open_post(settings, LENA, page_id, draft(f"key-0000{number:04}", title=f"Trouble {number}", notify=False))
            assert f"Trouble {number}".encode() in ask(pair.nginx, "/")[2]
        db.session.remove()
