from __future__ import annotations

from math import comb

import numpy as np
import pytest

from cxrneighbors.classifiers.quality.mcnemar import compare_models, mcnemar
from cxrneighbors.statistics.holm import holm


def test_exact_p_value_by_counting() -> None:
    a = np.array([1] * 9 + [0] * 2 + [1] * 20 + [0] * 5, dtype=bool)
    b = np.array([0] * 9 + [1] * 2 + [1] * 20 + [0] * 5, dtype=bool)
    expected = 2 * sum(comb(11, k) for k in range(3)) / 2**11
    assert mcnemar(a, b) == {"only_a": 9, "only_b": 2, "p_value": pytest.approx(expected)}
    assert mcnemar(a, a)["p_value"] == 1.0


def test_one_patient_cannot_make_a_difference() -> None:
    a, b = np.ones(40, dtype=bool), np.zeros(40, dtype=bool)
    (one,) = compare_models({"a": a, "b": b}, ["p"] * 40)
    assert one["p_value"] < 1e-9 and one["p_value_patients"] == 1.0
    (same,) = compare_models({"a": a, "b": a}, list(range(40)))
    assert same["p_value_patients"] == 1.0


def test_pairs_are_adjusted_together() -> None:
    rng = np.random.default_rng(0)
    correct = {name: rng.random(200) < share for name, share in (("x", 0.9), ("y", 0.6), ("z", 0.6))}
    rows = compare_models(correct, list(range(200)))
    assert [(row["a"], row["b"]) for row in rows] == [("x", "y"), ("x", "z"), ("y", "z")]
    for key in ("p_value", "p_value_patients"):
        assert [row[f"{key}_adjusted"] for row in rows] == holm([row[key] for row in rows]).tolist()
    assert rows[0]["p_value_adjusted"] < 0.001 < 0.05 < rows[2]["p_value_adjusted"]
