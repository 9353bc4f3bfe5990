"""The contrast ratio of WCAG 2.2, against pairs whose ratio is published, and colors made readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.guard.contrast import contrast, readable_on

COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#767676", "#ffffff", 4.54),  # the lightest grey that passes on white
        ("#777777", "#ffffff", 4.48),
        ("#595959", "#ffffff", 7.0),
        ("#ff0000", "#ffffff", 4.0),
        ("#008000", "#ffffff", 5.14),
        ("#0000ff", "#ffffff", 8.59),
        ("#ffff00", "#ffffff", 1.07),
        ("#0000ff", "#000000", 2.44),
    ],
)
def test_known_pairs(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


def test_what_is_readable_stays_as_it_is() -> None:
    assert readable_on("#1f4f8f", "#ffffff") == "#1f4f8f"
    assert readable_on("#9cc2f5", "#151412") == "#9cc2f5"


@pytest.mark.parametrize(("background", "is_darker"), [("#ffffff", True), ("#151412", False)])
def test_a_color_goes_away_from_its_background(background: str, is_darker: bool) -> None:
    grey = "#808080" if is_darker else "#404040"
    made = readable_on(grey, background)
    assert made != grey
    assert (made < grey) is is_darker
    assert 4.5 <= contrast(made, background) < 5.2, "no farther than it has to go"


@given(COLORS, COLORS)
def test_every_color_becomes_readable_on_every_background(color: str, background: str) -> None:
    made = readable_on(color, background)
    assert contrast(made, background) >= 4.5
    assert made == readable_on(color, background)
    assert readable_on(made, background) == made


def test_more_can_be_asked_for() -> None:
    assert contrast(readable_on("#767676", "#ffffff", 7.0), "#ffffff") >= 7.0
    assert readable_on("#767676", "#7f7f7f", 21.0) in {"#000000", "#ffffff"}, "as far as colors go"
