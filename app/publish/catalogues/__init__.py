"""The translations of what visitors and subscribers read: one file for each language, in gettext's format.

`python -m tools.catalogues` updates them.
"""

import gettext
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from app.vocabulary import Language

FOLDER = Path(__file__).parent


@lru_cache(maxsize=len(Language))
def translations(language: Language) -> gettext.NullTranslations:
    """The catalogue of a language; English needs none.  Read from its text at first use: there is no build step."""
    if language is Language.ENGLISH:
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    path = FOLDER / f"{language.value}.po"
    with path.open("rb") as text:
        catalogue = read_po(text, locale=language.value)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
