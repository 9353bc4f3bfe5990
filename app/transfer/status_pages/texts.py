"""Imported texts: HTML becomes Markdown without anything active."""

import html
import re

from app.text import BODY_LIMIT, clean
from app.transfer.fields import Fields, RowError, read_text

_TAG = re.compile(
    r"</?(p|br|div|span|a|strong|b|em|i|u|ul|ol|li|code|pre|h[1-6]|blockquote|script|style|img|iframe|table|tr|td|th)"
    r"(\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_KEPT = {"p", "br", "div", "a", "strong", "b", "em", "i", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "code"}
_LINK = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)
_MARKS = (
    (re.compile(r"</?(?:strong|b)>"), "**"),
    (re.compile(r"</?(?:em|i)>"), "*"),
    (re.compile(r"</?code>"), "`"),
    (re.compile(r"<li>\s*"), "\n- "),
    (re.compile(r"<br>\n?"), "\n"),
    (re.compile(r"<h[1-6]>"), "\n\n### "),
    (re.compile(r"</?(?:p|div|ul|ol|h[1-6])>"), "\n\n"),
    (re.compile(r"<[^>]*>"), ""),
)
LARGEST = BODY_LIMIT * 4


def read_body(raw: Fields, key: str) -> str:
    """A text as Markdown, whatever HTML is in it; nothing is an empty text.  Raises RowError."""
    value = raw.get(key)
    if isinstance(value, str) and len(value) > LARGEST:
        raise RowError(f"its {key} is longer than {BODY_LIMIT:,} characters")
    text = read_text(raw, key)
    return from_html(text) if _TAG.search(text) else text


def from_html(text: str) -> str:
    """HTML, or Markdown with HTML in it, as Markdown alone: paragraphs, lists, emphasis and links to the web stay."""
    import nh3

    safe = nh3.clean(
        text, tags=_KEPT, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"}, link_rel=None
    )
    safe = _LINK.sub(r"[\2](\1)", safe)
    for pattern, mark in _MARKS:
        safe = pattern.sub(mark, safe)
    lines = clean(html.unescape(safe), multiline=True)
    return re.sub(r"\n{3,}", "\n\n", lines)
