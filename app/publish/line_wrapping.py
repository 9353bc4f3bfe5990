"""Line wrapping: Markdown as plain text in lines of at most 72 columns."""

import re
import textwrap
from functools import lru_cache

from app.text import markdown_to_text

WIDTH = 72
_FENCE = re.compile(r"(?m)^ *(?:(?:[-*+]|\d{1,9}[.)]) +)?(?:`{3,}[^`\n]*|~{3,}[^\n]*)(?:\n|\Z)")
"""Where a block of code begins or ends, also in an item of a list.  A line that has more of these marks is none: it is
words, of which some are code (CommonMark 0.31, 4.5).
"""

_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+")


def fold(text: str) -> str:
    """`text` with its long lines broken between words; an item of a list stays indented, a table's row stays whole."""
    return "\n".join(_fold_line(line) for line in text.split("\n"))


@lru_cache(maxsize=64)
def fold_markdown(body: str) -> str:
    """Markdown as plain text, folded, but for its blocks of code: those are there to be copied."""
    pieces = [
        fold(markdown_to_text(piece)) if index % 2 == 0 else piece.rstrip()
        for index, piece in enumerate(_FENCE.split(body))
    ]
    return "\n\n".join(piece for piece in pieces if piece.strip())


def _fold_line(line: str) -> str:
    if len(line) <= WIDTH or line.lstrip().startswith("|"):
        return line
    item = _ITEM.match(line)
    indent = " " * len(item[0] if item else line[: len(line) - len(line.lstrip())])
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
