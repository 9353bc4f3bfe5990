"""Headers, hosts, cookies, limits, and the answers when something is wrong."""

import logging
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.db import db
from app.errors import Stale, TooMany, Unavailable
from app.settings import Settings
from app.vocabulary import Role
from app.web.access import audience
from app.web.security import extra_style_hashes
from tests.conftest import make_settings
from tests.judge import Browser, FreshClient
from tests.web.people import browser

pytestmark = pytest.mark.database


def raising(app: Flask, error: Exception) -> None:
    """Make the subscribe page fail."""

    @audience("public")
    def view() -> str:
        raise error

    app.view_functions["site.subscribe"] = view


def test_every_answer_is_careful(app: Flask, page_id: int) -> None:
    who = browser(app)
    for path in ("/", "/subscribe", "/sign-in", "/nowhere", "/static/css/app.css", "/console"):
        headers = who.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers
    extra_style_hashes(app, "sha256-abc")
    assert "'sha256-abc'; img-src" in who.get("/sign-in").headers["Content-Security-Policy"]


def test_https_hardens_the_cookie(settings: Settings, page_id: int) -> None:
    app = create_app(settings.with_changes(base_url="https://status.example.com"))
    with app.app_context():
        answer = app.test_client().get("/subscribe", base_url="https://status.example.com")
        db.session.remove()
        db.engine.dispose()
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-candor=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_no_cookie_where_none_is_needed(app: Flask, page_id: int) -> None:
    for path in ("/", "/static/css/app.css", "/nowhere", "/subscribe/sent"):
        answer = app.test_client().get(path)
        assert "Set-Cookie" not in answer.headers, path
        assert "Cookie" not in answer.headers.get("Vary", ""), path


@pytest.mark.parametrize(("host", "status"), [
    ("localhost:8000", 200), ("127.0.0.1", 200), ("[::1]:8000", 200), ("evil.example", 400), ("localhost.evil", 400),
    ("evil@localhost", 400), ("", 400), ("localhost:x", 400), ("[", 400), ("a" * 9000, 400),
])  # fmt: skip
def test_only_known_hosts_are_answered(app: Flask, page_id: int, host: str, status: int) -> None:
    assert app.test_client().get("/sign-in", headers={"Host": host}).status_code == status


def test_problems_are_words_for_people_and_json_for_programs(app: Flask, page_id: int) -> None:
    who = browser(app)
    assert who.get("/nowhere").status_code == 404
    assert who.client.put("/subscribe").headers["Allow"]
    answer = who.get("/nowhere", headers={"Accept": "application/json"})
    assert answer.mimetype == "application/problem+json" and answer.json["status"] == 404
    for error, status in ((Stale("Both.", current="a", yours="b"), 409), (TooMany("Wait.", 7), 429)):
        raising(app, error)
        answer = who.get("/subscribe")
        assert answer.status_code == status and error.args[0] in answer.text
    assert answer.headers["Retry-After"] == "7"
    raising(app, Unavailable("Gone."))
    assert who.get("/subscribe").headers["Retry-After"]


def test_a_fault_is_logged_and_calm(app: Flask, page_id: int, caplog: pytest.LogCaptureFixture) -> None:
    raising(app, RuntimeError("secret detail"))
    with caplog.at_level(logging.ERROR):
        answer = browser(app).get("/subscribe")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text and "Traceback" not in answer.text
    assert caplog.records[0].args[0] in answer.text  # type: ignore[index]


def test_a_body_over_one_megabyte_is_refused(app: Flask, page_id: int) -> None:
    who = browser(app)
    who.get("/subscribe")
    answer = who.post("/subscribe", {"address": "x" * 1_000_001})
    assert answer.status_code == 413 and "1 MB" in answer.text
    body = b"x=" + b"y" * 1_000_001
    kind = "application/x-www-form-urlencoded"
    assert app.test_client().post("/unsubscribe/a/b", data=body, content_type=kind).status_code in {404, 413}


def test_without_a_database_the_app_starts_and_says_so(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, database_url=f"sqlite:///{tmp_path / 'none' / 'candor.db'}")
    app = create_app(settings)
    app.test_client_class = FreshClient
    with app.app_context():
        for path in ("/", "/subscribe", "/sign-in"):
            answer = Browser(app.test_client()).get(path)
            assert answer.status_code == 503 and answer.headers["Retry-After"], path
        assert Browser(app.test_client()).get("/nowhere").status_code == 404
        assert app.test_client().get("/static/css/app.css").status_code == 200
        db.session.remove()
        db.engine.dispose()


def test_htmx_gets_whole_problems_into_the_whole_page(app: Flask, page_id: int) -> None:
    viewer = browser(app, Role.VIEWER)
    answer = viewer.get("/admin/accounts", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (403, "body")
    assert "HX-Request" in answer.headers["Vary"]
    signed_out = browser(app).get("/console", headers={"HX-Request": "true"})
    assert (signed_out.status_code, signed_out.headers["HX-Redirect"]) == (401, "/sign-in")
