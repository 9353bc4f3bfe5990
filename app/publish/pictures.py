"""The overall status as PNG images: for previews of shared links, and home screen icons.

The shapes are those of `templates/public/shapes.svg`, committed as masks in `static/icons`.  Drawing takes some thirty
milliseconds with loading Pillow, so each picture is named after what it shows, and drawn only when that was never shown
before.
"""

import hashlib
import io
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from app.publish.badge import COLORS, SHAPES
from app.publish.catalogues import translations
from app.publish.environment import STATIC
from app.publish.views import Snapshot
from app.text import shorten
from app.vocabulary import ComponentStatus

if TYPE_CHECKING:
    from PIL import Image, ImageFont

DRAWN_AS = 2
"""Increased when pictures are drawn differently, so that existing ones aren't taken for new ones."""

CARD = (1200, 630)
ICONS = (192, 512)
PAPER, INK = "#fbfaf7", "#1d1b18"
FONTS = ("DejaVuSans-Bold.ttf", "NotoSans-Bold.ttf", "NotoSansCJK-Bold.ttc", "NotoSansCJK-Regular.ttc")
"""Fonts of the machine, looked for by name, the first that has all letters of a text wins; Pillow's own comes last."""

NO_CHARACTER = "\U0010fffe"


@dataclass(frozen=True, slots=True)
class Picture:
    """`path` is where readers find it, `asset` its name by what it shows, `draw` makes it."""

    path: str
    asset: str
    draw: Callable[[], bytes]


def pictures(snapshot: Snapshot) -> tuple[Picture, ...]:
    """`og.png`, `icon-192.png` and `icon-512.png`."""
    status = SHAPES[snapshot.verdict.indicator]
    words = translations(snapshot.page.language).gettext(snapshot.verdict.text)
    name = snapshot.page.name
    card = Picture("og.png", card_asset(snapshot), lambda: _card(status, words, name))
    return (card, *(_icon_picture(status, size) for size in ICONS))


def card_asset(snapshot: Snapshot) -> str:
    """The name of the picture beside a shared link, by all that it shows."""
    status = SHAPES[snapshot.verdict.indicator]
    words = translations(snapshot.page.language).gettext(snapshot.verdict.text)
    return _named("card", status, COLORS[status], words, snapshot.page.name)


def _icon_picture(status: ComponentStatus, size: int) -> Picture:
    asset = _named(f"icon-{size}", status, COLORS[status])
    return Picture(f"icon-{size}.png", asset, lambda: _icon(status, size))


def _named(kind: str, *shown: str) -> str:
    return f"{kind}-{hashlib.sha256(json.dumps([DRAWN_AS, *shown]).encode()).hexdigest()[:12]}.png"


@lru_cache(maxsize=32)
def _icon(status: ComponentStatus, size: int) -> bytes:
    """The shape on paper, with room around it: whatever form a home screen cuts it to, all of the shape is left."""
    from PIL import Image

    picture = Image.new("RGB", (size, size), PAPER)
    _put_shape(picture, status, round(size * 0.2), round(size * 0.2), round(size * 0.6))
    return _png(picture)


@lru_cache(maxsize=32)
def _card(status: ComponentStatus, words: str, name: str) -> bytes:
    """The shape, the verdict and the page's name.  A text that no font here has all letters of is left out."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", CARD, PAPER)
    drawing = ImageDraw.Draw(picture)
    drawing.rectangle((0, CARD[1] - 18, CARD[0], CARD[1]), fill=COLORS[status])
    title, over = _font_for(words, 76), _font_for(name, 44)
    if title is None:
        _put_shape(picture, status, 440, 170, 320)
    else:
        _put_shape(picture, status, 90, 205, 220)
        lines = _wrapped(words, title, 770)
        top = 315 - len(lines) * 48
        drawing.multiline_text((370, top), "\n".join(lines), font=title, fill=COLORS[status], spacing=16)
    if over is not None:
        drawing.text((90, 70), _fitting(name, over, 1020), font=over, fill=INK)
    return _png(picture)


def _put_shape(picture: "Image.Image", status: ComponentStatus, left: int, top: int, size: int) -> None:
    """The status's icon in its color."""
    from PIL import Image

    with Image.open(STATIC / "icons" / f"{status}.png") as icon:
        mask = icon.convert("L").resize((size, size), Image.Resampling.LANCZOS)
    picture.paste(COLORS[status], (left, top), mask)


def _font_for(text: str, size: int) -> "ImageFont.FreeTypeFont | None":
    """A font that has every letter of `text` and can put them together; None where there is none."""
    from PIL import ImageFont

    text = unicodedata.normalize("NFC", text)
    if _needs_shaping(text) and not _can_shape():
        return None
    for name in FONTS:
        try:
            font = ImageFont.truetype(name, size)
        except OSError:
            continue
        if _has_all(font, text):
            return font
    own = ImageFont.load_default(size)
    return own if isinstance(own, ImageFont.FreeTypeFont) and _has_all(own, text) else None


def _needs_shaping(text: str) -> bool:
    """Whether letters run from right to left or join: drawn one after another they would be nonsense."""
    return any(
        unicodedata.bidirectional(letter) in {"R", "AL"} or unicodedata.category(letter).startswith("M")
        for letter in text
    )


def _can_shape() -> bool:
    from PIL import features

    return bool(features.check("raqm") and features.check("fribidi"))


def _has_all(font: "ImageFont.FreeTypeFont", text: str) -> bool:
    missing = _seen(font, NO_CHARACTER)
    return all(letter.isspace() or _seen(font, letter) != missing for letter in set(text))


def _seen(font: "ImageFont.FreeTypeFont", letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _wrapped(text: str, font: "ImageFont.FreeTypeFont", width: int) -> Sequence[str]:
    """`text` in lines of at most this width, broken at spaces; a language without any is broken anywhere."""
    lines = [""]
    parts = text.split(" ") if " " in text else list(text)
    glue = " " if " " in text else ""
    for part in parts:
        longer = f"{lines[-1]}{glue}{part}" if lines[-1] else part
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def _fitting(text: str, font: "ImageFont.FreeTypeFont", width: int) -> str:
    """As much of `text` as is at most this wide."""
    limit = len(text)
    while limit > 1 and font.getlength(shorten(text, limit)) > width:
        limit -= 1
    return shorten(text, limit)


def _png(picture: "Image.Image") -> bytes:
    """Few colors are enough for one shape and its edges, and make it half as large."""
    from PIL import Image

    written = io.BytesIO()
    few = picture.quantize(32, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(written, "PNG")
    return written.getvalue()
