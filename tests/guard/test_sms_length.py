"""Texts: what they cost, and how they are made to fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.guard.sms_length import SmsLength, fit, measure, transliterate

LINK = "https://status.example.com/incidents/bcdfghjklmnp"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", SmsLength("GSM-7", 0, 0)),
        ("a" * 160, SmsLength("GSM-7", 160, 1)),
        ("a" * 161, SmsLength("GSM-7", 161, 2)),
        ("a" * 307, SmsLength("GSM-7", 307, 3)),
        ("€" * 80, SmsLength("GSM-7", 160, 1)),
        ("a" * 152 + "€" + "a" * 10, SmsLength("GSM-7", 164, 2)),
        ("a" * 152 + "€" + "a" * 152, SmsLength("GSM-7", 306, 3)),
        ("ж" * 70, SmsLength("UCS-2", 70, 1)),
        ("ж" * 71, SmsLength("UCS-2", 71, 2)),
        ("🔥" * 35, SmsLength("UCS-2", 70, 1)),
        ("🔥" * 67, SmsLength("UCS-2", 134, 3)),
    ],
)
def test_the_cost_of_a_text(text: str, expected: SmsLength) -> None:
    assert measure(text) == expected


def test_typographic_characters_become_plain_and_other_scripts_stay() -> None:
    assert transliterate("“Łódź” – naïve… ž ﬁ ² Ж") == '"Lódz" - naive... z fi 2 Ж'.replace("ó", "o")


@given(st.text(max_size=400))
def test_a_head_always_fits_with_its_link(head: str) -> None:
    made = fit(head, LINK)
    assert made.endswith(LINK)
    assert measure(made).segments == 1


def test_a_short_head_is_kept_and_a_long_one_cut_at_a_word() -> None:
    assert fit("API is slow – we look", LINK) == f"API is slow - we look {LINK}"
    cut = fit("word " * 60, LINK)
    assert cut.endswith(f"word... {LINK}")
    assert measure(cut).units > 150
