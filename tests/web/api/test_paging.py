"""Lists in parts: as Statuspage counts them at its address, and strictly, with a link to the next part, at our own."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.http import parse_options_header

from app.db import transaction
from app.models.component import Component
from tests.factories import make_component, make_subscriber
from tests.web.api.conftest import Script

pytestmark = pytest.mark.database


def ours(script: Script) -> Script:
    """The same script at our own address."""
    return replace(script, root=f"/api{script.root}")


def links(script: Script, path: str) -> dict[str, str]:
    """Where the other parts are, by relation."""
    told = script.call("GET", path).headers["Link"]
    pairs = (parse_options_header(link) for link in told.split(", "))
    return {options["rel"]: address.strip("<>") for address, options in pairs}


def test_subscribers_are_counted_from_page_0_at_statuspages_address(script: Script, page_id: int) -> None:
    for name in "abc":
        make_subscriber(page_id, f"{name}@example.com")

    def emails(query: str) -> list[str]:
        return [one["email"] for one in script.get(f"/subscribers?{query}")]

    pages = [emails(f"limit=2&page={number}") for number in range(3)]
    assert pages == [["a@example.com", "b@example.com"], ["c@example.com"], []]
    assert emails("limit=2") == pages[0]
    assert [one["email"] for one in ours(script).get("/subscribers?per_page=2&page=2")] == ["c@example.com"]
    assert script.get("/subscribers/unsubscribed?page=0") == []


@pytest.mark.parametrize("path", ["/components", "/incidents", "/subscribers", "/component-groups"])
def test_a_size_that_is_too_large_is_100_there_and_refused_here(script: Script, page_id: int, path: str) -> None:
    for size in ("limit=500", "per_page=1000", "per_page=0"):
        assert isinstance(script.get(f"{path}?{size}"), list)
        assert ours(script).call("GET", f"{path}?{size}").status_code == 422
    assert ours(script).call("GET", f"{path}?page=0").status_code == 422


def test_more_than_100_come_in_parts(script: Script, page_id: int) -> None:
    with transaction() as writing:
        writing.add_all(Component(page_id=page_id, name=f"Part {number}", position=number) for number in range(101))
    sizes = [len(script.get(f"/components{query}")) for query in ("", "?limit=500", "?per_page=0", "?limit=500&page=2")]
    assert sizes == [100, 100, 100, 1]


def test_a_list_says_where_its_other_parts_are(app: Flask, script: Script, page_id: int) -> None:
    for number in range(5):
        make_component(page_id, f"Part {number}", position=number)
        script.send("POST", "/incidents", {"incident": {"name": f"Slow {number}", "body": "Text."}})
    api = ours(script)
    for listed, order in (("/components", range(5)), ("/incidents?q=Slow", (4, 3, 2, 1, 0))):
        path = f"{listed}{'&' if '?' in listed else '?'}per_page=2"
        first = links(api, path)
        assert set(first) == {"first", "next"}
        seen, following = api.get(path), first
        while "next" in following:
            address = urlsplit(following["next"])
            path = f"{address.path.removeprefix(api.root)}?{address.query}"
            seen, following = seen + api.get(path), links(api, path)
        assert [one["name"][-1] for one in seen] == [str(number) for number in order]
        assert set(following) == {"first", "prev"}
    assert "Link" not in script.call("GET", "/components").headers
