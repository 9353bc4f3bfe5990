"""The console with several pages: each address names its page, and a page knows nothing of the others."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.posts.publishing import open_post
from app.db import session
from app.models.incident import Incident
from app.vocabulary import Severity
from tests.deliver.conftest import draft
from tests.factories import ALICE, make_component, make_page
from tests.judge import Browser
from tests.web.console.person import Form, Person, form_of
from tests.web.people import make_account, sign_in

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
        ("/console/posts/a%3Fb", "/console/default/posts/a%3Fb"),
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


@pytest.mark.parametrize(
    "path", ["nosuch", "default/nosuch", "borealis/nosuch", "borealis/posts/a/b/c", "accounts/a/b/c"]
)
def test_an_address_that_never_was_one_leads_nowhere(alice: Person, other: int, path: str) -> None:
    """A redirect to itself, with one more page in front each time, would never end, and browsers keep a 308."""
    for send in (alice.client.get, alice.client.post):
        assert send(f"/console/{path}").status_code in {400, 404}


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


def test_who_has_a_role_on_one_page_knows_of_no_other(app: Flask, page_id: int, other: int) -> None:
    theirs = make_component(other, "Ships")
    make_account("lead", "only@example.com", page_id=page_id)
    only = Browser(app.test_client())
    assert sign_in(only, "only@example.com").status_code == 303
    screen = only.get("/console/default")
    assert screen.status_code == 200
    assert "Switch page" not in screen.text and "Accounts" not in screen.text and "Outbox" not in screen.text
    for path in ("/console/borealis", "/console/borealis/posts", f"/console/borealis/components/{theirs}"):
        answer = only.get(path)
        assert answer.status_code == 404 and "Borealis" not in answer.text, path
    assert only.post("/console/borealis/components", {"name": "Taken"}).status_code == 404
    assert only.get("/console/default/page").status_code == 403, "an admin's"
    for path in ("/admin/accounts", "/admin/limits", "/admin/outbox"):
        assert only.get(path).status_code == 403, path
    assert only.get("/console").location == "/console/default"


def test_the_board_shows_what_is_said_on_pages_that_one_knows(app: Flask, page_id: int, other: int) -> None:
    settings = app.config["SETTINGS"]
    open_post(settings, ALICE, page_id, draft("key-00000001", title="Slow answers", severity=Severity.P1))
    open_post(settings, ALICE, other, draft("key-00000002", title="Sunk ships", severity=Severity.P1))
    open_post(settings, ALICE, other, draft("key-00000003", title="Lost ships"))
    make_account("viewer", "only@example.com", page_id=page_id)
    only = Browser(app.test_client())
    sign_in(only, "only@example.com")
    board = only.get("/board").text
    assert "Slow answers" in board and "ships" not in board
    everybodys = session().scalars(select(Incident).order_by(Incident.id)).all()
    assert [only.get(f"/board/{one.public_id}").status_code for one in everybodys] == [200, 404]
