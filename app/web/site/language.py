"""The language of a visitor's page: the one its address asks for, else the page's own."""

from dataclasses import replace
from typing import Any

from flask import render_template, request

from app.publish import phrases
from app.queries.visitor_pages import VisitorPage
from app.web.pages import visited_page
from app.web.wording import chosen_language


def render(template: str, page: VisitorPage, **context: Any) -> str:
    """A visitor's page in their language."""
    chosen = chosen_language()
    language = chosen or page.language
    with phrases.speaking(language):
        is_here = page.slug == visited_page()
        root = phrases.root(page.language, request.script_root if is_here else page.url)
        return render_template(
            template,
            page=replace(
                page,
                base=request.script_root,
                choices=tuple(choice.in_language(language) for choice in page.choices),
            ),
            spoken=language,
            chosen_language=chosen,
            root=root,
            **phrases.GLOBALS,
            **context,
        )
