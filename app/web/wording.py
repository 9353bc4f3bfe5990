"""The language of errors: the visitor's on visitors' pages, and that of the staff catalogue everywhere else."""

from flask import current_app, request

from app.errors import CandorError
from app.publish.catalogues.errors import ErrorTexts, of_file, of_language
from app.queries.visitor_pages import find_page
from app.settings import Settings
from app.vocabulary import Language
from app.web.pages import visited_page

VISITORS = "site"


def chosen_language() -> Language | None:
    """The language that the address asks for, as in `?language=de`; None if it doesn't ask for one that Candor has."""
    code = request.args.get("language", "")
    return Language(code) if code in set(Language) else None


def visitor_language(*, ask_database: bool = True) -> Language | None:
    """The language of the visitor's page; None everywhere else.  English while it can't be known."""
    if request.blueprint != VISITORS:
        return None
    chosen = chosen_language()
    if chosen is None and ask_database:
        try:
            found = find_page(slug=visited_page())
        except CandorError:
            found = None
        chosen = found.language if found else None
    return chosen or Language.ENGLISH


def error_texts(language: Language | None = None) -> ErrorTexts:
    """The errors in this language, or in the staff's."""
    if language is not None:
        return of_language(language)
    settings: Settings = current_app.config["SETTINGS"]
    return of_file(settings.staff_catalogue)
