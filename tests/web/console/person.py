"""Somebody signed in, who opens screens and fills in the forms that are on them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import html5lib
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from tests.judge import judge

NAMESPACE = "{http://www.w3.org/1999/xhtml}"
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@dataclass
class Form:
    """A form as a browser would send it: where to, and what it holds before anybody types."""

    action: str
    fields: dict[str, Any] = field(default_factory=dict)


class Browser:
    """The part of a test client that a person uses; each request has its own context (`tests.judge.FreshClient`)."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def get(self, path: str, **how: Any) -> TestResponse:
        return self._client.get(path, **how)

    def post(self, path: str, **how: Any) -> TestResponse:
        data = how.get("data")
        if isinstance(data, Mapping) and any(isinstance(value, tuple) for value in data.values()):
            how = {**how, **_multipart(data)}
        return self._client.post(path, **how)


class Person:
    """A browser and who sits before it."""

    def __init__(self, client: Browser) -> None:
        self.client = client

    def open(self, path: str, status: int = 200) -> str:
        """The screen at `path`, judged."""
        response = self.client.get(path)
        assert response.status_code == status, f"{path}: {response.status_code} {response.text[:400]}"
        judge(response.text)
        return response.text

    def fill(self, path: str, action: str, typed: Mapping[str, Any], **how: Any) -> TestResponse:
        """Open `path`, fill in the form that posts to `action` (its ending), and send it."""
        return self.send(form_of(self.open(path), action, path), typed, **how)

    def send(self, form: Form, typed: Mapping[str, Any], **how: Any) -> TestResponse:
        """Send a form with `typed` over what it held."""
        response = self.client.post(form.action, data={**form.fields, **typed}, **how)
        if response.mimetype == "text/html" and response.status_code != 303 and "headers" not in how:
            judge(response.text)
        return response


def _multipart(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields, and files as (stream, name), as a body: the client itself would leave a large one in a file unclosed."""
    sent = {name: FileStorage(*value) if isinstance(value, tuple) else value for name, value in fields.items()}
    boundary, body = encode_multipart(sent)
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def form_of(page: str, action: str, path: str = "") -> Form:
    """The form of `page` whose address ends with `action` ("" for one that posts to `path` itself)."""
    tree = html5lib.parse(page)
    for element in tree.iter(f"{NAMESPACE}form"):
        target = element.get("action") or path
        if element.get("method") == "post" and target.endswith(action):
            return Form(target, _fields(element))
    raise AssertionError(f"there is no form to {action}")


def text_of(page: str) -> str:
    """A page's words, white space folded."""
    without = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", without)).split())


def _fields(form: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for element in form.iter():
        name = element.get("name")
        if not name:
            continue
        if element.tag == f"{NAMESPACE}textarea":
            fields[name] = element.text or ""
        elif element.tag == f"{NAMESPACE}select":
            options = list(element.iter(f"{NAMESPACE}option"))
            chosen = next((o for o in options if o.get("selected") is not None), options[0] if options else None)
            fields[name] = chosen.get("value", "") if chosen is not None else ""
        elif element.tag == f"{NAMESPACE}input":
            if element.get("type") in {"radio", "checkbox"} and element.get("checked") is None:
                continue
            value = element.get("value", "")
            before = fields.get(name)
            fields[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return fields
