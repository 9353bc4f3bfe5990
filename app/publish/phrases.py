"""The page's messages in the reader's language.

A public page is rendered once, with its messages left open, and then translated into each language: rendering costs
some twenty milliseconds, translating it less than two.  Outside of such a draft, messages are translated at once.
"""

import re
import secrets
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import partial
from itertools import chain, zip_longest
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from app.publish import words
from app.publish.catalogues import translations
from app.text import markdown_to_text
from app.vocabulary import Language

Phrase = Callable[[Language], Markup]
LEEWAY = 5
"""So many characters more than asked for are shown before a text is cut."""


class MarkedPage:
    """A page whose words are still open: a mark takes the place of each.

    User text holds no such mark: cleaning took it, and what came past the cleaning doesn't know this draft's.
    """

    def __init__(self) -> None:
        self._phrases: list[Phrase] = []
        self._marks: dict[Hashable, Markup] = {}
        self._seal = secrets.token_hex(4)
        self._open = re.compile(f"\x02{self._seal}([0-9]+)\x03")

    def leave_open(self, key: Hashable, phrase: Phrase) -> Markup:
        """A mark for `phrase`; the same `key` gets the same one."""
        mark = self._marks.get(key)
        if mark is None:
            mark = self._marks[key] = Markup("\x02{}{}\x03").format(self._seal, len(self._phrases))
            self._phrases.append(phrase)
        return mark

    def put(self, text: str, languages: Iterable[Language]) -> dict[Language, str]:
        """`text` with every mark replaced by its phrase, in each of the languages."""
        pieces = self._open.split(text)
        between = [_unmarked(piece) for piece in pieces[::2]]
        return {language: self._put(between, pieces[1::2], language) for language in languages}

    def _put(self, between: Sequence[str], places: Sequence[str], language: Language) -> str:
        said = {place: self._say(place, language) for place in set(places)}
        phrases = (said[place] for place in places)
        return "".join(chain.from_iterable(zip_longest(between, phrases, fillvalue="")))

    def _say(self, place: str, language: Language) -> str:
        """A phrase, in which others may be."""
        return _unmarked(self._open.sub(lambda mark: self._say(mark[1], language), self._phrases[int(place)](language)))


def _unmarked(text: str) -> str:
    """What is left over is no mark of ours; a table to translate by would cost thirty times as much."""
    return text.replace("\x02", "").replace("\x03", "")


_draft: ContextVar[MarkedPage | None] = ContextVar("draft", default=None)
_language: ContextVar[Language] = ContextVar("language", default=Language.ENGLISH)


@contextmanager
def drafting() -> Iterator[MarkedPage]:
    """While the block runs, words are left open in the draft that it is given."""
    draft = MarkedPage()
    token = _draft.set(draft)
    try:
        yield draft
    finally:
        _draft.reset(token)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """While the block runs, words are said in `language`."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def spoken() -> Language:
    """The language in which words are said at once."""
    return _language.get()


def _say(key: Hashable, phrase: Phrase) -> Markup:
    draft = _draft.get()
    return phrase(_language.get()) if draft is None else draft.leave_open(key, phrase)


def gettext(message: str, **values: object) -> Markup:
    """`message` in the reader's language, `{names}` in it filled in with `values`; all of it escaped."""
    return _say(
        ("text", message, *values.items()), lambda language: _filled(translations(language).gettext(message), values)
    )


def ngettext(one: str, many: str, count: int, **values: object) -> Markup:
    """The form of a message that `count` asks for in the reader's language; `{count}` is filled in."""
    values = {"count": count, **values}
    return _say(
        ("number", one, *values.items()),
        lambda language: _filled(translations(language).ngettext(one, many, count), values),
    )


def _filled(text: str, values: dict[str, object]) -> Markup:
    said = escape(text)
    return said.format(**values) if values else said


def language_code() -> Markup:
    """The language's code, as in `lang`."""
    return _say("code", lambda language: escape(language.value))


def locale_code() -> Markup:
    """The language as Open Graph writes it, with the country where it is mostly spoken."""
    return _say("locale", lambda language: escape(_LOCALES[language]))


def direction() -> Markup:
    """ "ltr" or "rtl", as in `dir`."""
    return _say("direction", lambda language: escape(language.direction))


def root(own: Language, base: str = "") -> Markup:
    """What addresses of pages begin with: the page's `base`, and in another language than its own "/de"."""
    return _say(("root", own), lambda language: escape(base if language is own else f"{base}/{language.value}"))


def query(own: Language, begins: str = "?") -> Markup:
    """What the application's addresses end with, so that a visitor's page speaks the same language."""
    return _say(
        ("query", own, begins), lambda language: escape("" if language is own else f"{begins}language={language.value}")
    )


class _Sanitized(str):
    """HTML from the sanitizer, which isn't escaped a second time."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def in_language(own: str, others: Mapping[str, str]) -> str:
    """What someone wrote for the page, in the reader's language; `own` where nothing is in it."""
    if not others:
        return own
    return _say(("own", own, *others.items()), lambda language: escape(others.get(language, own)))


def html_in_language(own: str, others: Mapping[str, str]) -> Markup:
    """The same of text that the sanitizer made HTML of."""
    if not others:
        return escape(_Sanitized(own))
    return _say(("html", own, *others.items()), lambda language: escape(_Sanitized(others.get(language, own))))


def excerpt(own: str, others: Mapping[str, str], length: int) -> str:
    """The beginning of such a text without its Markdown, in the reader's language."""
    return in_language(_begun(own, length), {language: _begun(other, length) for language, other in others.items()})


def _begun(text: str, length: int) -> str:
    said = markdown_to_text(text)
    return said if len(said) <= length + LEEWAY else f"{said[: length - 3].rsplit(' ', 1)[0]}..."


def only_in(wanted: Language, said: Markup) -> Markup:
    """`said`, a piece of our own markup, in one language; nothing in the others."""
    return _say(("only", wanted, said), lambda language: said if language is wanted else Markup())


_LOCALES = {
    Language.ENGLISH: "en_US",
    Language.GERMAN: "de_DE",
    Language.FRENCH: "fr_FR",
    Language.SPANISH: "es_ES",
    Language.JAPANESE: "ja_JP",
    Language.ARABIC: "ar_AR",
}


class _Words:
    """`app.publish.words`, for templates: the same functions, without the language."""

    def when(self, at: datetime, zone: ZoneInfo) -> Markup:
        return _say(("when", at, zone.key), lambda language: escape(words.when(at, zone, language)))

    def moment(self, at: datetime, now: datetime | None, zone: ZoneInfo) -> Markup:
        return _say(("moment", at, now, zone.key), lambda language: escape(words.moment(at, now, zone, language)))

    def clock_time(self, at: datetime, zone: ZoneInfo) -> Markup:
        return _say(("clock", at, zone.key), lambda _: escape(words.clock_time(at, zone)))

    def day(self, of: date) -> Markup:
        return _say(("day", of), lambda language: escape(words.day(of, language)))

    def days(self, first: date, last: date) -> Markup:
        return _say(("days", first, last), lambda language: escape(words.days(first, last, language)))

    def short_day(self, of: date) -> Markup:
        return _say(("short day", of), lambda language: escape(words.short_day(of, language)))

    def month(self, of: date) -> Markup:
        return _say(("month", of), lambda language: escape(words.month(of, language)))

    def decimal(self, number: str) -> Markup:
        return _say(("decimal", number), lambda language: escape(words.decimal(number, language)))

    def span(self, seconds: float) -> Markup:
        return _say(("span", seconds), lambda language: escape(words.span(seconds, language)))


WORDS = _Words()
GLOBALS = {
    "_": gettext,
    "ngettext": ngettext,
    "language_code": language_code,
    "locale_code": locale_code,
    "direction": direction,
    "root_of": root,
    "only_in": only_in,
    "in_language": in_language,
    "html_in_language": html_in_language,
    "excerpt": excerpt,
    "words": WORDS,
    "Language": Language,
}
"""What templates may call."""


def plain_text(language: Language, message: str, **values: object) -> str:
    """`message` in a language, `{names}` in it filled in with `values`; nothing is escaped, for what is no HTML."""
    said = translations(language).gettext(message)
    return said.format(**values) if values else said


def plain_globals(language: Language) -> dict[str, object]:
    """What templates of plain text may call instead of `GLOBALS`."""
    return {"_": partial(plain_text, language)}
