"""Small pictures, as a browser made them: 7 pixels wide and 5 high."""

from base64 import b64decode

SIZE = (7, 5)
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAYAAACJmvbYAAAAI0lEQVR4AbTJMQ0AAAwCwQYjlVRplQwKYOOTnw57TzcmVEIBAAD//67zhQkAAAAGSURB"
    "VAMADwoN72aNf0oAAAAASUVORK5CYII="
)
JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxl"
    "Z2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAFAAcDASIAAhEB"
    "AxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAABAX/xAAUEQEAAAAAAAAAAAAA"
    "AAAAAAAA/9oADAMBAAIRAxEAPwCGApgv/9k="
)


def webp(*chunks: bytes) -> bytes:
    """A WebP file of these chunks."""
    held = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(held).to_bytes(4, "little") + held


_LOSSY = b64decode("VlA4ICYAAACQAQCdASoHAAUAAsBMJaACdLoAA5gA/u7/n9qbFVPO76+AKfcAAA==")
_LOSSLESS = b64decode("VlA4TBEAAAAvBgABAAfQp370sf+BiOh/AAA=")
_EXTENDED = b"VP8X" + (10).to_bytes(4, "little") + bytes([0, 0, 0, 0, 6, 0, 0, 4, 0, 0])
LOSSY, LOSSLESS, EXTENDED = webp(_LOSSY), webp(_LOSSLESS), webp(_EXTENDED, _LOSSY)


def png(width: int, height: int, length: int = 0) -> bytes:
    """A PNG that says it is this large, `length` bytes long in all."""
    head = PNG[:16] + width.to_bytes(4) + height.to_bytes(4) + PNG[24:]
    return head + b"\x00" * (length - len(head))
