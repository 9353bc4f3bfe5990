"""Pictures are told from their first bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.guard.pictures import PictureFacts, picture_of
from tests import pictures


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (pictures.PNG, "image/png"),
        (pictures.JPEG, "image/jpeg"),
        (pictures.LOSSY, "image/webp"),
        (pictures.LOSSLESS, "image/webp"),
        (pictures.EXTENDED, "image/webp"),
    ],
    ids=["png", "jpeg", "lossy", "lossless", "extended"],
)
def test_a_picture_says_what_it_is_and_how_large(body: bytes, content_type: str) -> None:
    assert picture_of(body) == PictureFacts(content_type, *pictures.SIZE)
    for length in range(20):
        assert picture_of(body[:length]) is None


def test_a_jpeg_is_read_past_long_segments_and_padding() -> None:
    note = b"\xff\xfe" + (3000).to_bytes(2) + b"\xff\xc0" * 1499
    padded = pictures.JPEG[:2] + note + b"\xff\xff" + pictures.JPEG[2:]
    assert picture_of(padded) == PictureFacts("image/jpeg", *pictures.SIZE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"GIF89a\x07\x00\x05\x00",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='7' height='5'/>",
        b"<html>logo.png",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\x00" * 30,
        pictures.png(0, 5),
    ],
    ids=range(7),
)
def test_anything_else_is_none(body: bytes) -> None:
    assert picture_of(body) is None


@given(st.sampled_from([pictures.PNG[:8], pictures.JPEG[:3], b"RIFF0000WEBPVP8 ", b""]), st.binary(max_size=64))
def test_no_bytes_are_too_odd(head: bytes, rest: bytes) -> None:
    found = picture_of(head + rest)
    assert found is None or (found.width > 0 and found.height > 0)
