from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cxrneighbors.classifiers.quality.confusion import confusion_matrix, figures
from cxrneighbors.classifiers.quality.intervals import patient_intervals

RNG = np.random.default_rng(1)
TRUE, PREDICTED = RNG.integers(0, 3, 90), RNG.integers(0, 3, 90)
PATIENTS = [f"p{number // 3}" for number in range(90)]


def point_figures(targets, predictions, n_classes):
    return figures(confusion_matrix(targets, predictions, n_classes))


def test_intervals_are_about_a_bootstrap_of_patients() -> None:
    found = patient_intervals(TRUE, PREDICTED, PATIENTS, 3)
    rng = np.random.default_rng(7)
    drawn = []
    for _ in range(4000):
        rows = np.concatenate([np.arange(3) + 3 * p for p in rng.integers(0, 30, 30)])
        drawn.append(figures(confusion_matrix(TRUE[rows], PREDICTED[rows], 3)))
    for name, (low, high) in found.items():
        expected = np.quantile([row[name] for row in drawn], [0.025, 0.975])
        # With thirty patients Student's interval is wider by a tenth.
        np.testing.assert_allclose([low, high], expected, atol=0.03)
        assert high - low > expected[1] - expected[0]


def test_intervals_equal_leaving_out_written_out() -> None:
    found = patient_intervals(TRUE, PREDICTED, PATIENTS, 3)
    whole = point_figures(TRUE, PREDICTED, 3)
    names = np.array(PATIENTS)
    for name, (low, high) in found.items():
        influence = np.array(
            [
                whole[name] - point_figures(TRUE[names != p], PREDICTED[names != p], 3)[name]
                for p in dict.fromkeys(PATIENTS)
            ]
        )
        dof = 2 / (1 / 30 + (influence**4).sum() / (influence**2).sum() ** 2)  # thirty equal patients
        half = stats.t.ppf(0.975, dof) * np.sqrt((influence**2).sum())
        assert (low, high) == pytest.approx((max(0, whole[name] - half), min(1, whole[name] + half)))


def test_the_patient_is_the_unit() -> None:
    """The same answers from ten patients with nine images each say less than from ninety patients."""
    right = np.repeat(np.arange(10) % 2, 9)
    true = np.zeros(90, dtype=int)
    few = patient_intervals(true, right, np.repeat(np.arange(10), 9).tolist(), 2)["accuracy"]
    many = patient_intervals(true, right, list(range(90)), 2)["accuracy"]
    assert few[1] - few[0] > 2 * (many[1] - many[0])
    assert point_figures(true, right, 2)["accuracy"] == 0.5


def test_one_patient_says_nothing_and_none_is_refused() -> None:
    low, high = patient_intervals(TRUE, PREDICTED, ["p"] * 90, 3)["f1"]
    assert low == high == pytest.approx(point_figures(TRUE, PREDICTED, 3)["f1"])
    with pytest.raises(ValueError, match="needs images"):
        patient_intervals(TRUE[:0], PREDICTED[:0], [], 3)
