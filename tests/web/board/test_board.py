"""The internal board: read by everybody signed in, changed by responders, never public."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.posts.publishing import open_post
from app.clock import frozen, now
from app.db import session
from app.models.incident import Incident
from app.queries.incidents import incident_row
from app.settings import Settings
from app.shapes import PostDraft, RecordLinkDraft
from app.vocabulary import PostKind, PostStatus, Role, Severity
from tests.factories import LENA
from tests.web.console.cast import sign_in
from tests.web.console.person import Person, form_of, text_of
from tests.web.people import make_account

pytestmark = pytest.mark.database


@pytest.fixture
def ravi(app: Flask, page_id: int) -> Person:
    return sign_in(app, "ravi")


@pytest.fixture
def incident(settings: Settings, page_id: int) -> str:
    """The public id of an open incident with one record and a promise."""
    links = (RecordLinkDraft("OPS-7", "https://acme.atlassian.net/browse/OPS-7"),)
    draft = PostDraft(
        PostKind.INCIDENT, "Checkout fails", PostStatus.INVESTIGATING, "We are looking.", "key-000000001",
        severity=Severity.P1, record_links=links,
    )  # fmt: skip
    open_post(settings, LENA, page_id, draft)
    return session().scalars(select(Incident.public_id)).one()


def test_the_board_shows_what_is_open_and_what_is_overdue(ravi: Person, incident: str) -> None:
    page = text_of(ravi.open("/board"))
    assert "P1 Checkout fails" in page
    assert "OPS-7" in page
    assert "due in" in page
    with frozen(now() + timedelta(hours=2)):
        assert "overdue by" in text_of(ravi.open("/board"))


def test_a_responder_keeps_the_record(ravi: Person, incident: str) -> None:
    path = f"/board/{incident}"
    assert ravi.fill(path, "/records", {"record_url": "https://github.com/acme/shop/issues/9"}).status_code == 303
    assert ravi.fill(path, "/severity", {"severity": "P0"}).status_code == 303
    assert ravi.fill(path, "/timeline", {"text": "Rolled back."}).status_code == 303
    assert ravi.fill(path, "/roles", {"person": "Mia"}).status_code == 303
    page = text_of(ravi.open(path))
    for words in ("GitHub", "Severity changed from P1 to P0", "Rolled back.", "Incident Commander: Mia"):
        assert words in page


@pytest.mark.parametrize(
    ("form", "typed", "status"),
    [
        ("/records", {"record_url": "OPS"}, 422),
        ("/records", {"record_url": "https://acme.atlassian.net/browse/OPS-7"}, 409),
        ("/severity", {"severity": "P7"}, 422),
        ("/timeline", {"text": " "}, 422),
        ("/roles", {"role": "king"}, 422),
    ],
)
def test_what_can_not_be_taken_is_said(
    ravi: Person, incident: str, form: str, typed: dict[str, str], status: int
) -> None:
    refused = ravi.fill(f"/board/{incident}", form, typed)
    assert refused.status_code == status
    assert 'role="alert"' in refused.text
    for name, value in typed.items():
        if name == "record_url":
            assert form_of(refused.text, form).fields[name] == value


def test_a_viewer_reads_only(app: Flask, page_id: int, incident: str) -> None:
    vera = sign_in(app, "vera")
    page = vera.open(f"/board/{incident}")
    assert '<form method="post" action="/board' not in page
    assert vera.client.post(f"/board/{incident}/severity", data={"severity": "P0"}).status_code == 403


def test_an_incident_is_declared_before_anything_is_public(app: Flask, settings: Settings, page_id: int) -> None:
    lena = sign_in(app, "lena")
    refused = lena.fill("/board/new", "/board/new", {"title": "Checkout fails", "record_url": "OPS"})
    assert refused.status_code == 422
    assert form_of(refused.text, "/board/new").fields["title"] == "Checkout fails"
    assert session().scalars(select(Incident)).all() == []
    session().rollback()
    made = lena.fill("/board/new", "/board/new", {"title": "Checkout fails", "severity": "P1"})
    path = made.headers["Location"]
    assert "No public update yet" in text_of(lena.open("/board"))
    address = re.search(r'href="(/console/default/posts/new\?incident=[^"]+)"', lena.open(path))
    assert address is not None
    typed = {"title": "Payments fail", "body": "We are looking.", "promise": "30"}
    saved = lena.fill(address[1], "/console/default/posts", typed)
    assert saved.status_code == 303, text_of(saved.text)
    page = text_of(lena.open(path))
    assert "Payments fail" in page
    assert "Write the first update" not in page
    assert "Resolve incident" not in page, "its post is still open"
    assert "P1" in text_of(lena.open(saved.headers["Location"]))


def test_a_draft_keeps_the_incident_it_will_speak_for(app: Flask, settings: Settings, page_id: int) -> None:
    lena = sign_in(app, "lena")
    path = lena.fill("/board/new", "/board/new", {"title": "Checkout fails", "severity": "P1"}).headers["Location"]
    public_id = path.rsplit("/", 1)[1]
    form = form_of(lena.open(f"/console/default/posts/new?incident={public_id}"), "/posts")
    assert form.fields["incident"] == public_id
    form.action = "/console/default/drafts"
    saved = lena.send(form, {"title": "Payments fail", "body": "We are looking."})
    draft_path = lena.client.get(saved.headers["Location"]).headers["Location"]
    again = form_of(lena.open(draft_path), "/posts")
    assert (again.fields["incident"], again.fields["title"]) == (public_id, "Payments fail")
    assert lena.send(again, {"promise": "30"}).status_code == 303
    assert [post.title for post in incident_row(session(), public_id).posts] == ["Payments fail"]
    session().rollback()
    assert lena.client.get("/console/default/posts/new?incident=nobody").status_code == 404


def test_roles_are_accounts_or_names(app: Flask, ravi: Person, incident: str) -> None:
    path, mia = f"/board/{incident}", make_account(Role.RESPONDER, "mia@example.com", "Mia")
    role = {"role": "deputy_operations_lead"}
    assert ravi.fill(path, "/roles", {**role, "account": mia}).status_code == 303
    assert "Mia" in text_of(ravi.open(path))
    refused = ravi.fill(path, "/roles", {**role, "account": mia, "person": "Someone"})
    assert refused.status_code == 422
    assert "not both" in refused.text
    assert ravi.fill(path, "/roles", {**role, "account": "", "person": "Someone"}).status_code == 303
    roles = incident_row(session(), incident).roles
    assert [(one.person, one.account_id, one.to_at is None) for one in roles] == [
        ("Mia", mia, False),
        ("Someone", "", True),
    ]


def test_nobody_reads_it_signed_out(app: Flask, incident: str) -> None:
    response = app.test_client().get(f"/board/{incident}")
    assert response.status_code == 303
    assert "sign-in" in response.headers["Location"]
