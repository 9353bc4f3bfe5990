"""Texts in several languages: published together, read in the reader's language, corrected and taken back in each."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.actions.posts import drafts
from app.actions.posts.taking_back import withdraw_post
from app.db import session, transaction
from app.deliver import letters as letters_module
from app.deliver import plan
from app.models.announcement import Announcement
from app.models.component import Component, ComponentText
from app.models.post import UpdateRevision
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import ComponentEffect, DraftContent, Letter
from app.vocabulary import ComponentStatus, Language, PostKind, PostStatus
from app.worker.loop import drain
from tests.cli.forked import candor
from tests.deliver.fakes import Edge
from tests.factories import LENA, make_component, make_page, make_subscriber
from tests.processes import environment
from tests.publish.test_taking_back import holding
from tests.web.api.conftest import Script, script, script_with  # noqa: F401

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENGLISH = ("Checkout is slow", "We are looking into *slow* answers.")
GERMAN = ("Kasse ist langsam", "Wir untersuchen *langsame* Antworten.")
OPENED = {"name": ENGLISH[0], "body": ENGLISH[1], "texts": {"de": {"title": GERMAN[0], "body": GERMAN[1]}}}


@pytest.fixture
def page_id(app: Flask) -> int:
    return make_page(languages="en,de,fr")


@pytest.fixture
def ours(script: Script) -> Script:  # noqa: F811
    return Script(script.client, script.token, "/api" + script.root)


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    """Every channel's outside, replaced by one programmable edge."""
    made = Edge()
    monkeypatch.setattr("app.deliver.send.channel", lambda _name: made)
    return made


def pages(settings: Settings, path: str) -> dict[str, str]:
    """A page in each of its languages."""
    root = settings.public_root / "default" / "current"
    return {
        language: (root / ("" if language == "en" else language) / path).read_text() for language in ("en", "de", "fr")
    }


def test_a_draft_in_two_languages_becomes_one_update_in_both(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    component = make_component(page_id, "Checkout")
    with transaction() as writing:
        row = writing.scalars(select(Component).where(Component.public_id == component)).one()
        writing.add(ComponentText(component_id=row.id, language="de", name="Kasse", description=""))
    for locale in ("", "de-AT", "fr"):
        make_subscriber(page_id, f"{locale or 'own'}@example.com", locale=locale)
    content = DraftContent(
        kind=PostKind.INCIDENT,
        status=PostStatus.INVESTIGATING,
        texts={"de": GERMAN, "en": ENGLISH},
        effects=(ComponentEffect(component, ComponentStatus.MAJOR_OUTAGE),),
    )
    with clock.frozen(NOON):
        saved = drafts.save_draft(settings, LENA, page_id, content)
        made = drafts.publish_draft(settings, LENA, page_id, saved.public_id)
    with clock.frozen(NOON + timedelta(minutes=1)):
        plan.plan(plan.due_dispatches(session())[0])
        with transaction() as writing:  # the delivery's language decides, not what is preferred since
            for one in writing.scalars(select(Subscriber)):
                one.locale = one.locale and "ja"
        drain(settings)
    for path in ("index.html", f"incidents/{made.post_id}.html"):
        shown = pages(settings, path)
        assert ENGLISH[0] in shown["en"] and "<em>slow</em>" in shown["en"] and "Kasse" not in shown["en"]
        assert GERMAN[0] in shown["de"] and "<em>langsame</em>" in shown["de"] and ENGLISH[0] not in shown["de"]
        assert "<li>Kasse " in shown["de"] and "<li>Checkout " in shown["en"]
        assert ENGLISH[0] in shown["fr"] and "<em>slow</em>" in shown["fr"], "never nothing"
        assert not any("\x02" in one for one in shown.values())
    feed = (settings.public_root / "default" / "current" / "history.atom").read_text()
    assert ENGLISH[0] in feed and GERMAN[0] not in feed
    summary = json.loads((settings.public_root / "default" / "current" / "api" / "v2" / "summary.json").read_text())
    assert "texts" not in json.dumps(summary)
    got = dict(edge.sent)
    assert GERMAN[0] not in got["own@example.com"].text
    assert GERMAN[0] in got["de-AT@example.com"].subject and "langsame" in got["de-AT@example.com"].html
    assert "- Kasse: Ausfall" in got["de-AT@example.com"].text
    assert '<div class="said" dir="auto" lang="de">' in got["de-AT@example.com"].html
    assert ENGLISH[0] in got["fr@example.com"].subject and "slow" in got["fr@example.com"].text
    assert "Unsubscribe" not in got["fr@example.com"].text, "the rest is in French"


def test_each_language_is_corrected_visibly_and_loses_what_is_not_true_any_more(
    ours: Script, settings: Settings
) -> None:
    with clock.frozen(NOON):
        post = ours.send("POST", "/incidents", {"incident": OPENED})
    assert post["texts"] == {"de": {"title": GERMAN[0]}}
    (update,) = post["incident_updates"]
    assert update["texts"] == {"de": {"body": GERMAN[1]}}
    path, page = f"/incidents/{post['id']}/incident_updates/{update['id']}", f"incidents/{post['id']}.html"

    def correct(minute: int, **words: object) -> dict[str, str]:
        with clock.frozen(NOON + timedelta(minutes=minute)):
            ours.send("PATCH", path, {"incident_update": words})
        return pages(settings, page)

    shown = correct(1, texts={"de": {"body": "Es ist der Rechner in Wien."}})
    assert "der Rechner in Wien" in shown["de"] and "langsame" in shown["de"], "what it said is shown"
    assert "corrected" in shown["de"] and 'class="corrected"' not in shown["en"], "nothing changed for others"
    shown = correct(2, texts={"fr": {"body": "Nous examinons cela."}})
    assert "Nous examinons" in shown["fr"] and 'class="corrected"' not in shown["fr"], "there was none to correct"
    shown = correct(3, body="It is the machine in Paris.", texts={"fr": {"body": "La machine de Paris."}})
    assert "in Paris" in shown["en"] and "<em>slow</em>" in shown["en"]
    assert "La machine de Paris" in shown["fr"] and "Nous examinons" in shown["fr"] and "<em>slow" not in shown["fr"]
    assert "in Paris" in shown["de"] and "in Wien" in shown["de"], "the former text is shown beside the new one"
    assert "<em>slow" not in shown["de"], "readers of German never read that"
    found = ours.get(f"/incidents/{post['id']}")["incident_updates"][0]
    assert found["texts"] == {"fr": {"body": "La machine de Paris."}}
    with clock.frozen(NOON + timedelta(minutes=4)):
        ours.send("PATCH", f"/incidents/{post['id']}", {"incident": {"name": "Payments are slow"}})
        shown = pages(settings, page)
        assert "Payments are slow" in shown["de"] and GERMAN[0] in shown["de"] and ENGLISH[0] not in shown["de"]
        assert ENGLISH[0] in shown["en"] and GERMAN[0] not in shown["en"]
        more = {"status": "identified", "body": "More.", "texts": {"de": {"title": "Zahlungen", "body": "Mehr."}}}
        after = ours.send("PATCH", f"/incidents/{post['id']}", {"incident": more})
    assert after["texts"] == {"de": {"title": "Zahlungen"}}
    assert after["incident_updates"][0]["texts"] == {"de": {"body": "Mehr."}}


def test_what_is_redacted_or_withdrawn_is_gone_in_every_language(
    ours: Script, settings: Settings, page_id: int
) -> None:
    post = ours.send("POST", "/incidents", {"incident": OPENED})
    path = f"/incidents/{post['id']}"
    update = f"{path}/incident_updates/{post['incident_updates'][0]['id']}"
    ours.send("PATCH", update, {"incident_update": {"texts": {"de": {"body": "Der Rechner xyzzy in Wien."}}}})
    ours.send("PATCH", update, {"incident_update": {"texts": {"de": {"body": "Ein Rechner in Wien."}}}})
    assert holding(settings.public_root, "xyzzy")
    ours.send("POST", f"{path}/redaction", {"redaction": {"text": "xyzzy"}})
    ours.send("POST", f"{path}/redaction", {"redaction": {"text": "Kasse"}})
    assert holding(settings.public_root, "xyzzy") == holding(settings.public_root, "Kasse") == []
    assert holding(settings.public_root, "in Wien")
    ours.send("POST", f"{update}/redaction")
    assert holding(settings.public_root, "in Wien") == holding(settings.public_root, "langsame") == []
    session().rollback()
    assert {one.body for one in session().scalars(select(UpdateRevision))} == {"[redacted]"}
    ours.send("PATCH", path, {"incident": {"status": "identified", "body": "x", "texts": {"de": {"body": "Zwei."}}}})
    withdraw_post(settings, LENA, page_id, post["id"], revert_components=True)
    assert holding(settings.public_root, "Zwei.") == []


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"tlh": {"title": "x", "body": "x"}}, "isn't one of the languages en, de, fr"),
        ({"en": {"title": "x", "body": "x"}}, "en is the page's own language"),
        ({"de": {"title": "x"}}, "de: The text is empty"),
        ({"de": {"body": "x"}}, "de: The title is empty"),
        ({"de": {"title": "x" * 201, "body": "x"}}, "de: The title is too long"),
        ({"de": {"title": "x", "body": "x", "text": "y"}}, "de: There is no field text"),
        ({"de": "x"}, "de: Send an object"),
        (["de"], "Send an object that maps languages"),
        ({"de": {"title": "x", "body": "http://db1.corp.internal/"}}, "internal information"),
    ],
)
def test_texts_that_cannot_be_published_are_refused_with_the_reason(ours: Script, texts: object, sentence: str) -> None:
    answer = ours.call("POST", "/incidents", {"incident": {**OPENED, "texts": texts}})
    assert answer.status_code in {409, 422} and sentence in answer.text.replace("\\u2019", "'"), answer.text
    assert ours.get("/incidents") == []
    twice = '{"incident": {"name": "x", "body": "x", "texts": {"de": {"title": "x", "body": "x"}, "de": {}}}}'
    answer = ours.call("POST", "/incidents", data=twice, content_type="application/json")
    assert answer.status_code == 400 and "appears twice" in answer.text


def test_a_draft_keeps_each_language_and_publishes_only_whole_ones(ours: Script) -> None:
    half = {"title": "Slow", "body": "We look.", "texts": {"de": {"title": "Langsam"}}}
    made = ours.send("POST", "/drafts", half)
    assert (made["title"], made["texts"]) == ("Slow", {"de": {"title": "Langsam", "body": ""}})
    answer = ours.call("POST", f"/drafts/{made['id']}/publish", {})
    assert answer.status_code == 422 and "de: The text is empty" in answer.text
    whole = {**half, "texts": {"de": {"title": "Langsam", "body": "Wir schauen."}}}
    ours.send("PUT", f"/drafts/{made['id']}", whole)
    ours.send("POST", f"/drafts/{made['id']}/publish", {})
    assert ours.get("/incidents")[0]["incident_updates"][0]["texts"] == {"de": {"body": "Wir schauen."}}
    assert "texts" not in json.dumps(Script(ours.client, ours.token, ours.root[4:]).get("/incidents"))
    refused = ours.call("POST", "/drafts", {"texts": {"en": {"title": "x", "body": "x"}}})
    assert refused.status_code == 422 and "own language" in refused.text


def test_a_fan_out_words_each_language_once_on_each_channel(
    app: Flask, settings: Settings, page_id: int, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = {"email": "{}@example.com", "sms": "+4366412345{:02}", "webhook": "https://example.com/{}"}
    zones = ("Etc/UTC", "Asia/Tokyo")
    number = 0
    for name, address in channels.items():
        for language in Language:
            for zone in zones:
                number += 1
                make_subscriber(page_id, address.format(number), name, locale=language, time_zone=zone)
    worded: list[tuple[str, Language]] = []
    real = letters_module.words.open_letter

    def counted(*arguments: object) -> object:
        worded.append((str(arguments[2]), Language(str(arguments[3]))))
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(letters_module.words, "open_letter", counted)
    texts = {language.value: (f"Title {language}", f"Words {language}") for language in Language}
    promised = NOON + timedelta(minutes=30)
    content = DraftContent(
        kind=PostKind.INCIDENT, status=PostStatus.INVESTIGATING, texts=texts, next_update_by=promised
    )
    with clock.frozen(NOON):
        saved = drafts.save_draft(settings, LENA, page_id, content)
        drafts.publish_draft(settings, LENA, page_id, saved.public_id)
    with clock.frozen(NOON + timedelta(minutes=1)):
        drain(settings)
    got: dict[str, Letter] = dict(edge.sent)
    assert len(got) == len(channels) * len(Language) * len(zones)
    assert sorted(worded) == sorted((name, language) for name in channels for language in Language)
    mails = [letter for address, letter in got.items() if "@" in address]
    assert {letter.subject[-2:] for letter in mails} == set(Language)
    assert (
        sum("12:30 UTC" in one.text for one in mails) == sum("21:30 JST" in one.text for one in mails) == len(Language)
    )


def test_components_groups_and_templates_have_words_in_other_languages(ours: Script, settings: Settings) -> None:
    words = {"de": {"name": "Kasse", "description": "Bezahlen"}}
    made = ours.send("POST", "/components", {"component": {"name": "Checkout", "description": "Pay", "texts": words}})
    assert made["texts"] == words
    group = {"name": "Shop", "components": [made["id"]], "texts": {"de": {"name": "Laden"}}}
    grouped = ours.send("POST", "/component-groups", {"component_group": group})
    assert grouped["texts"] == {"de": {"name": "Laden", "description": ""}}
    opened = {**OPENED, "components": {made["id"]: "major_outage"}}
    post = ours.send("POST", "/incidents", {"incident": opened})
    for path in ("index.html", f"incidents/{post['id']}.html"):
        shown = pages(settings, path)
        assert "<li>Laden - Kasse " in shown["de"] and "<li>Shop - Checkout " in shown["en"], path
    shown = pages(settings, "index.html")
    assert "Bezahlen" in shown["de"] and "Bezahlen" not in shown["en"] and "Betrifft Kasse" in shown["de"]
    asked = ours.client.get("/subscribe?language=de").text
    assert "<span>Kasse</span>" in asked and ">Laden<" in asked
    ours.send("PATCH", f"/components/{made['id']}", {"component": {"texts": {"fr": {"name": "Caisse"}}}})
    shown = pages(settings, f"incidents/{post['id']}.html")
    assert "Laden - Checkout" in shown["de"] and "Shop - Caisse" in shown["fr"], "others are written again too"
    ours.send("PATCH", f"/components/{made['id']}", {"component": {"status": "operational"}})
    (now,) = ours.get("/components")
    assert now["texts"] == {"fr": {"name": "Caisse", "description": ""}}
    theirs = Script(ours.client, ours.token, ours.root[4:])
    assert "texts" not in json.dumps([theirs.get("/components"), theirs.get("/component-groups")])
    answer = ours.call("POST", "/components", {"component": {"name": "API", "texts": {"en": {"name": "x"}}}})
    assert answer.status_code == 422 and "own language" in answer.text and len(ours.get("/components")) == 1
    words = {"de": {"title": "Netz", "body": "Wir schauen."}}
    template = {"name": "Net", "title": "Network", "body": "We look.", "texts": words}
    assert ours.send("POST", "/incident_templates", {"template": template})["texts"] == words
    assert ours.get("/incident_templates")[0]["texts"] == words


def test_the_command_line_takes_texts_from_a_file(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str, texts: object = None) -> str:
        file = tmp_path / "texts.json"
        file.write_text(texts if isinstance(texts, str) else json.dumps(texts))
        shown = candor([*words, "--texts", str(file)], environment(settings, {}), "")
        return shown.stdout + shown.stderr

    notice = ("announcement", "create", "--title", "We move", "--body", "To *Oslo*.")
    run(*notice, texts={"de": {"title": "Umzug", "body": "Nach *Oslo*."}})
    shown = pages(settings, "index.html")
    assert "Umzug" in shown["de"] and "Nach <em>Oslo</em>" in shown["de"] and "We move" in shown["fr"]
    public_id = session().scalars(select(Announcement.public_id)).one()
    session().rollback()
    stands = candor(["announcement", "edit", public_id, "--title", "We moved"], environment(settings, {}), "")
    assert stands.returncode == 0 and "Umzug" not in pages(settings, "index.html")["de"], (
        "it would not be true any more"
    )
    run("component", "add", "Checkout", texts={"de": {"name": "Kasse"}})
    run("post", "open", "--title", ENGLISH[0], "--body", ENGLISH[1], texts=OPENED["texts"])
    shown = pages(settings, "index.html")
    assert "Kasse<" in shown["de"] and GERMAN[0] in shown["de"] and ENGLISH[0] in shown["en"]
    assert "isn't one of the languages" in run(*notice, texts={"tlh": {"title": "x", "body": "x"}})
    assert "appears twice" in run(*notice, texts='{"de": {}, "de": {}}')
    assert "isn't valid JSON" in run(*notice, texts="{")
