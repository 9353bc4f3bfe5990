"""What readers get over HTTP, with the app and the database out of reach."""

import gzip
import shutil

import brotli
import pytest
from flask import Flask
from werkzeug.test import Client

from app.actions.posts.publishing import open_post
from app.publish.refresh import refresh
from app.settings import Settings
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.publish.conftest import BEHIND

PUBLIC = {
    "/": "text/html; charset=utf-8",
    "/history": "text/html; charset=utf-8",
    "/history.rss": "application/rss+xml; charset=utf-8",
    "/history.atom": "application/atom+xml; charset=utf-8",
    "/api/v2/summary.json": "application/json; charset=utf-8",
    "/api/v2/status.json": "application/json; charset=utf-8",
    "/favicon.ico": "image/svg+xml",
    "/robots.txt": "text/plain; charset=utf-8",
    "/status.md": "text/markdown; charset=utf-8",
    "/llms.txt": "text/plain; charset=utf-8",
    "/sitemap.xml": "application/xml; charset=utf-8",
    "/site.webmanifest": "application/manifest+json; charset=utf-8",
}


@pytest.fixture
def post_id(app: Flask, settings: Settings, page_id: int) -> str:
    return open_post(settings, LENA, page_id, draft()).post_id


@pytest.mark.parametrize("address", [*PUBLIC, "/incidents/{post}"])
def test_an_address_answers_with_validators_and_without_cookies(post_id: str, reader: Client, address: str) -> None:
    address = address.format(post=post_id)
    answer = reader.get(address)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, PUBLIC.get(address, PUBLIC["/"]))
    tag = answer.headers["ETag"]
    assert tag.startswith('"')
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"].startswith("public, max-age=10")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    again = reader.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    head = reader.head(address)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == answer.headers["Content-Length"] == str(len(answer.data))
    assert reader.get(f"{address}?x=1&utm=%00").data == answer.data


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0.5, gzip;q=0.9", "gzip"), ("br;q=0, gzip;q=0", None),
        ("", None), ("identity", None), ("*", "br"), ("*;q=0", None), ("gzip;q=x", None), ("br;q=0.1, identity", None),
    ],
)  # fmt: skip
def test_the_encoding_is_the_readers_choice(post_id: str, reader: Client, accepted: str, coding: str | None) -> None:
    plain = reader.get("/").data
    answer = reader.get("/", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == coding
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[coding]
    assert unpack(answer.data) == plain


@pytest.mark.parametrize(
    ("wanted", "status"),
    [("*", 304), ('W/{tag}', 304), ('"x", {tag}', 304), ('"x"', 200), ("", 200), ('{tag}x', 200)],
)  # fmt: skip
def test_if_none_match(post_id: str, reader: Client, wanted: str, status: int) -> None:
    tag = reader.get("/").headers["ETag"]
    assert reader.get("/", headers={"If-None-Match": wanted.format(tag=tag)}).status_code == status


@pytest.mark.parametrize("address", ["/", "/history.rss", "/api/v2/summary.json", "/incidents/{post}"])
def test_if_modified_since(post_id: str, reader: Client, address: str) -> None:
    address = address.format(post=post_id)
    at = reader.get(address).headers["Last-Modified"]
    again = reader.get(address, headers={"If-Modified-Since": at})
    assert (again.status_code, again.data) == (304, b"")
    for other in ("Thu, 01 Jan 2026 00:00:00 GMT", "yesterday", ""):
        assert reader.get(address, headers={"If-Modified-Since": other}).status_code == 200
    assert reader.get(address, headers={"If-Modified-Since": at, "If-None-Match": '"x"'}).status_code == 200


def test_each_encoding_has_its_own_tag(post_id: str, reader: Client) -> None:
    tags = {reader.get("/", headers={"Accept-Encoding": one}).headers["ETag"] for one in ("br", "gzip", "")}
    assert len(tags) == 3


@pytest.mark.parametrize(
    "address",
    [
        "/incidents/nothere", "/incidents/../meta.json", "/incidents/%2e%2e/meta", "/history/2026-99x",
        "/history/1999-01",
        "/assets/../meta.json", "/assets/.draft-x", "/incidents/" + "x" * 5000, "/api/v2/x.json", "/incidents/%00",
        "/incidents//x",
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_calm_404(post_id: str, reader: Client, address: str) -> None:
    answer = reader.get(address)
    assert answer.status_code == 404
    said = b"There is nothing at this address" if answer.mimetype == "application/problem+json" else b"Page not found"
    assert said in answer.data


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_writing_to_a_public_address_is_refused(post_id: str, reader: Client, method: str) -> None:
    answer = reader.open("/", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_program_that_writes_to_a_document_is_told_a_problem(post_id: str, reader: Client) -> None:
    answer = reader.post("/api/v2/summary.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, "application/problem+json")
    assert answer.json is not None
    assert (answer.json["status"], answer.json["detail"]) == (405, "This address can only be read. Use GET.")


def test_the_api_may_be_read_from_anywhere(post_id: str, reader: Client) -> None:
    assert reader.get("/api/v2/summary.json").headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("address", ["/console", "/subscribe", "/sign-in", "/board", "/static/css/app.css", "/x"])
def test_everything_else_goes_to_the_app(post_id: str, reader: Client, address: str) -> None:
    assert reader.get(address).data == BEHIND


def test_a_trailing_slash_is_no_other_address(post_id: str, reader: Client) -> None:
    assert reader.get("/history/").data == reader.get("/history").data


def test_before_there_is_a_page_the_app_answers(app: Flask, reader: Client) -> None:
    assert reader.get("/").data == BEHIND


def test_with_the_files_gone_the_last_truth_is_served(settings: Settings, post_id: str, reader: Client) -> None:
    before = reader.get("/").data
    shutil.rmtree(settings.public_root)
    for address in PUBLIC:
        assert reader.get(address).status_code == 200, address
    assert reader.get("/").data == before


def test_a_new_revision_is_seen_at_once(settings: Settings, page_id: int, post_id: str, reader: Client) -> None:
    before = reader.get("/").headers["ETag"]
    open_post(settings, LENA, page_id, draft("key-00000002", title="Another one"))
    answer = reader.get("/", headers={"If-None-Match": before})
    assert (answer.status_code, b"Another one" in answer.data) == (200, True)
    refresh(settings, page_id)
    assert reader.get("/").status_code == 200
