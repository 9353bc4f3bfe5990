"""The segments of a text message by GSM 03.38, and ways to make it fit."""

import unicodedata
from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_REPLACED = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "‟": '"',
        "″": '"', "«": '"', "»": '"', "‹": "'", "›": "'", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-",
        "−": "-", "…": "...", "•": "-", "·": ".", "×": "x", "→": "->", "←": "<-", "\u00a0": " ", "\u2009": " ",
        "\u202f": " ", "\t": " ", "ç": "c", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "œ": "oe", "Œ": "OE", "þ": "th",
        "Þ": "Th", "ð": "d", "Ð": "D", "ı": "i", "ẞ": "SS", "\u00ad": "", "\u200b": "", "\u2060": "", "\ufeff": "",
    }
)  # fmt: skip
GSM_SINGLE, GSM_EACH = 160, 153
UCS2_SINGLE, UCS2_EACH = 70, 67


@dataclass(frozen=True, slots=True)
class SmsLength:
    """`encoding` is "GSM-7" or "UCS-2", `units` septets or UTF-16 units, `segments` what is paid for."""

    encoding: str
    units: int
    segments: int


def measure(text: str) -> SmsLength:
    """How `text` travels.  A character of two units is never split between two segments."""
    if all(character in _BASIC or character in _EXTENSION for character in text):
        sizes = [2 if character in _EXTENSION else 1 for character in text]
        return SmsLength("GSM-7", sum(sizes), _segments(sizes, GSM_SINGLE, GSM_EACH))
    sizes = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return SmsLength("UCS-2", sum(sizes), _segments(sizes, UCS2_SINGLE, UCS2_EACH))


def transliterate(text: str) -> str:
    """`text` with look-alikes from GSM-7 where there are any; letters of other scripts and emoji stay."""
    return "".join(_in_gsm(character) for character in unicodedata.normalize("NFC", text).translate(_REPLACED))


def fit(head: str, link: str, segments: int = 1) -> str:
    """`head`, a space and `link` in at most `segments` segments: `head` transliterated and shortened, `link` whole.

    A head in another script makes the message UCS-2, with less room.  When not even one character has room beside the
    link, the link alone is returned.
    """
    words = " ".join(transliterate(head).split())
    whole = f"{words} {link}".strip()
    if measure(whole).segments <= segments:
        return whole
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(_joined(words, middle, link)).segments <= segments:
            low = middle
        else:
            high = middle - 1
    return _joined(words, low, link)


def _joined(words: str, count: int, link: str) -> str:
    """The first `count` characters, cut back to a word's end where one is near, with "..." and the link."""
    cut = words[:count]
    space = cut.rfind(" ")
    if count < len(words) and words[count] != " " and space > count * 2 // 3:
        cut = cut[:space]
    cut = cut.rstrip(" .,;:-")
    return f"{cut}... {link}" if cut else link


def _in_gsm(character: str) -> str:
    if character in _BASIC or character in _EXTENSION:
        return character
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    plain = plain.translate(_REPLACED)
    return plain if plain and all(c in _BASIC or c in _EXTENSION for c in plain) else character


def _segments(sizes: list[int], single: int, each: int) -> int:
    if sum(sizes) <= single:
        return 1 if sizes else 0
    segments, used = 1, 0
    for size in sizes:
        if used + size > each:
            segments, used = segments + 1, 0
        used += size
    return segments
