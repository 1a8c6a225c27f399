import math

import pytest

from cxrneighbors.data.patients import parse_age, parse_ages, parse_sex


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("58", 58),
        ("58.5", 58.5),
        ("058Y", 58),
        ("0", 0),
        ("011M", 11 / 12),
        ("003W", 21 / 365.25),
        ("010D", 10 / 365.25),
        ("62 years", 62),
        ("120", 120),
    ],
)
def test_ages(text, years):
    assert parse_age(text) == pytest.approx(years)


@pytest.mark.parametrize("text", ["", None, "adult", "-3", "121", "412Y", "5-6", "nan"])
def test_ages_not_understood(text):
    assert math.isnan(parse_age(text))


def test_ages_set_to_missing_are_noted_blank_ones_not():
    notes = []
    ages = parse_ages(["61", "", "412", "old"], ["a", "b", "c", "d"], notes)
    assert ages[0] == 61 and all(math.isnan(age) for age in ages[1:])
    assert len(notes) == 1 and notes[0].startswith("2 ages") and "c: '412'" in notes[0]


def test_sexes():
    given = ["F", "female", " m ", "Male", "O", "", None]
    assert [parse_sex(text) for text in given] == ["F", "F", "M", "M", None, None, None]
