"""The console with several pages: each address names its page, and a page knows nothing of the others."""

import pytest
from flask import Flask

from tests.factories import make_component, make_page
from tests.web.console.person import Form, Person, form_of

pytestmark = pytest.mark.database


@pytest.fixture
def other(app: Flask) -> int:
    return make_page("Borealis Status", slug="borealis")


def test_an_address_without_a_page_leads_to_the_one_used_last(alice: Person, other: int) -> None:
    assert alice.client.get("/console").location == "/console/default"
    assert "Borealis Status" in alice.open("/console/borealis")
    assert alice.client.get("/console").location == "/console/borealis"
    assert 'href="/console/borealis/posts"' in alice.open("/admin/accounts"), "what belongs to no page keeps it at hand"


def test_the_pages_can_be_switched_where_there_are_several(alice: Person) -> None:
    assert "Switch page" not in alice.open("/console/default")
    make_page("Borealis Status", slug="borealis")
    screen = alice.open("/console/default/posts")
    assert "Switch page" in screen
    assert '<a href="/console/borealis" >Borealis Status</a>' in screen
    assert '<a href="/console/default" aria-current="true">Acme Status</a>' in screen


def test_a_page_that_is_none_is_not_found(alice: Person) -> None:
    assert alice.client.get("/console/nowhere").status_code == 404
    assert alice.client.get("/console/nowhere/posts").status_code == 404


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/console/posts?page=2", "/console/default/posts?page=2"),
        ("/console/posts/new?kind=maintenance&x=%C3%BC", "/console/default/posts/new?kind=maintenance&x=%C3%BC"),
        ("/console/components", "/console/default/components"),
        ("/console/subscribers/abc", "/console/default/subscribers/abc"),
        ("/console/a%3Fb", "/console/default/a%3Fb"),
        ("/console/accounts", "/admin/accounts"),
        ("/console/tokens", "/admin/tokens"),
        ("/console/limits", "/admin/limits"),
        ("/console/outbox/1.eml", "/admin/outbox/1.eml"),
    ],
)
def test_addresses_from_before_lead_on(alice: Person, other: int, old: str, new: str) -> None:
    alice.open("/console/borealis")
    answer = alice.client.get(old)
    assert (answer.status_code, answer.location) == (308, new)


def test_a_form_from_before_is_taken_where_it_leads(alice: Person, other: int) -> None:
    form = form_of(alice.open("/console/default/components"), "/console/default/components")
    sent = alice.send(Form("/console/components", form.fields), {"name": "Search"})
    assert (sent.status_code, sent.location) == (308, form.action)
    assert alice.send(Form(sent.location, form.fields), {"name": "Search"}).status_code == 303
    assert "Search" in alice.open("/console/default/components")
    assert "Search" not in alice.open("/console/borealis/components")


def test_what_is_made_on_a_page_is_on_that_page_alone(alice: Person, other: int) -> None:
    alice.fill("/console/borealis/components", "/components", {"name": "Ships"})
    assert "Ships" in alice.open("/console/borealis/components")
    assert "Ships" not in alice.open("/console/default/components")


def test_another_pages_component_is_not_found(alice: Person, other: int) -> None:
    theirs = make_component(other, "Ships")
    assert alice.client.get(f"/console/default/components/{theirs}").status_code == 404
    path = f"/console/borealis/components/{theirs}"
    form = form_of(alice.open(path), theirs, path)
    wrong = Form(f"/console/default/components/{theirs}", form.fields)
    assert alice.send(wrong, {"name": "Taken"}).status_code == 404
    assert "Ships" in alice.open("/console/borealis/components")
