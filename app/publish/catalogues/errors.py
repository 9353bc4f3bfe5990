"""Errors in another language, looked up by their English sentence where they are shown.

An error is raised in English, with its values already in it. Messages have blanks in those places, such as "Page {slug}
not found.", so a sentence is matched against them, and its values are put into the translation. Values that are
messages themselves, such as a field's name, are translated too.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from app.errors import CandorError
from app.publish.catalogues import FOLDER
from app.vocabulary import Language

logger = logging.getLogger(__name__)
_BLANK = re.compile(r"\{(\w+)(?:![rs])?(?::[^}]*)?\}")


class ErrorTexts:
    """The errors of one language.  What isn't translated stays in English."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        whole = {message: said for message, said in messages.items() if not _BLANK.search(message)}
        rest = ((message, said) for message, said in messages.items() if message not in whole)
        self._whole = whole
        self._patterns = [
            (_pattern(message), said)
            for message, said in sorted(rest, key=lambda pair: len(_BLANK.sub("", pair[0])), reverse=True)
            if set(_BLANK.findall(said)) <= set(_BLANK.findall(message))
        ]
        """With the most text of their own first: "{label} is empty." matches less than "The title is empty."."""

    def say(self, sentence: str) -> str:
        """The sentence in this language, or unchanged where it isn't translated."""
        said = self._whole.get(sentence)
        if said is not None:
            return said
        for pattern, translation in self._patterns:
            if found := pattern.fullmatch(sentence):
                values = {name: self.say(value) for name, value in found.groupdict().items()}
                return _filled(translation, values)
        return sentence

    def say_all(self, error: CandorError) -> tuple[str, dict[str, str]]:
        """An error's sentence, and the sentences of its fields."""
        fields: dict[str, str] = getattr(error, "fields", {})
        translated = {name: self.say(sentence) for name, sentence in fields.items()}
        return self.say_with(error.sentence, fields, translated), translated

    def say_with(self, sentence: str, fields: Mapping[str, str], translated: Mapping[str, str]) -> str:
        """A sentence that may be made of those of its fields, as the API and commands join them."""
        if sentence in fields.values() or not any(one in sentence for one in fields.values()):
            return self.say(sentence)
        for name, one in fields.items():
            sentence = sentence.replace(one, translated[name])
        return sentence


def _filled(translation: str, values: Mapping[str, str]) -> str:
    return _BLANK.sub(lambda blank: values[blank[1]], translation)


def _pattern(message: str) -> re.Pattern[str]:
    pieces, names = _BLANK.split(message), set[str]()
    made = re.escape(pieces[0])
    for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
        made += f"(?P={name})" if name in names else f"(?P<{name}>.*?)"
        made += re.escape(text)
        names.add(name)
    return re.compile(made, re.DOTALL)


@lru_cache(maxsize=len(Language))
def of_language(language: Language) -> ErrorTexts:
    """What visitors read in a language."""
    return ErrorTexts({} if language is Language.ENGLISH else _read(FOLDER / f"{language.value}.po"))


@lru_cache(maxsize=4)
def of_file(path: Path | None) -> ErrorTexts:
    """What staff read in the console, the API and commands: English, or the translations in this file (.po)."""
    if path is None:
        return ErrorTexts({})
    try:
        return ErrorTexts(_read(path))
    except (OSError, ValueError) as error:
        logger.warning("errors are shown in English: %s can't be read (%s)", path.name, type(error).__name__)
        return ErrorTexts({})


def _read(path: Path) -> dict[str, str]:
    from babel.messages.pofile import read_po

    with path.open("rb") as text:
        found: Iterable[tuple[object, object]] = [(one.id, one.string) for one in read_po(text) if not one.fuzzy]
    return {name: said for name, said in found if isinstance(name, str) and isinstance(said, str) and name and said}
