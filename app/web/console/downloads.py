"""CSV downloads in pieces, so that a large one needs neither much memory nor a long transaction."""

from collections.abc import Iterable, Iterator, Sequence

from flask import Response, stream_with_context

from app.clock import now
from app.csv_files import written
from app.db import release

BYTE_ORDER_MARK = "\ufeff"  # without it some spreadsheets take UTF-8 for something else


def download(name: str, headings: Sequence[str], pieces: Iterable[Sequence[Sequence[object]]]) -> Response:
    """A sheet as an answer.  `pieces` reads some thousand rows at a time; the database is let go of in between."""
    response = Response(stream_with_context(_lines(headings, pieces)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{now():%Y%m%d-%H%M}.csv"'
    return response


def _lines(headings: Sequence[str], pieces: Iterable[Sequence[Sequence[object]]]) -> Iterator[str]:
    yield BYTE_ORDER_MARK + written([headings])
    for piece in pieces:
        release()
        yield written(piece)
