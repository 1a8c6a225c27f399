from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest

from cxrneighbors.classifiers.quality.mcnemar import compare_models, holm, mcnemar, patient_sign_test


def test_exact_p_value_by_counting() -> None:
    a = np.array([1] * 9 + [0] * 2 + [1] * 20 + [0] * 5, dtype=bool)
    b = np.array([0] * 9 + [1] * 2 + [1] * 20 + [0] * 5, dtype=bool)
    expected = 2 * sum(comb(11, k) for k in range(3)) / 2**11
    assert mcnemar(a, b) == {"only_a": 9, "only_b": 2, "p_value": pytest.approx(expected)}
    assert mcnemar(a, a)["p_value"] == 1.0


def test_sign_test_equals_all_swaps_counted() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(24) < 0.8, rng.random(24) < 0.5
    patients = [f"p{number // 3}" for number in range(24)]
    sums = (a.astype(int) - b.astype(int)).reshape(8, 3).sum(1)
    swapped = [abs(np.dot(signs, sums)) for signs in product((-1, 1), repeat=8)]
    expected = np.mean(np.array(swapped) >= abs(sums.sum()))
    assert patient_sign_test(a, b, patients, 20_000) == pytest.approx(expected, abs=0.012)


def test_one_patient_cannot_make_a_difference() -> None:
    a, b = np.ones(40, dtype=bool), np.zeros(40, dtype=bool)
    assert mcnemar(a, b)["p_value"] < 1e-9
    assert patient_sign_test(a, b, ["p"] * 40) == 1.0
    assert patient_sign_test(a, a, list(range(40))) == 1.0


def test_pairs_are_adjusted_together() -> None:
    rng = np.random.default_rng(0)
    correct = {name: rng.random(200) < share for name, share in (("x", 0.9), ("y", 0.6), ("z", 0.6))}
    rows = compare_models(correct, list(range(200)))
    assert [(row["a"], row["b"]) for row in rows] == [("x", "y"), ("x", "z"), ("y", "z")]
    for key in ("p_value", "p_value_patients"):
        assert [row[f"{key}_adjusted"] for row in rows] == holm([row[key] for row in rows])
    assert rows[0]["p_value_adjusted"] < 0.001 < 0.05 < rows[2]["p_value_adjusted"]


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.001, 0.03, 0.5]) == pytest.approx([0.09, 0.004, 0.09, 0.5])
    assert holm([]) == []
