"""A language is a file: of visitors, of whom each reads errors in the page's language, and of staff."""

from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask

from app.actions.accounts.api_tokens import create_token
from app.actions.pages.pages import edit_page
from app.db import session
from app.models.page import Page
from app.publish.catalogues.errors import ErrorTexts
from app.settings import Settings
from app.shapes import SYSTEM
from tests.cli.shell import Shell
from tests.factories import ALICE
from tests.web.people import browser
from tools import catalogues, error_sentences

MADE_UP = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8"

msgid "The title"
msgstr "Titulu"

msgid "{label} is empty. Enter some text."
msgstr "Enigu tekston: {label} malplenas."

msgid "Page {slug} not found. Pages: {names}."
msgstr "El {names} neniu estas {slug}."
"""


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    path = tmp_path / "eo.po"
    path.write_text(MADE_UP, "utf-8")
    return path


@pytest.mark.database
def test_a_file_changes_errors_in_forms_the_api_and_commands(
    app: Flask, settings: Settings, page_id: int, made_up: Path
) -> None:
    app.config["SETTINGS"] = settings.with_changes(staff_catalogue=made_up)
    said = "Enigu tekston: Titulu malplenas."
    lena = browser(app, "lead")
    lena.get("/console/default/posts/new")
    form = lena.post("/console/default/posts", {"title": "", "body": "We look.", "idempotency_key": "k"})
    assert (form.status_code, said in form.text) == (422, True)
    public_id = session().get_one(Page, page_id).public_id
    bearer = {"Authorization": f"Bearer {create_token(ALICE, name='script', scopes=['posts'])[1]}"}
    sent = {"incident": {"name": "", "body": "We look."}}
    answer = app.test_client().post(f"/api/v1/pages/{public_id}/incidents", json=sent, headers=bearer).get_json()
    assert (answer["fields"]["name"], said in answer["detail"]) == (said, True)
    words = ("component", "list", "--page", "other")
    done = Shell(settings).run(*words, STAFF_CATALOGUE=str(made_up))
    assert (done.returncode, done.stderr) == (2, "candor: El default neniu estas other.\n")
    assert "Page other not found." in Shell(settings).run(*words).stderr


@pytest.mark.database
def test_visitors_read_errors_in_the_pages_language(app: Flask, settings: Settings, page_id: int) -> None:
    edit_page(settings, SYSTEM, page_id, locale="de")
    who = browser(app)
    typed = {"channel": "email", "address": "nobody", "scope": "all"}
    for query, said in (("", "Geben Sie eine gültige E-Mail-Adresse ein"), ("?language=ja", "有効なメールアドレス")):
        who.get(f"/subscribe{query}")
        refused = who.post(f"/subscribe{query}", typed)
        assert (refused.status_code, said in refused.text) == (422, True)
    broken = who.get("/confirm/abcdefghijkm/wrong")
    assert (broken.status_code, 'lang="de"' in broken.text) == (404, True)
    assert "Dieser Link ist nicht gültig." in broken.text and "Zur Statusseite" in broken.text


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("Page two not found. Pages: one, two.", "El one, two neniu estas two."),
        ("The title is empty. Enter some text.", "Enigu tekston: Titulu malplenas."),
        ("The name is empty. Enter some text.", "Enigu tekston: The name malplenas."),
        ("Something else.", "Something else."),
        ("Page {names} not found. Pages: {slug}.", "El {slug} neniu estas {names}."),
    ],
)
def test_values_are_put_into_the_translation(made_up: Path, sentence: str, said: str) -> None:
    with made_up.open("rb") as text:
        messages = {str(one.id): str(one.string) for one in read_po(text) if one.id}
    assert ErrorTexts(messages).say(sentence) == said


def test_a_translation_with_other_blanks_is_not_used() -> None:
    assert ErrorTexts({"No {name}.": "{nomo} mankas."}).say("No tea.") == "No tea."


def test_the_template_for_staff_holds_what_visitors_read_and_more() -> None:
    staff = {str(message.id) for message in catalogues.for_staff()}
    assert staff > set(error_sentences.for_visitors())
    assert {"The title", "Page {slug} not found. Pages: {names}."} < staff
