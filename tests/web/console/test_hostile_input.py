"""Bad input: a sentence beside the field, nothing published, nothing typed is lost."""

import pytest
from sqlalchemy import func, select

from app.db import session
from app.models.post import Post
from tests.factories import make_component
from tests.web.console.person import HTMX, Person, form_of, text_of

pytestmark = pytest.mark.database
NEW = "/console/default/posts/new"
GOOD = {"title": "Checkout fails", "body": "We are looking."}


def nothing_published() -> bool:
    session().rollback()
    return session().scalar(select(func.count(Post.id))) == 0


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"title": ""}, "The title is empty."),
        ({"body": "  \n "}, "The text is empty."),
        ({"title": "\x00\x07\u202e"}, "The title is empty."),
        ({"title": "x" * 201}, "The title is too long: 201 characters, the limit is 200."),
        ({"body": "x" * 10_001}, "The text is too long"),
        ({"body": "[" * 60_000}, "The text is too long"),
        ({"status": "scheduled"}, "Scheduled isn't a status"),
        ({"status": "on fire"}, "Choose a status."),
        ({"impact": "apocalypse"}, "Choose an impact"),
        ({"promise": "soon"}, "Choose a time for the next update."),
        ({"promise": "-5"}, "Choose a time for the next update."),
        ({"promise": "at"}, "Enter a time for the next update."),
        ({"promise": "at", "promise_at": "tomorrow"}, "Enter a time such as"),
        ({"promise": "at", "promise_at": "2001-01-01T00:00"}, "has passed"),
        ({"promise": "at", "promise_at": "9999-12-31T23:59"}, "the next 30 days"),
        ({"severity": "P9"}, "Choose P0, P1, P2, P3"),
        ({"record_url": ["https://acme.atlassian.net/browse/OPS-7"]}, "Choose a severity."),
        (
            {"severity": "P1", "record_url": ["data:text/html,alert"]},
            "Enter a valid web address, such as https://example.com.",
        ),
        ({"severity": "P1", "record_key": ["OPS-7"]}, "The record's address is empty."),
        ({"idempotency_key": ""}, "This form is missing its key."),
        ({"effect-nothere12345": "major_outage"}, "One of the components doesn't exist on this page."),
    ],
)
def test_a_sentence_and_everything_typed_survives(lena: Person, typed: dict[str, object], sentence: str) -> None:
    sent = {**GOOD, "notify": "no", **typed}
    refused = lena.fill(NEW, "/console/default/posts", sent)
    assert refused.status_code == 422
    assert sentence in text_of(refused.text)
    assert 'role="alert"' in refused.text
    fields = form_of(refused.text, "/console/default/posts").fields
    for name in ("title", "body"):
        if name not in typed:
            assert fields[name] == GOOD[name]
    assert fields["notify"] == "no"
    assert nothing_published()


def test_every_wrong_field_is_named_at_once_and_linked(lena: Person) -> None:
    refused = lena.fill(NEW, "/console/default/posts", {"title": "", "body": "", "promise": "at"})
    for name in ("title", "body", "next_update_by"):
        assert f'href="#f-{name}"' in refused.text
        assert f'id="f-{name}"' in refused.text
        assert f'id="e-{name}"' in refused.text


def test_a_chosen_component_stays_chosen_after_an_error(lena: Person, page_id: int) -> None:
    api = make_component(page_id)
    refused = lena.fill(NEW, "/console/default/posts", {"title": "", "body": "B", f"effect-{api}": "partial_outage"})
    assert form_of(refused.text, "/console/default/posts").fields[f"effect-{api}"] == "partial_outage"


def test_hostile_text_is_published_harmlessly(lena: Person) -> None:
    typed = {"title": "]]> <script>alert(1)</script> \u202e\ud7ff", "body": "[" * 10_000}
    response = lena.fill(NEW, "/console/default/posts", typed)
    assert response.status_code == 303
    page = lena.open(response.headers["Location"])
    assert "<script>alert" not in page


def test_a_body_of_two_megabytes_is_refused_politely(lena: Person) -> None:
    form = form_of(lena.open(NEW), "/console/default/posts")
    refused = lena.client.post(form.action, data={**form.fields, "title": "T", "body": "x" * 2_000_000})
    assert refused.status_code == 413
    assert "Traceback" not in refused.text


def test_an_empty_post_is_a_sentence(lena: Person) -> None:
    form = form_of(lena.open(NEW), "/console/default/posts")
    response = lena.client.post(form.action, data={"csrf_token": form.fields["csrf_token"]})
    assert response.status_code == 422
    assert "The title is empty." in text_of(response.text)


@pytest.mark.parametrize(
    "path",
    [
        "/console/default/posts/nothere",
        "/console/default/posts/nothere/resolve",
        "/console/default/updates/nothere/correct",
        "/console/default/updates/nothere/deliveries",
        "/console/default/components/nothere",
        "/admin/outbox/nothere.eml",
        "/admin/outbox/..%2fsecret_key",
        "/admin/outbox/secret_key",
        "/board/nothere",
        "/console/default/posts/" + "x" * 3000,
        "/console/default/posts/%00%ff",
    ],
)
def test_wrong_addresses_are_not_found(lena: Person, path: str) -> None:
    response = lena.client.get(path)
    assert response.status_code == 404
    assert "Traceback" not in response.text


@pytest.mark.parametrize("page", ["0", "-1", "zwei", "9" * 40, "²", "10000"])
def test_page_numbers_are_never_an_error(lena: Person, page: str) -> None:
    assert lena.client.get("/console/default/posts", query_string={"page": page}).status_code == 200
    assert (
        lena.client.get("/console/default/subscribers", query_string={"page": page, "q": "%_'\x00"}).status_code == 200
    )


def test_a_half_typed_form_can_be_previewed_and_counted(lena: Person, page_id: int) -> None:
    form = form_of(lena.open(NEW), "/console/default/posts")
    for path in ("/console/default/posts/reach", "/console/default/posts/preview"):
        for typed in ({}, {"status": "nonsense", "impact": "x", "effect-nothere": "y", "promise": "z"}):
            assert lena.client.post(path, data={**form.fields, **typed}, headers=HTMX).status_code == 200
