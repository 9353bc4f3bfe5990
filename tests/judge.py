"""A client that judges every page it is given, as a strict reader would."""

import contextvars
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from flask import has_app_context
from flask.globals import _cv_app
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.db import db

CSRF_EXEMPT = re.compile(r"^(/unsubscribe/|/hooks/)")
TOLERATED = {"unexpected-null-character"}


def judge(html: str, path: str = "/") -> Element:
    """The parsed page.

    Raises:
        AssertionError: it says what is wrong with it.
    """
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    root: Element = parser.parse(html)
    wrong = [(place, code) for place, code, _ in parser.errors if code not in TOLERATED]
    assert not wrong, f"{path}: not HTML5: {wrong[:3]}"
    everything = list(root.iter())
    titles = [e for e in everything if e.tag == "title"]
    assert [e for e in titles if "".join(e.itertext()).strip()], f"{path}: no title"
    assert sum(e.tag == "h1" for e in everything) == 1, f"{path}: not one h1"
    assert root.get("lang"), f"{path}: no language"
    ids = [e.get("id") for e in everything if e.get("id")]
    assert len(ids) == len(set(ids)), f"{path}: duplicate ids {sorted({i for i in ids if ids.count(i) > 1})}"
    _judge_inline(everything, path)
    _judge_forms(root, set(ids), path)
    return root


def _judge_inline(everything: list[Element], path: str) -> None:
    for element in everything:
        assert element.tag != "style", f"{path}: inline style"
        assert element.tag != "script" or element.get("src"), f"{path}: inline script"
        assert element.tag != "img" or element.get("alt") is not None, f"{path}: image without alt"
        for name, value in element.attrib.items():
            assert name != "style" and not name.startswith("on"), f"{path}: inline {name}"
            assert not str(value).strip().lower().startswith("javascript:"), f"{path}: script in {name}"


def _judge_forms(root: Element, ids: set[str | None], path: str) -> None:
    labelled = {e.get("for") for e in root.iter("label")}
    wrapped = {id(inner) for label in root.iter("label") for inner in label.iter()}
    for label in root.iter("label"):
        assert not label.get("for") or label.get("for") in ids, f"{path}: label for nothing: {label.get('for')}"
    for form in root.iter("form"):
        if form.get("method", "get").lower() == "post" and not CSRF_EXEMPT.match(form.get("action") or path):
            names = {e.get("name") for e in form.iter("input")}
            assert "csrf_token" in names, f"{path}: form without CSRF field"
    for field in root.iter():
        if field.tag not in {"input", "select", "textarea"} or field.get("type") in {"hidden", "submit"}:
            continue
        has_label = field.get("id") in labelled or id(field) in wrapped or field.get("aria-label")
        assert has_label or field.get("aria-labelledby"), f"{path}: {field.tag} {field.get('name')} has no label"
    for element in root.iter():
        for ref in (element.get("aria-describedby") or "").split():
            assert ref in ids, f"{path}: described by nothing: {ref}"


class _Token(HTMLParser):
    found = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "input" and values.get("name") == "csrf_token":
            self.found = values.get("value") or ""


class FreshClient(FlaskClient):
    """A client whose requests share nothing with the test: each has its own context, as on a server."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        options.setdefault("buffered", True)
        outside = contextvars.copy_context()  # with the frozen clock, without the test's app context
        outside.run(_cv_app.set, None)  # type: ignore[arg-type]
        answer: TestResponse = outside.run(super().open, *args, **options)
        if has_app_context():
            db.session.rollback()  # the test sees what the request wrote
        return answer


class Browser:
    """A client that judges each page and sends each form with its token, as a browser would."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.csrf = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._judged(path, self.client.get(path, **options))

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        if not self.csrf:
            self.get("/sign-in")
        return self._judged(path, self.client.post(path, data={"csrf_token": self.csrf, **(data or {})}, **options))

    def _judged(self, path: str, response: TestResponse) -> TestResponse:
        if response.mimetype == "text/html" and response.status_code not in {301, 303, 304} and response.text:
            judge(response.text, path)
            token = _Token()
            token.feed(response.text)
            self.csrf = token.found or self.csrf
        return response
