"""CSV files: written so that no cell runs as a formula, and read as spreadsheets save them."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from app.errors import Invalid

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
DELIMITERS = ",;\t"
LONGEST_LINE = 100_000
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One line of a sheet.  `number` is where it ends in the file, counted from 1; cells have no space around them."""

    number: int
    cells: tuple[str, ...]


def cell(value: object) -> str:
    """A value as a sheet holds it.  What a spreadsheet would run as a formula gets a quote before it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def uncell(text: str) -> str:
    """What `cell` made its text from."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def written(rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines that end like a spreadsheet's."""
    out = io.StringIO()
    csv.writer(out).writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def check_encoding(file: BinaryIO) -> None:
    """Read the file once to see that all of it is UTF-8, with or without a byte order mark, and go back to its start.

    Raises:
        Invalid: it isn't.
    """
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Invalid.field("file", "The file isn't UTF-8. Save it as “CSV UTF-8” and try again.") from None
    file.seek(0)


def read(file: BinaryIO) -> Iterator[SheetLine]:
    """The lines of a sheet that hold anything, as they are read.  Commas, semicolons or tabs may part its cells.

    Raises:
        Invalid: it isn't a sheet.
    """
    text = io.TextIOWrapper(file, "utf-8-sig", "replace", newline="")
    first = text.readline(LONGEST_LINE)
    delimiter = max(DELIMITERS, key=first.count)
    text.seek(0)
    lines = csv.reader(text, delimiter=delimiter)
    try:
        for found in lines:
            cells = tuple(uncell(value.strip()) for value in found)
            if any(cells):
                yield SheetLine(lines.line_num, cells)
    except csv.Error:
        raise Invalid.field("file", f"Line {lines.line_num + 1} can't be read. Choose a CSV file.") from None
    finally:
        with suppress(ValueError):  # the file was closed by the code that opened it, and no more lines are needed
            text.detach()


def named(line: SheetLine, columns: Sequence[str]) -> Mapping[str, str]:
    """A line's cells by their columns' names; what is missing at its end is empty."""
    return {name: line.cells[number] if number < len(line.cells) else "" for number, name in enumerate(columns)}
