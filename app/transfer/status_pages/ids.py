"""Foreign ids in another format: each always maps to the same id of ours."""

import hashlib
from dataclasses import replace
from typing import Any

from app.text import ID_LENGTH, ID_LETTERS
from app.transfer.fields import Fields, RowError
from app.transfer.status_pages.documents import ImportedComponent, ImportedDocument, ImportedPost

LONGEST = 64


def read_foreign(raw: Fields, source: str, kind: str, key: str = "id") -> str:
    """The id of ours for a row's own.  Raises RowError."""
    return foreign_id(source, kind, raw.get(key), key)


def foreign_id(source: str, kind: str, value: Any, key: str = "id") -> str:
    """The id of ours for what `source` knows by `value`, a number or a short text.  Raises RowError.

    It is the hash of all three, without a key: the same document gives the same ids wherever it is read.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise RowError(f"its {key} isn't a valid id")
    words = str(value).strip() if isinstance(value, str) or abs(value) < 2**63 else ""
    if not 1 <= len(words) <= LONGEST or not words.isascii() or not words.isprintable():
        raise RowError(f"its {key} isn't a valid id")
    number = int.from_bytes(hashlib.sha256(f"{source}\0{kind}\0{words}".encode()).digest())
    letters = []
    for _ in range(ID_LENGTH):
        number, letter = divmod(number, len(ID_LETTERS))
        letters.append(ID_LETTERS[letter])
    return "".join(letters)


def of_origin(document: ImportedDocument, origin: str) -> ImportedDocument:
    """The document with other ids, so that two installations of one program, which count alike, can be told apart.

    Without a name all stay as they are.  Raises RowError: it is no short name.
    """
    if not origin:
        return document

    def named(one: str) -> str:
        return foreign_id("origin", one, origin, "origin")

    def component(row: ImportedComponent) -> ImportedComponent:
        return replace(row, id=named(row.id), group_id=named(row.group_id) if row.group_id else None)

    def post(row: ImportedPost) -> ImportedPost:
        updates = tuple(replace(update, id=named(update.id)) for update in row.updates)
        return replace(row, id=named(row.id), component_ids=tuple(map(named, row.component_ids)), updates=updates)

    return replace(
        document, components=tuple(map(component, document.components)), posts=tuple(map(post, document.posts))
    )
