"""The page in each of its languages: sound, whole, and in no other language than it says."""

import re
from functools import lru_cache
from xml.etree.ElementTree import Element

import html5lib
import pytest
from babel.messages.pofile import read_po
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import Client

from app import clock
from app.actions.components.components import create_component
from app.actions.pages.pages import edit_page
from app.actions.posts.correcting import correct_update
from app.actions.posts.publishing import open_post
from app.publish import words
from app.publish.catalogues import FOLDER
from app.publish.refresh import refresh
from app.settings import Settings
from app.vocabulary import ALL_LANGUAGES, Language
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, make_component, make_page
from tests.publish.conftest import BEHIND
from tests.publish.story import NOON, Story, tell
from tests.publish.test_pages import HOSTILE, judged

pytestmark = pytest.mark.database


@pytest.fixture
def page_id(app: Flask) -> int:
    """A page in all languages, as one is when it is made."""
    return make_page(languages=ALL_LANGUAGES)


OTHERS = [language for language in Language if language is not Language.ENGLISH]
READ_OUT = ("alt", "title", "aria-label", "content", "data-mine", "data-unreached", "data-well", "data-unknown")
ALIKE = {"Atom", "RSS", "JSON", "UTC"}
BELONGS_TO_NO_LANGUAGE = re.compile(r"/(assets|api|history\.(atom|rss)|calendar\.ics)")


def at(language: Language, address: str) -> str:
    """Where an English page's address is in another language."""
    return address if language is Language.ENGLISH else f"/{language.value}{address}"


def tree_of(page: bytes) -> Element:
    return html5lib.parse(page.decode(), namespaceHTMLElements=False)


def read_aloud(page: bytes) -> list[str]:
    """All that a reader sees or hears of a page, without the switch between languages."""
    tree = tree_of(page)
    foreign = {id(one) for nav in tree.iter("nav") if nav.get("class") == "languages" for one in nav}
    said = []
    for one in tree.iter():
        if one.tag != "meta" or one.get("name") == "description" or one.get("property") == "og:title":
            said += [one.get(name) or "" for name in READ_OUT]
        said += [one.tail or ""] + ([] if id(one) in foreign or not isinstance(one.tag, str) else [one.text or ""])
    return [text for text in said if text.strip()]


def forms(message: str | tuple[str, ...]) -> tuple[str, ...]:
    """A message in each of its numbers."""
    return (message,) if isinstance(message, str) else tuple(message)


@lru_cache(maxsize=len(Language))
def pieces(language: Language) -> tuple[set[str], str]:
    """What stands between the blanks of the English messages, and all that the language says itself."""
    with (FOLDER / f"{language.value}.po").open("rb") as text:
        catalogue = [message for message in read_po(text) if message.id]
    asked = [one for m in catalogue for one in forms(m.id)]
    english = {piece.strip(" ,:%.") for one in asked for piece in re.split(r"\{\w+\}", one)}
    own = "\n".join(one for m in catalogue for one in forms(m.string))
    return {piece for piece in english if re.search(r"[a-z]{2}", piece)}, own


@pytest.fixture
def story(app: Flask, settings: Settings, page_id: int) -> Story:
    told = tell(settings, page_id)
    with clock.frozen(NOON):
        edit_page(settings, ALICE, page_id, name="Κατάσταση")
    return told


@pytest.mark.parametrize("language", Language)
def test_every_page_is_sound_in_every_language(story: Story, reader: Client, language: Language) -> None:
    with clock.frozen(NOON):
        for address in (*story.addresses, "/incidents/nothere"):
            answer = reader.get(at(language, address))
            assert answer.status_code == (404 if address.endswith("nothere") else 200), address
            judged(answer.data)
            tree = tree_of(answer.data)
            assert (tree.get("lang"), tree.get("dir")) == (language.value, language.direction)
            assert not re.search(r"[\x00-\x08\x0b-\x1f]", answer.text)


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english(story: Story, reader: Client, language: Language) -> None:
    english, own = pieces(language)
    latin = language not in {Language.JAPANESE, Language.ARABIC}
    with clock.frozen(NOON):
        for address in (*story.addresses, "/incidents/nothere"):
            said = read_aloud(reader.get(at(language, address)).data)
            for text in said:
                left = {p for p in english if re.search(rf"\b{re.escape(p)}\b", text) and p not in own}
                assert not left, (address, text, left)
                spelled = {word for word in re.findall(r"(?<!\{)\b[A-Za-z]{2,}", text) if word not in ALIKE}
                assert latin or not spelled, (address, text, spelled)


def test_the_switch_and_the_alternates_lead_to_the_same_page_in_each_language(story: Story, reader: Client) -> None:
    with clock.frozen(NOON):
        for language in Language:
            for address in story.addresses:
                tree = tree_of(reader.get(at(language, address)).data)
                switch = next(one for one in tree.iter("nav") if one.get("class") == "languages")
                led = {one.get("lang"): one.get("href") for one in switch}
                alternates = {one.get("hreflang"): one.get("href") for one in tree.iter("link") if one.get("hreflang")}
                assert list(led) == list(alternates) == list(Language)
                assert [one.get("lang") for one in switch if one.get("aria-current")] == [language.value]
                assert next(one.get("href") for one in tree.iter("link") if one.get("rel") == "canonical") == (
                    f"http://localhost:8000{address}"
                )
                for code, href in led.items():
                    assert alternates[code] == f"http://localhost:8000{href}"
                    answer = reader.get(href or "")
                    assert (answer.status_code, tree_of(answer.data).get("lang")) == (200, code), href


@pytest.mark.parametrize("language", Language)
def test_links_stay_in_the_language(story: Story, reader: Client, language: Language) -> None:
    with clock.frozen(NOON):
        for address in (*story.addresses, "/incidents/nothere"):
            tree = tree_of(reader.get(at(language, address)).data)
            switch = {one.get("href") for nav in tree.iter("nav") if nav.get("class") == "languages" for one in nav}
            led = {one.get("href") or "" for one in tree.iter("a")} - switch
            internal = {href for href in led if href.startswith("/") and not BELONGS_TO_NO_LANGUAGE.match(href)}
            subscribe = {href for href in internal if href.startswith("/subscribe")}
            spoken = {href.partition("language=")[2] for href in subscribe}
            assert spoken == {"" if language is Language.ENGLISH else language.value}, subscribe
            for href in internal - subscribe:
                answer = reader.get(href)
                assert (answer.status_code, tree_of(answer.data).get("lang")) == (200, language.value), href


def test_a_page_in_another_language_of_its_own(story: Story, settings: Settings, page_id: int, reader: Client) -> None:
    with clock.frozen(NOON):
        edit_page(settings, ALICE, page_id, locale="de", languages=["de", "en", "ar"])
        for address in (*story.addresses, "/incidents/nothere"):
            for prefix, code in (("", "de"), ("/en", "en"), ("/ar", "ar"), ("/de", "de"), ("/fr", "de"), ("/ja", "de")):
                found = tree_of(reader.get(f"{prefix}{address}").data)
                assert (found.get("lang"), found.find("body/header/p/a").get("href")) == (  # type: ignore[union-attr]
                    code, "/" if code == "de" else f"/{code}/",
                )  # fmt: skip
        own = tree_of(reader.get("/").data)
        assert [one.get("hreflang") for one in own.iter("link") if one.get("hreflang")] == ["de", "en", "ar"]
        assert reader.get("/xx").data == reader.get("/en-GB").data == reader.get("/DE").data == BEHIND


def test_a_page_with_one_language_shows_no_switch(
    story: Story, settings: Settings, page_id: int, reader: Client
) -> None:
    with clock.frozen(NOON):
        edit_page(settings, ALICE, page_id, locale="ja", languages=[])
        for address in (*story.addresses, "/incidents/nothere"):
            page = reader.get(address)
            assert b"languages" not in page.data and b"hreflang" not in page.data
            assert reader.get(f"/en{address}").data == page.data


def test_prefixes_of_prefixes_are_nothing_however_many(story: Story, reader: Client) -> None:
    with clock.frozen(NOON):
        for address in ("/de/de", "/de/fr", "/de/en/history", "/de" * 3000, "/ar" * 3000 + "/history"):
            answer = reader.get(address)
            assert answer.status_code == 404 or answer.data == BEHIND, address[:20]


def test_feeds_and_the_api_are_the_same_in_every_language(story: Story, reader: Client) -> None:
    with clock.frozen(NOON):
        feeds = ("/history.atom", "/history.rss", "/calendar.ics")
        for address in (*feeds, "/api/v2/summary.json", "/api/v2/status.json"):
            own = reader.get(address)
            assert own.status_code == 200
        said = reader.get("/api/v2/status.json").json
        assert said is not None and said["status"]["description"] == "Partial System Outage"
        assert "Identified" in reader.get("/history.atom").text


TRICKS = ["{name}", "{0}", "{", "%s %(name)s %", "\x020\x03", "\x02999999\x03", "&#2;0&#3;", "{{ _('History') }}"]


@pytest.mark.parametrize("typed", TRICKS)
def test_text_that_looks_like_our_own_marks_is_only_text(
    app: Flask, settings: Settings, page_id: int, reader: Client, typed: str
) -> None:
    edit_page(settings, ALICE, page_id, name=f"Name {typed}")
    component = create_component(settings, ALICE, page_id, name=f"Part {typed}", description=typed + ".")
    made = open_post(
        settings, LENA, page_id, draft("trick-000001", component, title=f"Title {typed}", body=f"B {typed}")
    )
    correct_update(settings, LENA, page_id, made.update_id, f"Corrected {typed}", 1)
    seen = re.sub(r"[\x02\x03]", "", typed)
    for language in Language:
        for address in ("/", "/history", f"/incidents/{made.post_id}"):
            page = reader.get(at(language, address))
            judged(page.data)
            told = "\n".join(read_aloud(page.data))
            assert f"Name {seen}" in told and f"Title {seen}" in told
            assert not re.search(r"[\x02\x03]", page.text)
        assert f"Part {seen}" in "\n".join(read_aloud(reader.get(at(language, "/")).data))


def test_marks_that_came_past_the_cleaning_break_nothing(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    make_component(page_id, "Part \x02999999\x03\x020\x03.")
    refresh(settings, page_id)
    for language in Language:
        page = reader.get(at(language, "/"))
        judged(page.data)
        assert not re.search(r"[\x02\x03]", page.text)


@hypothesis_settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.text(max_size=300), st.text(max_size=60), st.sampled_from(Language))
def test_whatever_is_typed_the_page_is_sound_in_any_language(
    app: Flask, settings: Settings, page_id: int, reader: Client, title: str, body: str, name: str, language: Language
) -> None:
    key = f"any-{words.span(0)}-{abs(hash((title, body, name, language)))}"
    component = create_component(settings, ALICE, page_id, name=f"{key[-12:]} {name}")
    about = draft(key, component, title=f"T {title}", body=f"B {body}", acknowledged=True)
    made = open_post(settings, LENA, page_id, about)
    for address in ("/", f"/incidents/{made.post_id}", "/history"):
        page = reader.get(at(language, address))
        judged(page.data)
        assert page.status_code == 200 and f"/incidents/{made.post_id}" in page.text


@pytest.mark.parametrize("typed", HOSTILE, ids=lambda typed: repr(typed[:20]))
def test_hostile_text_is_harmless_in_the_other_direction_too(
    app: Flask, settings: Settings, page_id: int, reader: Client, typed: str
) -> None:
    about = draft(title=f"Title {typed}"[:190], body=f"Body {typed}"[:10_000], acknowledged=True)
    made = open_post(settings, LENA, page_id, about)
    for address in ("/ar", f"/ar/incidents/{made.post_id}", "/ar/history"):
        page = reader.get(address)
        judged(page.data)
        assert page.status_code == 200 and 'dir="rtl"' in page.text and "Title" in page.text


def test_a_number_is_written_as_its_language_writes_it(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    make_component(page_id)
    refresh(settings, page_id)
    for language in Language:
        mark = "," if language in {Language.GERMAN, Language.FRENCH, Language.SPANISH} else "."
        page = tree_of(reader.get(at(language, "/")).data)
        readouts = ["".join(one.itertext()) for one in page.iter("span") if one.get("class") == "readout"]
        assert readouts and all(f"100{mark}00" in one for one in readouts)
        assert {one.get("value"): one.text for one in page.iter("data")}["0.5"] == f"0{mark}5"
