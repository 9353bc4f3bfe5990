"""Gathers what visitors and subscribers read from templates, vocabulary and errors, and updates every catalogue.

`python -m tools.catalogues` writes the catalogues of all languages. `python -m tools.catalogues check` prints what is
missing or out of date, and exits with 1 if anything is. `python -m tools.catalogues staff` prints a template of all
errors, for a translation that STAFF_CATALOGUE names.
"""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from app.publish.catalogues import FOLDER
from app.publish.labels import COUNTED, labels
from app.vocabulary import Language
from app.web.problems import TITLES
from tools import error_sentences

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
PATTERNS = ("public/**.html", "site/**.html", "messages/**.html", "messages/**.txt", "problem.html")
METHODS = [(pattern, "jinja2.ext:babel_extract") for pattern in PATTERNS]
OPTIONS = {pattern: {"trimmed": "true", "silent": "false"} for pattern, _ in METHODS}


def gathered() -> Catalog:
    """Every message there is, with where it stands."""
    catalogue = Catalog(project="Candor", fuzzy=False)
    for filename, _line, message, comments, context in extract_from_dir(TEMPLATES, METHODS, OPTIONS):
        catalogue.add(message, None, [(filename, None)], auto_comments=comments, context=context)  # type: ignore[list-item]
    for message in (*labels(), *COUNTED, *TITLES.values()):
        catalogue.add(message, None, [("vocabulary", None)])  # type: ignore[list-item]
    _add(catalogue, error_sentences.for_visitors())
    return catalogue


def for_staff() -> Catalog:
    """Every error there is, with where it is raised."""
    catalogue = Catalog(project="Candor", fuzzy=False)
    for message in TITLES.values():
        catalogue.add(message, None, [("web/problems.py", None)])  # type: ignore[list-item]
    _add(catalogue, error_sentences.for_everybody())
    return catalogue


def _add(catalogue: Catalog, sentences: dict[str, set[str]]) -> None:
    for message, modules in sentences.items():
        catalogue.add(message, None, [(module, None) for module in sorted(modules)])  # type: ignore[misc]


def brought_up_to_date(language: Language, template: Catalog) -> Catalog:
    """A language's catalogue with every message of `template`, and no other; what is new is empty."""
    path = FOLDER / f"{language.value}.po"
    with path.open("rb") as text:
        catalogue = read_po(text, locale=language.value)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def missing(catalogue: Catalog) -> list[str]:
    """The messages that have no translation, or not in every form of the number."""
    found = []
    for message in catalogue:
        said = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and not all(said):
            found.append(str(message.id))
    return found


def main(check_only: bool) -> int:
    template, wrong = gathered(), 0
    for language in Language:
        if language is Language.ENGLISH:
            continue
        catalogue = brought_up_to_date(language, template)
        untranslated = missing(catalogue)
        wrong += len(untranslated)
        print(f"{language.value}: {len(catalogue)} messages, {len(untranslated)} without a translation")
        if not check_only:
            with (FOLDER / f"{language.value}.po").open("wb") as file:
                write_po(file, catalogue, width=110, sort_output=True, include_lineno=False, omit_header=False)
    return 1 if check_only and wrong else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["staff"]:
        write_po(sys.stdout.buffer, for_staff(), width=110, sort_output=True, include_lineno=False)
        sys.exit()
    sys.exit(main(sys.argv[1:] == ["check"]))
