"""Both ways to weigh segments, on a classifier that adds up pixels: what a segment adds is known."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.contrast_fits import SegmentContrast, SoftMaskContrast
from cxrneighbors.explain.locality import MaskLocality
from cxrneighbors.explain.masking import Masking
from cxrneighbors.explain.predictor import Predictor

SIDE, K = 16, 3
SEGMENTS = np.kron(np.arange(16).reshape(4, 4), np.ones((4, 4), dtype=int))
PIXELS = np.random.default_rng(0).normal(size=(SIDE, SIDE))
SOURCES = np.random.default_rng(1).random((1 + K, 1, SIDE, SIDE)).astype(np.float32)


def added() -> np.ndarray:
    """What each segment of the target adds to the score over each donor: (K, S)."""
    changed = PIXELS * (SOURCES[:1] - SOURCES[1:])[:, 0]
    return np.stack([np.bincount(SEGMENTS.ravel(), one.ravel()) for one in changed])


@pytest.fixture
def predictor() -> Predictor:
    def score(images: np.ndarray) -> np.ndarray:
        return (images[:, 0] * PIXELS).sum(axis=(1, 2))[:, None]

    return Predictor(score, ("Mass",), "cpu")


def test_segments_weigh_what_they_add_over_each_donor(predictor: Predictor) -> None:
    masking = Masking(n_masks=64, segmentation=SEGMENTS, alpha=1e-9)
    fitter = SegmentContrast(predictor, masking, MaskLocality(0.25), "identity", False, True, False, 0.0)
    found = fitter("Mass", SOURCES, SEGMENTS)
    np.testing.assert_allclose(found.donor_weights, added(), atol=1e-4)
    assert found.fit.prediction == pytest.approx((PIXELS * SOURCES[0]).sum(), abs=1e-4)
    assert found.pixel_map is None


def test_soft_masks_rank_segments_likewise(predictor: Predictor) -> None:
    masking = Masking(n_masks=400, segmentation=SEGMENTS)
    found = SoftMaskContrast(predictor, masking, "identity", False, 8)("Mass", SOURCES, SEGMENTS)
    weights = found.fit.surrogate.coefficients
    assert np.corrcoef(weights, added().mean(axis=0))[0, 1] > 0.8
    np.testing.assert_allclose(found.donor_weights.mean(axis=0), weights, atol=0.2 * np.abs(weights).max())
