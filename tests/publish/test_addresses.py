"""Which host and path lead to which page, from a file and without the database."""

from pathlib import Path

import pytest

from app.publish.addresses import Place, RequestTarget, read_map, write_map

HOME = "https://example.com/status"
PLACES = [
    Place("example.com", "/status", "default"),
    Place("example.com", "/status/eu", "eu"),
    Place("status.jp.example", "", "jp"),
    Place("jp.example", "/status", "jp"),
]


@pytest.mark.parametrize(
    ("host", "path", "slug", "base", "rest"),
    [
        ("example.com", "/status", "default", "/status", "/"),
        ("example.com", "/status/", "default", "/status", "/"),
        ("example.com:443", "/status/history", "default", "/status", "/history"),
        ("EXAMPLE.com.", "/status/eu/history", "eu", "/status/eu", "/history"),
        ("example.com", "/status/eur", "default", "/status", "/eur"),
        ("example.com", "/healthz", "default", "/status", "/healthz"),
        ("status.jp.example", "/history", "jp", "", "/history"),
        ("jp.example", "/status/history", "jp", "/status", "/history"),
        ("jp.example", "/elsewhere", "", "/status", "/elsewhere"),
        ("127.0.0.1:8000", "/status/eu", "eu", "/status/eu", "/"),
        ("", "/status/history", "default", "/status", "/history"),
        ("[::1", "/status/eu/x", "eu", "/status/eu", "/x"),
    ],
)
def test_an_address_leads_to_its_page(tmp_path: Path, host: str, path: str, slug: str, base: str, rest: str) -> None:
    write_map(tmp_path, PLACES, "default")
    found = read_map(tmp_path, HOME).find(host, path)
    assert (found.slug, found.base, found.path) == (slug, base, rest)
    assert read_map(tmp_path, HOME).find(host, path) == found


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"places": [{"host": 1}], "default": "x"}'])
def test_without_a_map_all_is_the_default_pages(tmp_path: Path, broken: str) -> None:
    if broken:
        (tmp_path / "pages.json").write_text(broken)
    found = read_map(tmp_path, HOME).find("example.com", "/status/history")
    assert found == RequestTarget("default", "/status", "/history", is_own_host=False)


def test_nginx_finds_each_page_by_links(tmp_path: Path) -> None:
    for slug in ("default", "eu", "jp"):
        (tmp_path / slug / "1").mkdir(parents=True)
        (tmp_path / slug / "1" / "index.html").write_text(slug)
        (tmp_path / slug / "current").symlink_to("1")
    assert write_map(tmp_path, PLACES, "default")
    assert not write_map(tmp_path, PLACES, "default"), "what is so already is not written again"
    assert (tmp_path / "hosts/example.com/status/current/index.html").read_text() == "default"
    assert (tmp_path / "hosts/example.com/status/eu/current/index.html").read_text() == "eu"
    assert (tmp_path / "hosts/status.jp.example/current/index.html").read_text() == "jp"
    assert not (tmp_path / "hosts/status.jp.example/current").readlink().is_absolute(), "the folder may be moved"
    write_map(tmp_path, [PLACES[0], Place("status.jp.example", "", "eu")], "default")
    assert (tmp_path / "hosts/status.jp.example/current/index.html").read_text() == "eu"
    assert not (tmp_path / "hosts/example.com/status/eu").exists()
    assert not (tmp_path / "hosts/jp.example").exists()
    assert not list(tmp_path.rglob(".draft*"))
