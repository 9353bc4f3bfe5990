"""The page's look through the console's forms."""

import re
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import session
from app.models.page import Page, PageLogo
from app.vocabulary import ALL_LANGUAGES
from tests import pictures
from tests.factories import make_page
from tests.web.console.person import Person, form_of, text_of

pytestmark = pytest.mark.database


@pytest.fixture
def page_id(app: Flask) -> int:
    """A page in all languages, as one is when it is made."""
    return make_page(languages=ALL_LANGUAGES)


PATH = "/console/default/page"


def page() -> Page:
    session().rollback()
    return session().scalars(select(Page)).one()


def wrong(text: str) -> list[str]:
    return re.findall(r'class="field-error" id="e-(\w+)"', text)


def test_the_form_shows_what_stands_and_saves_what_was_changed(alice: Person, page_id: int) -> None:
    fields = form_of(alice.open(PATH), PATH).fields
    assert fields["locale"] == "en"
    assert fields["languages"] == ["", "en", "de", "fr", "es", "ja", "ar"]
    assert fields["accent"] == ""
    sent = alice.fill(PATH, PATH, {"locale": "de", "languages": ["", "ja"], "accent": "#0A5C36"})
    assert sent.status_code == 303
    assert (page().locale, page().languages, page().accent) == ("de", "de,ja", "#0a5c36")
    shown = alice.open(PATH)
    assert "Saved. The page was made anew." in text_of(shown)
    assert 'fill="#0a5c36"' in shown
    assert form_of(shown, PATH).fields["languages"] == ["", "de", "ja"]


def test_all_languages_but_its_own_can_be_taken_away(alice: Person, page_id: int) -> None:
    assert alice.fill(PATH, PATH, {"languages": ""}).status_code == 303
    assert page().languages == "en"


def test_a_form_without_the_look_leaves_it_as_it_is(alice: Person, page_id: int) -> None:
    alice.fill(PATH, PATH, {"languages": ["", "ja"], "accent": "#0a5c36"})
    form = form_of(alice.open(PATH), PATH)
    for name in ("languages", "accent", "locale"):
        del form.fields[name]
    assert alice.send(form, {"name": "Novel Status"}).status_code == 303
    assert (page().name, page().languages, page().accent) == ("Novel Status", "en,ja", "#0a5c36")


def test_a_color_too_light_comes_back_with_everything_typed(alice: Person, page_id: int) -> None:
    typed = {"name": "Novel Status", "accent": "#ffff00", "languages": ["", "de"], "locale": "de", "url": "nowhere"}
    refused = alice.fill(PATH, PATH, typed)
    assert refused.status_code == 422
    assert wrong(refused.text) == ["url", "accent"]
    assert "too light to read" in refused.text
    fields = form_of(refused.text, PATH).fields
    assert {name: fields[name] for name in typed} == typed
    assert page().revision == 1


@pytest.mark.parametrize(("name", "value"), [("locale", "xx"), ("languages", ["", "xx"]), ("accent", "red")])
def test_what_is_not_offered_is_refused_beside_its_field(
    alice: Person, page_id: int, name: str, value: str | list[str]
) -> None:
    refused = alice.fill(PATH, PATH, {name: value})
    assert (refused.status_code, wrong(refused.text)) == (422, [name])


def test_the_sender_of_mail_is_typed_saved_and_seen_in_the_preview(alice: Person, lena: Person, page_id: int) -> None:
    typed = {
        **form_of(lena.open("/console/default/posts/new"), "/console/default/posts").fields,
        "title": "Slow",
        "body": "We look.",
    }
    assert "From: status@localhost" in text_of(lena.client.post("/console/default/posts/preview", data=typed).text)
    shown = alice.open(PATH)
    assert form_of(shown, PATH).fields["mail_from"] == ""
    assert "Empty means status@localhost." in text_of(shown)
    assert alice.fill(PATH, PATH, {"mail_from": "Acme, Inc. <Status@BÜCHER.example>"}).status_code == 303
    stands = "Acme, Inc. <Status@xn--bcher-kva.example>"
    assert form_of(alice.open(PATH), PATH).fields["mail_from"] == page().mail_from == stands
    assert f"From: {stands}" in text_of(lena.client.post("/console/default/posts/preview", data=typed).text)
    assert alice.fill(PATH, PATH, {"mail_from": " "}).status_code == 303
    assert page().mail_from == ""


@pytest.mark.parametrize(
    "typed",
    [
        "nobody", "@acme.example", "status@", "a@acme.example, b@acme.example", "A <a@b.example>, B <c@d.example>",
        "other@bank.example <status@acme.example>", "Acme <status@acme.example", 'Acme "<status@acme.example>',
        "jürgen@acme.example", "status@-acme.example", "status@10.0.0.1", "status@[10.0.0.1]", "a b@acme.example",
        "A" * 250 + " <status@acme.example>",
    ],
)  # fmt: skip
def test_what_is_not_one_sender_is_refused_beside_its_field(alice: Person, page_id: int, typed: str) -> None:
    refused = alice.fill(PATH, PATH, {"mail_from": typed})
    assert (refused.status_code, wrong(refused.text)) == (422, ["mail_from"])
    assert form_of(refused.text, PATH).fields["mail_from"] == typed
    assert page().mail_from == ""


def test_a_logo_is_put_on_the_page_shown_and_taken_away(alice: Person, page_id: int) -> None:
    assert alice.client.get(f"{PATH}/logo").status_code == 404
    sent = alice.fill(PATH, "/logo", {"logo": (BytesIO(pictures.PNG), "logo.svg")})
    assert sent.status_code == 303
    source = re.search(r'src="(/console/default/page/logo[^"]*)"', alice.open(PATH))
    assert source
    answer = alice.client.get(source[1])
    assert (answer.mimetype, answer.data) == ("image/png", pictures.PNG)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert alice.fill(PATH, "/logo/remove", {}).status_code == 303
    assert "The logo was taken away." in alice.open(PATH)
    session().rollback()
    assert session().scalars(select(PageLogo)).all() == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Choose an image file first."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "PNG, JPEG or WebP"),
        (pictures.png(40, 40, 40_000), "larger than 32 KB"),
        (pictures.png(40, 4000), "40 by 4000 pixels"),
    ],
    ids=range(4),
)
def test_what_is_no_logo_is_refused_beside_its_field(alice: Person, page_id: int, body: bytes, said: str) -> None:
    refused = alice.fill(PATH, "/logo", {"logo": (BytesIO(body), "logo.png")})
    assert (refused.status_code, wrong(refused.text)) == (422, ["logo"])
    assert said in text_of(refused.text)
    assert form_of(refused.text, PATH).fields["name"] == "Acme Status"
    assert alice.fill(PATH, "/logo", {"logo": "no file at all"}).status_code == 422


def test_a_file_over_the_limit_of_all_forms_is_answered_in_words(alice: Person, page_id: int) -> None:
    refused = alice.fill(PATH, "/logo", {"logo": (BytesIO(bytes(1_100_000)), "logo.png")})
    assert refused.status_code == 413
    assert "larger than 1 MB" in refused.text


def test_a_lead_may_not_change_the_look(lena: Person, page_id: int) -> None:
    for path in (PATH, f"{PATH}/logo"):
        assert lena.client.get(path).status_code == 403
