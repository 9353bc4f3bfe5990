"""Every route, asked by everybody: new routes are covered as soon as they exist."""

import re

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app import create_app
from app.settings import Settings
from app.vocabulary import Role
from app.web.access import audience_of
from tests.judge import Browser
from tests.web.people import browser

pytestmark = pytest.mark.database
CSRF_EXEMPT = {"site.unsubscribe_now", "hooks.receive"}
UNSIGNED = {"hooks.receive"}
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def calls(app: Flask) -> list[tuple[Rule, str, str]]:
    """Every route for people with a method and an address that fits it."""
    return [call for call in all_calls(app) if audience_of(app, call[0].endpoint) != "token"]


def all_calls(app: Flask) -> list[tuple[Rule, str, str]]:
    """The routes for programs too."""
    found = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?[^<>]+>", "bcdf12345678", rule.rule.replace("<page:page_slug>", "default"))
        found.extend((rule, method, path) for method in sorted(rule.methods - {"HEAD", "OPTIONS"}))
    return found


def test_a_route_without_an_audience_does_not_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.web.site import blueprint

    monkeypatch.setattr(blueprint, "deferred_functions", [*blueprint.deferred_functions])
    monkeypatch.setattr(blueprint, "_got_registered_once", False)
    blueprint.add_url_rule("/silent", "silent", lambda: "")
    with pytest.raises(RuntimeError, match=r"site\.silent"):
        create_app(settings)


def test_signed_out_people_reach_only_what_is_public(app: Flask, page_id: int) -> None:
    for rule, method, path in calls(app):
        if audience_of(app, rule.endpoint) == "public":
            continue
        stranger = Browser(app.test_client())
        answer = stranger.client.open(path, method=method)
        if method == "GET":
            assert (answer.status_code, answer.location) == (303, f"/sign-in?next={path}"), path
            assert stranger.client.get(path, headers={"HX-Request": "true"}).status_code == 401
            assert stranger.client.get(path, headers={"Accept": "application/json"}).status_code == 401
        else:
            assert answer.status_code == 401, path


def test_without_a_token_no_program_reaches_anything(app: Flask, page_id: int) -> None:
    for_programs = [call for call in all_calls(app) if audience_of(app, call[0].endpoint) == "token"]
    assert for_programs
    admin = browser(app, Role.ADMIN)
    for _, method, path in for_programs:
        assert app.test_client().open(path, method=method).status_code == 401, path
        assert admin.client.open(path, method=method).status_code == 401, "who is signed in is no program"


@pytest.mark.parametrize("role", list(Role))
def test_each_role_reaches_what_its_rank_allows(app: Flask, page_id: int, role: Role) -> None:
    who = browser(app, role)
    who.get("/subscribe")
    for rule, method, path in calls(app):
        who_may = audience_of(app, rule.endpoint)
        if who_may == "public":
            continue
        answer = who.get(path) if method == "GET" else who.post(path)
        if role.rank < Role(who_may).rank:
            assert answer.status_code == 403, f"{role} {method} {path}"
            assert "need the role" in answer.text
        else:
            assert answer.status_code not in {401, 403, 500}, f"{role} {method} {path}: {answer.status_code}"


def test_every_unsafe_route_refuses_without_a_csrf_token(app: Flask, page_id: int) -> None:
    admin = browser(app, Role.ADMIN)
    for rule, method, path in calls(app):
        if method in UNSAFE and rule.endpoint not in CSRF_EXEMPT:
            answer = admin.client.open(path, method=method)
            assert answer.status_code == 400, f"{method} {path}: {answer.status_code}"
            assert "This form has expired" in answer.text


def test_the_csrf_header_that_htmx_sends_is_taken(app: Flask, page_id: int) -> None:
    admin = browser(app, Role.ADMIN)
    admin.get("/subscribe")
    answer = admin.client.post("/sign-out", headers={"X-CSRFToken": admin.csrf})
    assert answer.status_code == 303


FIELDS = (
    "address channel scope components email name password page_name title body status kind impact severity role label",
    "page version idempotency_key time_zone url locale direction group visible description From Body record_key text",
)
HOSTILE = ["\x00", "\ud800", "\u202eabc", "]]>", "[" * 10_000, "<script>alert(1)</script>", "' OR 1=1 --", "{{7*7}}"]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_no_form_fails_on_hostile_input(app: Flask, page_id: int, value: str) -> None:
    admin = browser(app, Role.ADMIN)
    admin.get("/subscribe")
    names = sorted({name for words in FIELDS for name in words.split()})
    sent = {name: value.encode("utf-8", "surrogatepass") for name in names}
    for rule, method, path in calls(app):
        if method == "POST" and rule.endpoint != "auth.sign_out":
            answer = admin.post(path, sent)
            assert answer.status_code < 500 or rule.endpoint in UNSIGNED, f"{path}: {answer.status_code}"
            assert "Traceback" not in answer.text


def test_malformed_forms_are_answered_in_words(app: Flask, page_id: int) -> None:
    client = app.test_client()
    for kind, body in (
        ("multipart/form-data", b"nonsense"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n"),
        ("application/x-www-form-urlencoded; charset=nonsense", b"address=%FF%FE&=&&&%"),
        ("application/json", b"{"),
    ):
        answer = client.post("/subscribe", data=body, content_type=kind)
        assert 400 <= answer.status_code < 500, (kind, answer.status_code)
