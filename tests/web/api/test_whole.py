"""All of it at once by our own API: what is sent is limited, refused in words, and never half taken."""

import io
import json
from collections.abc import Callable
from typing import Any
from zipfile import ZipFile

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.db import session
from app.models.post import Post
from app.models.subscriber import Subscriber
from tests.factories import make_component, make_page
from tests.web.api.conftest import Script

pytestmark = pytest.mark.database


@pytest.fixture
def ours(script: Script) -> Script:
    """The same token at our own address."""
    return Script(script.client, script.token, f"/api{script.root}")


def give(script: Script, path: str, body: bytes, media: str = "application/octet-stream") -> TestResponse:
    return script.call("POST", path, data=body, headers={"Content-Type": media})


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def test_they_are_ours_alone(script: Script, ours: Script, page_id: int) -> None:
    ours.send("POST", "/components", {"component": {"name": "API"}})
    for path in ("/subscribers/export", "/archive", "/export"):
        with ours.call("GET", path) as answer:
            assert answer.status_code == 200, path
        assert script.call("GET", path).status_code == 404, path
    assert script.call("GET", "/subscribers/export.json").status_code == 404


def test_the_sheet_is_for_admins_because_a_chat_rooms_address_is_a_secret(
    script_with: Callable[..., Script], page_id: int
) -> None:
    lesser = script_with("subscribers")
    lesser = Script(lesser.client, lesser.token, f"/api{lesser.root}")
    assert lesser.call("GET", "/subscribers").status_code == 200
    with lesser.call("GET", "/subscribers/export") as answer:
        assert answer.status_code == 403
    assert give(lesser, "/subscribers/import", b"channel,address\nchat,json://10.0.0.5/\n").status_code == 403
    assert count(Subscriber) == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/archive", b""), ("/archive", b"PK\x05\x06" + b"\0" * 18), ("/archive", b"{}" * 5000),
        ("/subscribers/import", b""), ("/subscribers/import", b"\xff\xfe\x00"), ("/subscribers/import", b"a,b\n1,2\n"),
        ("/subscribers/import?dry_run=perhaps", b"email\nx@example.com\n"),
        ("/imports", b"{}"), ("/imports?source=nagios", b"{}"), ("/imports?source=statuspage", b"{"),
        ("/imports?source=statuspage", b"[]"), ("/imports?source=statuspage", b"7"),
        ("/imports?source=cachet&time_zone=Mars", b"{}"), ("/imports?source=statuspage", b"[" * 100_000),
        ("/imports?source=statuspage", json.dumps([{}] * 1001).encode()),
    ],
)  # fmt: skip
def test_what_can_not_be_taken_is_refused_in_words(ours: Script, page_id: int, path: str, body: bytes) -> None:
    make_component(page_id)
    answer = give(ours, path, body)
    assert answer.status_code in {400, 422}, answer.text
    told: Any = answer.json
    assert answer.mimetype == "application/problem+json" and len(told["detail"]) > 10, told
    assert "/tmp" not in told["detail"] and "reload the page" not in told["detail"], told
    assert (count(Subscriber), count(Post)) == (0, 0)


def test_what_is_too_large_is_refused_with_the_limit(ours: Script, page_id: int) -> None:
    answer = give(ours, "/subscribers/import", b"x" * 30_000_001, "text/csv")
    assert (answer.status_code, "30 MB" in answer.text) == (413, True), answer.text
    answer = give(ours, "/components", b'{"component": {"name": "' + b"x" * 1_000_001 + b'"}}', "application/json")
    assert (answer.status_code, "1 MB" in answer.text) == (413, True), answer.text


def test_an_archive_is_a_whole_file_of_that_page_alone(ours: Script, app: Flask, page_id: int) -> None:
    make_component(page_id, "API")
    make_page("Other", slug="other", public_id="otherpage123")
    with ours.call("GET", "/archive") as answer:
        assert (answer.status_code, answer.mimetype) == (200, "application/zip")
        archive = answer.data
    with ZipFile(io.BytesIO(archive)) as packed:
        assert packed.testzip() is None
        assert packed.read("components.jsonl").count(b"\n") == 1
    elsewhere = Script(ours.client, ours.token, "/api/v1/pages/otherpage123")
    taken = give(elsewhere, "/archive?dry_run=true", archive, "application/zip")
    assert taken.status_code == 422 and "belongs to another page" in taken.text, "ids are everywhere one thing"
    assert elsewhere.call("GET", "/export").status_code == 404
