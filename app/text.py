"""User text: cleaned once on input, rendered by one sanitizer on output."""

import re
import secrets
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from app.errors import Invalid

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore

BODY_LIMIT = 10_000
TITLE_LIMIT = 200
ID_LETTERS = "bcdfghjklmnpqrstvwxyz0123456789"
ID_LENGTH = 12
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSEEN_CATEGORIES = {"Cf", "Zs", "Zl", "Zp"}
_UNSEEN = frozenset(
    map(
        chr,
        (
            0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0,
            *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0),
        ),
    )
)  # fmt: skip
"""Letters and marks that leave no ink, beside those whose Unicode category says so: fillers and variation selectors."""

_BREAK = re.compile(r"(<br\s*/?>)", re.IGNORECASE)
_ALLOWED_TAGS = {
    "p", "br", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a", "hr",
    "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


def public_id() -> str:
    """A new opaque id: 12 characters of [a-z0-9] without vowels, as Statuspage's incidents have them."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))


def clean(raw: str, *, multiline: bool = False) -> str:
    """`raw` without control characters, lone surrogates, noncharacters and bidi controls, NFC, trimmed.

    A single line has its white space folded; several lines keep their line breaks as "\\n".  What holds nothing
    that can be seen, as a zero width space alone, is empty.
    """
    text = unicodedata.normalize("NFC", raw.replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(character for character in text if _is_kept(character))
    if not _is_seen(kept):
        return ""
    if multiline:
        return "\n".join(line.rstrip() for line in kept.split("\n")).strip("\n ")
    return " ".join(kept.split())


def is_clean(text: str) -> bool:
    """Whether `clean` would leave every character of `text` in it."""
    return not text or (_is_seen(text) and (text.isprintable() or all(_is_kept(character) for character in text)))


def _is_seen(text: str) -> bool:
    """Whether there is anything in `text` that leaves ink."""
    return any(
        not (character.isspace() or character in _UNSEEN or unicodedata.category(character) in _UNSEEN_CATEGORIES)
        for character in text
    )


def _is_kept(character: str) -> bool:
    if character in "\n\t":
        return True  # a single line's are folded by the caller
    category = unicodedata.category(character)
    if category in {"Cc", "Cs"} or character in _BIDI_CONTROLS:
        return False
    return (ord(character) & 0xFFFE) != 0xFFFE and not 0xFDD0 <= ord(character) <= 0xFDEF


def clean_field(raw: str, *, name: str, label: str, limit: int, multiline: bool = False, required: bool = True) -> str:
    """`raw` cleaned and checked.

    Raises:
        Invalid: empty though required, or longer than `limit` characters.
    """
    if len(raw) > limit * 4 + 1000:  # too long whatever cleaning takes out: don't spend time on it
        raise Invalid.field(name, f"{label} is too long: the limit is {limit:,} characters.")
    text = clean(raw, multiline=multiline)
    if required and not text:
        raise Invalid.field(name, f"{label} is empty. Enter some text.")
    if len(text) > limit:
        raise Invalid.field(name, f"{label} is too long: {len(text):,} characters, the limit is {limit:,}.")
    return text


def header_safe(value: str) -> str:
    """`value` as one line that is safe in a mail or HTTP header: every control character becomes a space."""
    if value.isascii() and value.isprintable():
        return " ".join(value.split())
    return " ".join("".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in value).split())


@lru_cache(maxsize=1)
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
    made.enable(["table", "strikethrough"])
    made.core.ruler.push("ours", _adapt)
    return made


def _adapt(state: "StateCore") -> None:
    """Headings begin at h3, and a typed `<br>` in words is a line break."""
    from markdown_it.token import Token

    for block in state.tokens:
        if block.type in {"heading_open", "heading_close"} and block.tag in {"h1", "h2"}:
            block.tag = "h3"
        if not any(one.type == "text" and "<" in one.content for one in block.children or ()):
            continue
        children: list[Token] = []
        for one in block.children or ():
            parts = _BREAK.split(one.content) if one.type == "text" else []
            if len(parts) <= 1:
                children.append(one)
                continue
            for index, part in enumerate(parts):
                kind = "html_inline" if index % 2 else "text"
                children.append(Token(kind, "", 0, content="<br>" if index % 2 else part))
        block.children = children


def markdown_to_html(body: str) -> str:
    """Markdown (cleaned, at most `BODY_LIMIT` characters) as HTML from the allow-list; the only sanitizer.

    Links keep http, https and mailto addresses and get `rel="noopener nofollow ugc"`; images, raw HTML, ids, classes
    and styles don't pass.  Headings begin at h3 so that a page keeps one h1.  A typed `<br>`, which people bring from
    elsewhere, is a line break, but not in code.

    Raises:
        Invalid: `body` is over the limit (deeply nested input costs time that grows with its length).
    """
    if len(body) > BODY_LIMIT:
        raise Invalid.field("body", f"The text is too long: {len(body):,} characters, the limit is {BODY_LIMIT:,}.")
    import nh3

    return nh3.clean(
        _markdown().render(body),
        tags=_ALLOWED_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow ugc",
    ).strip()


def markdown_to_text(body: str) -> str:
    """Markdown as plain text for SMS, feeds' summaries and subject lines: links become "words (address)"."""
    text = re.sub(r"!?\[([^\]]{0,500})\]\((https?://[^)\s]{1,2000})[^)]{0,200}\)", r"\1 (\2)", body)
    text = re.sub(r"(?m)^\s{0,3}(#{1,6}|>)\s+", "", text)
    text = re.sub(r"(?i)<br\s{0,9}/?>", "\n", text)
    text = re.sub(r"(\*\*|__|~~|`)", "", text)
    return text.strip()


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, cut at a word where one is near, with "…"."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > limit * 2 // 3 else cut).rstrip() + "…"
