from __future__ import annotations

import pytest

from cxrneighbors.evaluation.disagreement import (
    disagreements,
    paired_reason,
    reason,
    reason_lines,
    short_reason,
)


def row(low, high, p, adjusted, exchanged=0.0, effective=30.0):
    return {
        "lift": (low + high) / 2 if low is not None else 0.1,
        "lift_ci95": [low, high],
        "p_value": p,
        "p_value_adjusted": adjusted,
        "null_mean_lift": exchanged,
        "effective_patients": effective,
    }


@pytest.mark.parametrize(
    "agreeing",
    [
        row(0.01, 0.05, 0.001, 0.01),
        row(-0.01, 0.05, 0.2, 0.6),
        row(-0.05, -0.01, 0.001, 0.01),
        row(None, None, 0.001, 0.01),
        row(0.01, 0.05, None, None),
    ],
)
def test_nothing_is_said_where_both_agree_or_one_is_missing(agreeing):
    assert reason(agreeing) is None and short_reason(agreeing) is None


@pytest.mark.parametrize(
    ("odd", "words", "short"),
    [
        (row(0.01, 0.05, 0.02, 0.3), "p = 0.020; p = 0.30 is after Holm", "many tests = 0.020"),
        (
            row(0.01, 0.05, 0.2, 0.6, exchanged=0.025),
            "leave +2.5 of the +3.0 points",
            "the +2.5 of film counts",
        ),
        (row(-0.01, 0.05, 0.001, 0.01, 0.002, 7.4), "few patients, 7 effective", "7 effective"),
        (row(-0.05, -0.01, 0.9, 1.0, -0.01), "below 0", "above chance only"),
    ],
)
def test_each_way_to_disagree_has_its_reason(odd, words, short):
    assert words in reason(odd).replace("\u00a0", " ")
    assert short in short_reason(odd).replace("\u00a0", " ")


def test_a_lift_that_does_not_vary_has_no_effective_patients():
    odd = row(-0.05, -0.05, 0.9, 1.0) | {"effective_patients": None}
    assert "below 0" in reason(odd) and short_reason(odd)
    assert "few patients:" in reason(row(-0.01, 0.05, 0.001, 0.01) | {"effective_patients": None})


def test_paired_differences_disagree_by_the_correction_alone():
    assert "Holm" in paired_reason([0.01, 0.05], 0.01, 0.2)
    assert paired_reason([0.01, 0.05], 0.001, 0.02) is None
    assert paired_reason([-0.01, 0.05], 0.2, 0.9) is None
    assert paired_reason([None, None], None, None) is None


def test_only_rows_that_need_a_reason_are_listed():
    named = {"a": row(0.01, 0.05, 0.001, 0.01), "b": row(0.01, 0.05, 0.02, 0.3)}
    assert [name for name, _ in disagreements(named)] == ["b"]
    (line,) = reason_lines({"methods": named})
    assert line.startswith("b, why interval and p seem to disagree: Alone it has")
