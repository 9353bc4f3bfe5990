"""The catalogues: every message that a reader can see is there, in every language, with all its blanks."""

import re
import string
from functools import lru_cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from jinja2 import Environment

from app.publish import verdict
from app.publish.catalogues import FOLDER, translations
from app.vocabulary import ComponentStatus, Impact, Language, PostStatus
from tools import catalogues

TEMPLATES = catalogues.TEMPLATES
OTHERS = [language for language in Language if language is not Language.ENGLISH]
SAME = {
    Language.GERMAN: {"{date}, {time}"},
    Language.FRENCH: {"Maintenance", "{count} h", "{count} min", "{date}, {time}"},
    Language.SPANISH: {"{count} h", "{count} min", "{date}, {time}"},
}
"""What is written alike in two languages, and meant so."""

UNTRANSLATED = re.compile(r"\b(Atom|RSS|JSON|Candor)\b")
NOT_SET_UP = "site/not_set_up.html"
"""Shown before there is a page, and so before there is a language."""

SPOKEN_ATTRIBUTES = re.compile(r"\b(?:alt|title|placeholder|aria-label|content|value)=\"([^\"]*)\"")
_MACHINE_WORDS = {
    "website",
    "noindex",
    "summary_large_image",
    "light dark",
    "width=device-width, initial-scale=1",
    "width=device-width,initial-scale=1",
    "all",
    "post",
    "some",
    "email",
    "sms",
}


@lru_cache(maxsize=1)
def template() -> Catalog:
    return catalogues.gathered()


@lru_cache(maxsize=len(Language))
def committed(language: Language) -> Catalog:
    with (FOLDER / f"{language.value}.po").open("rb") as text:
        return read_po(text, locale=language.value)


def keys(catalogue: Catalog) -> set[str | tuple[str, ...]]:
    return {message.id if isinstance(message.id, str) else tuple(message.id) for message in catalogue if message.id}


def forms(said: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The message's forms in English, and in the language."""
    english = (said.id,) if isinstance(said.id, str) else tuple(said.id)
    other = (said.string,) if isinstance(said.string, str) else tuple(said.string or ())
    return english, other


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_nothing_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogues.main(check_only=True) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == [language.value for language in OTHERS]
    assert all(line.endswith(" 0 without a translation") for line in said)


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_holds_exactly_what_there_is_to_say(language: Language) -> None:
    catalogue = committed(language)
    assert keys(catalogue) == keys(template())
    assert not catalogue.obsolete
    assert not [message.id for message in catalogue if message.id and message.fuzzy]


@pytest.mark.parametrize("language", OTHERS)
def test_each_form_of_each_translation_has_the_blanks_of_its_message(language: Language) -> None:
    for said in committed(language):
        if not said.id:
            continue
        english, other = forms(said)
        assert len(other) == (1 if len(english) == 1 else committed(language).num_plurals), said.id
        for form in other:
            lost = blanks(english[-1]) - blanks(form)
            # a language may write none, one or two as a word of its own, as Arabic does
            assert lost == set() or (len(english) > 1 and lost == {"count"} and other.index(form) < 3), (said.id, form)
            assert blanks(form) <= blanks(english[-1]), (said.id, form)


@pytest.mark.parametrize("language", OTHERS)
def test_each_number_finds_a_form(language: Language) -> None:
    spoken = translations(language)
    for said in committed(language):
        if said.id and not isinstance(said.id, str):
            one, many = said.id
            for count in (0, 1, 2, 3, 7, 11, 21, 100, 101, 1_000_000):
                found = spoken.ngettext(one, many, count)
                assert found in forms(said)[1], (one, count)
                assert "{count}" in found or count in {0, 1, 2}, (one, count)


@pytest.mark.parametrize("language", OTHERS)
def test_what_reads_as_in_english_is_on_the_list(language: Language) -> None:
    alike = set()
    for said in committed(language):
        if said.id:
            english, other = forms(said)
            alike |= set(english) & set(other)
    assert alike == SAME.get(language, set())


def test_every_word_of_the_vocabulary_is_there() -> None:
    words = {one.label for kind in (ComponentStatus, PostStatus, Impact) for one in kind}
    words |= {rule.verdict.text for rule in verdict.RULES} | {rule.when for rule in verdict.RULES}
    words |= {said.text for said in verdict.OF_POSTS.values()} | {verdict.ALL_WELL.text}
    assert words - keys(template()) == set()


def public_templates() -> list[Path]:
    return sorted(path for room in ("public", "site", "messages") for path in (TEMPLATES / room).glob("*.html"))


def named(path: Path) -> str:
    return path.relative_to(TEMPLATES).as_posix()


@pytest.mark.parametrize("path", [p for p in public_templates() if named(p) != NOT_SET_UP], ids=named)
def test_no_sentence_of_a_template_stands_outside_of_the_catalogues(path: Path) -> None:
    assert unspoken(path.read_text()) == []


def unspoken(source: str) -> list[str]:
    """The words of a template that no call says: in its text, in attributes that are read out, in its expressions."""
    markup = "".join(_data_of(source))
    found = [value for value in SPOKEN_ATTRIBUTES.findall(markup) if value not in _MACHINE_WORDS]
    found += re.split(r"<[^>]*>", re.sub(r"<[^>]*$|^[^<]*>", "", markup))
    found += _shown_by_expressions(source)
    return [words.strip() for words in found if re.search(r"[^\W\d_]{2,}", UNTRANSLATED.sub("", words))]


def _data_of(source: str) -> list[str]:
    """What the template's author wrote outside of tags, expressions and comments."""
    tokens = Environment().lex(source)
    return ["\x00" if kind == "variable_begin" else value for _, kind, value in tokens if kind in _TEXT]


_TEXT = {"data", "variable_begin"}


def _shown_by_expressions(source: str) -> list[str]:
    """Strings of `{{ … }}` that are no argument of anything and no word of the machine's."""
    shown, depth, inside = [], 0, False
    for _, kind, value in Environment().lex(source):
        if kind in {"variable_begin", "variable_end"}:
            inside, depth = kind == "variable_begin", 0
        elif kind == "operator":
            depth += (value in "([{") - (value in ")]}")
        elif inside and depth == 0 and kind == "string":
            shown.append(value.strip("\"'"))
    return [words for words in shown if words not in {*ComponentStatus, *Impact}]


@pytest.mark.parametrize(
    "source",
    [
        "<p>Something new</p>",
        "{% if x %}<b>New</b>{% endif %}",
        '<nav aria-label="Months of it"></nav>',
        '<img alt="A picture">',
        "{{ 'Several words' if x else _('Others') }}",
        "<p>{{ x }} more</p>",
    ],
)
def test_a_forgotten_sentence_would_be_found(source: str) -> None:
    assert unspoken(source)
