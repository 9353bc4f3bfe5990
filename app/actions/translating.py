"""The words of components, groups, templates and announcements in languages other than the page's own."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticCustomError
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.errors import Invalid
from app.inputs.fields import TranslatedTexts, Words, refuse_own
from app.models.page import Page


def read_words(kind: TranslatedTexts, page: Page, texts: Mapping[str, Mapping[str, str]]) -> Words:
    """The words in each language, cleaned.

    Raises:
        Invalid: a language is the page's own or not one of Candor's; or its words can't be accepted.
    """
    try:
        words = kind.read(texts)
    except PydanticCustomError as error:
        raise Invalid.field("texts", error.message()) from None
    refuse_own(words, page.locale)
    return words


def replace_words(
    session: Session, owner: InstrumentedAttribute[int], owner_id: int, words: Mapping[str, Mapping[str, str]]
) -> bool:
    """Have something say exactly these words in other languages, by its column in the table of texts; whether that
    changed anything.
    """
    table: Any = owner.class_
    held = {row.language: row for row in session.scalars(select(table).where(owner == owner_id))}
    gone = [row for language, row in held.items() if language not in words]
    for row in gone:
        session.delete(row)
    has_changed = bool(gone)
    for language, said in words.items():
        row = held.get(language) or table(**{owner.key: owner_id, "language": language})
        if any(getattr(row, name) != value for name, value in said.items()):
            has_changed = True
            for name, value in said.items():
                setattr(row, name, value)
            session.add(row)
    session.flush()
    return has_changed
