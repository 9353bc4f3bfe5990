"""The type and size of an image, from its first bytes and never from its name."""

from dataclasses import dataclass

_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """A picture's media type, and its width and height in pixels."""

    content_type: str
    width: int
    height: int


def picture_of(body: bytes) -> PictureFacts | None:
    """The PNG, JPEG or WebP picture that `body` begins as; None when it is none, or its size can't be read."""
    for content_type, measure in (("image/png", _png), ("image/jpeg", _jpeg), ("image/webp", _webp)):
        size = measure(body)
        if size is not None and all(size):
            return PictureFacts(content_type, *size)
    return None


def _png(body: bytes) -> tuple[int, int] | None:
    if body[:8] != b"\x89PNG\r\n\x1a\n" or body[12:16] != b"IHDR" or len(body) < 24:
        return None
    return int.from_bytes(body[16:20]), int.from_bytes(body[20:24])


def _jpeg(body: bytes) -> tuple[int, int] | None:
    """Goes from segment to segment until one says the size."""
    if body[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 <= len(body) and body[at] == 0xFF:
        marker = body[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _JPEG_FRAMES:
            return int.from_bytes(body[at + 7 : at + 9]), int.from_bytes(body[at + 5 : at + 7])
        elif marker in _JPEG_WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(body[at + 2 : at + 4])
    return None


def _webp(body: bytes) -> tuple[int, int] | None:
    """Of its three forms: lossy, lossless and extended."""
    if body[:4] != b"RIFF" or body[8:12] != b"WEBP" or len(body) < 26:
        return None
    form = body[12:16]
    if form == b"VP8 " and body[23:26] == b"\x9d\x01\x2a":
        return _little(body[26:28]) & 0x3FFF, _little(body[28:30]) & 0x3FFF
    if form == b"VP8L" and body[20:21] == b"\x2f":
        bits = _little(body[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8X":
        return _little(body[24:27]) + 1, _little(body[27:30]) + 1
    return None


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
