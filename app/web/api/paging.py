"""Pagination: which part of a list is requested, and where the others are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from flask import Response, after_this_request, request
from sqlalchemy import Select
from werkzeug.urls import iri_to_uri

from app.db import session
from app.inputs.base import from_query
from app.inputs.lists import MOST, LenientPart, Part
from app.web.api import bodies

Listed = TypeVar("Listed")


@dataclass(frozen=True, slots=True)
class _Part:
    """Where it begins, how many rows it holds at most, and the number of its page, from 1."""

    number: int
    count: int

    @property
    def first(self) -> int:
        return (self.number - 1) * self.count


def chosen(query: Select[Listed], *, from_zero: bool = False) -> Sequence[Listed]:
    """The rows of `query` that `page` and `per_page` or `limit` ask for, chosen in the database and not in memory.

    At our own address pages count from 1.  At Statuspage's they do so too, unless this list counts `from_zero` there.

    Raises:
        Invalid: one is no number that makes sense.
    """
    part = _part(from_zero)
    return _told(part, session().scalars(query.offset(part.first).limit(part.count + 1)).all())


def chosen_of(rows: Sequence[Listed]) -> Sequence[Listed]:
    """The same of rows that are all read already, because there are never many.  Raises Invalid."""
    part = _part(from_zero=False)
    return _told(part, rows[part.first : part.first + part.count + 1])


def _part(from_zero: bool) -> _Part:
    if bodies.is_ours():
        asked = from_query(Part, request.args)
        return _Part(asked.page, asked.per_page)
    asked = from_query(LenientPart, request.args)
    return _Part(asked.page + 1 if from_zero else max(asked.page, 1), min(asked.per_page or MOST, MOST))


def _told(part: _Part, rows: Sequence[Listed]) -> Sequence[Listed]:
    """The part, of one row more than it holds; at our own address `Link` (RFC 8288) says where the others are."""
    if bodies.is_ours():
        pages = {"first": 1} | ({"prev": part.number - 1} if part.number > 1 else {})
        pages |= {"next": part.number + 1} if len(rows) > part.count else {}
        links = ", ".join(f'<{_address(number)}>; rel="{name}"' for name, number in pages.items())

        @after_this_request
        def link(response: Response) -> Response:
            response.headers["Link"] = links
            return response

    return rows[: part.count]


def _address(number: int) -> str:
    asked = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]
    return f"{iri_to_uri(request.base_url)}?{urlencode([*asked, ('page', number)])}"
