from __future__ import annotations

import numpy as np
import pytest
import torch

from cxrneighbors.classifiers.quality.calibration import reliability
from cxrneighbors.files import plain


@pytest.mark.parametrize("n_bins", [5, 15])
def test_ece_equals_torchmetrics(n_bins) -> None:
    from torchmetrics.functional.classification import multiclass_calibration_error

    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.5] * 4, 500)
    targets = rng.integers(0, 4, 500)
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(targets), num_classes=4, n_bins=n_bins, norm="l1"
    )
    assert reliability(probabilities, targets, n_bins).ece == pytest.approx(float(expected), abs=1e-6)


def test_bins_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.5, 0.5], [1.0, 0.0]])
    found = reliability(probabilities, np.array([0, 1, 1, 1, 0]), n_bins=2)
    assert found.counts.tolist() == [1, 4]  # 0.5 belongs to the lower bin
    np.testing.assert_allclose(found.confidence, [0.5, 0.85])
    np.testing.assert_allclose(found.accuracy, [0.0, 0.75])
    assert found.ece == pytest.approx((0.5 + 4 * 0.1) / 5)
    assert found.overconfidence == pytest.approx((0.5 + 4 * 0.1) / 5)
    assert plain(vars(found))["counts"] == [1, 4]


def test_an_empty_bin_is_none() -> None:
    found = reliability(np.array([[1.0, 0.0]]), np.array([0]), n_bins=3)
    assert plain(vars(found))["accuracy"] == [None, None, 1.0]
    assert found.ece == 0
