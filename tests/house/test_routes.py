"""Rules of the house for routes."""

import inspect
import re

from flask import Flask
from werkzeug.routing import Rule

from app.web import site
from app.web.access import audience_of

SEGMENT = re.compile(r"[a-z0-9-]+|push-worker\.js|<([a-z]+:)?[a-z_]+>")
EXEMPT = {"site.unsubscribe_now", "hooks.receive"}


STATUSPAGES = ("/v1/", "/api/")
"""Below these, addresses and methods are Statuspage's."""


def ours(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(STATUSPAGES)]


def test_addresses_are_plain_words(app: Flask) -> None:
    for rule in ours(app):
        for segment in rule.rule.strip("/").split("/"):
            assert not segment or SEGMENT.fullmatch(segment), rule.rule


def test_a_route_reads_or_changes_and_never_both(app: Flask) -> None:
    for rule in ours(app):
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert methods in ({"GET"}, {"POST"}), f"{rule.rule}: {methods}"


def test_every_view_says_who_may_call_it_and_what_it_is_for(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        assert audience_of(app, endpoint), endpoint
        if endpoint != "static":
            assert inspect.getdoc(view), f"{endpoint} has no docstring"
            assert "return" in inspect.get_annotations(view), f"{endpoint} has no annotations"


def test_what_needs_no_csrf_token_is_listed_here(app: Flask) -> None:
    names = {f"{view.__module__}.{view.__name__}": endpoint for endpoint, view in app.view_functions.items()}
    assert {names[name] for name in app.extensions["csrf"]._exempt_views} == EXEMPT


def test_the_console_and_the_board_are_never_public(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(("/console", "/board", "/admin")):
            assert audience_of(app, rule.endpoint) != "public", rule.rule
    assert site.CSRF_EXEMPT


def test_what_is_statuspages_wants_a_token(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(STATUSPAGES) and rule.rule != "/api/openapi.json":
            assert audience_of(app, rule.endpoint) == "token", rule.rule
