from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.classifiers.quality.confusion import class_figures, confusion_matrix, figures


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(5))
def test_equals_scikit_learn(seed) -> None:
    from sklearn import metrics

    rng = np.random.default_rng(seed)
    # Class 4 is never predicted, class 3 never true, class 5 neither.
    true, predicted = rng.choice([0, 1, 2, 4], 60), rng.integers(0, 4, 60)
    matrix = confusion_matrix(true, predicted, 6)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(true, predicted, labels=range(6)))
    found = figures(matrix)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(true, predicted))
    scores = metrics.precision_recall_fscore_support(true, predicted, average="macro", zero_division=0)
    for name, expected in zip(("precision", "recall", "f1"), scores, strict=False):
        assert found[name] == pytest.approx(expected)
    by_class = class_figures(matrix)
    scores = metrics.precision_recall_fscore_support(true, predicted, labels=range(6), zero_division=0)
    for name, expected in zip(("precision", "recall", "f1"), scores, strict=False):
        np.testing.assert_allclose(by_class[name], expected)


def test_many_matrices_at_once_and_none() -> None:
    matrices = np.random.default_rng(0).integers(0, 5, (7, 3, 3))
    together = figures(matrices)
    for i, matrix in enumerate(matrices):
        assert {name: values[i] for name, values in together.items()} == figures(matrix)
    assert np.isnan(figures(np.zeros((2, 2)))["accuracy"])
