"""Numbers in words: signs, units, missing values, and p-values as journals print them."""

import pytest

from cxrneighbors.evaluation.overlap import DEFINITIONS
from cxrneighbors.evaluation.wording import (
    NBSP,
    interval,
    p_cell,
    p_text,
    percent,
    points,
    title_of,
    unit_of_overlap,
)


def test_percent_and_points():
    assert percent(0.4567) == f"45.7{NBSP}%" and percent(0.4567, 0) == f"46{NBSP}%" and percent(None) == "–"
    assert points(0.052) == "+5.2" and points(-0.052) == "−5.2" and points(None) == "–"
    assert points(-0.0001) == "+0.0" and percent(-1e-17) == f"0.0{NBSP}%"  # never minus nothing


def test_an_interval_without_bounds_is_a_dash():
    assert interval([0.041, 0.063]) == "+4.1 to +6.3" and interval([None, 0.1]) == "–"


@pytest.mark.parametrize(
    ("p", "cell"),
    [
        (None, "–"),
        (0.0001, f"<{NBSP}0.001"),
        (0.0123, "0.012"),
        (0.0999, "0.100"),
        (0.25, "0.25"),
        (1, "1.00"),
    ],
)
def test_p_values(p, cell):
    assert p_cell(p) == cell
    assert p_text(p) == (f"p{NBSP}{cell}" if cell.startswith("<") else f"p{NBSP}={NBSP}{cell}")


def test_titles_name_the_encoder_where_it_is_known():
    summary = {"settings": {"encoders": {"image": "vae", "report": "arrays"}}}
    assert title_of("image", summary) == "Image (vae)"
    assert title_of("report", summary) == "Report" and title_of("mine", summary) == "mine"


def test_every_definition_has_its_words():
    assert len({unit_of_overlap(name) for name in DEFINITIONS}) == len(DEFINITIONS)
