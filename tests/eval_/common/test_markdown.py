from __future__ import annotations

import pytest

from common.markdown import LIFT, document, interval, table


def test_headings_say_how_a_column_is_aligned_and_formats_what_its_cells_hold():
    rows = [{"name": "a", "n": 1200, "share": 0.256}, {"name": "b", "n": 3, "share": 1.0}]
    columns = {"method": "{name}", "targets:": "{n:,}", "share:": "{share:.1%}"}
    assert table(columns, rows).splitlines() == [
        "| method | targets | share |",
        "|---|---:|---:|",
        "| a | 1,200 | 25.6% |",
        "| b | 3 | 100.0% |",
    ]


def test_points_are_a_hundredfold_with_their_sign_and_a_missing_bound_is_nan():
    row = {"lift": 0.0521, "lift_ci95": [-0.001, None]}
    assert table({"lift": interval("lift")}, [row]).splitlines()[-1] == "| +5.2 (-0.1 to +nan) |"
    assert table({"x:": "{x:.0p}"}, [{"x": 0.126}]).splitlines()[-1] == "| 13 |"


def test_a_method_of_overlap_json_fills_the_columns_of_lifts():
    method = {"mean_overlap": 0.3, "random_overlap": 0.25, "lift": 0.05, "lift_ci95": [0.01, 0.09]}
    method |= {"null_mean_lift": 0.002, "p_value": 0.0312}
    assert table(LIFT, [method]).splitlines()[-1] == "| 30.0% | 25.0% | +5.0 (+1.0 to +9.0) | +0.2 | 0.0312 |"


def test_a_row_without_a_field_is_an_error():
    with pytest.raises(KeyError, match="lift"):
        table({"lift": "{lift}"}, [{}])


def test_blocks_have_an_empty_line_between_them():
    assert document("a", "b") == "a\n\nb\n"
