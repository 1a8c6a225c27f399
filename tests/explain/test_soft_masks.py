from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.soft_masks import soft_masks


@pytest.mark.parametrize("keep", [0.3, 0.5])
def test_every_place_is_open_as_often_as_asked(keep):
    masks = soft_masks(2000, 5, keep, (30, 41), np.random.default_rng(0))
    assert masks.shape == (2000, 30, 41) and masks.min() >= 0 and masks.max() <= 1
    assert masks.mean(0) == pytest.approx(np.full((30, 41), keep), abs=0.05)


def test_neighbouring_pixels_are_open_alike():
    masks = soft_masks(500, 4, 0.5, (32, 32), np.random.default_rng(1)) - 0.5
    near = (masks[:, 16, 16] * masks[:, 16, 17]).mean() / (masks[:, 16, 16] ** 2).mean()
    far = (masks[:, 16, 16] * masks[:, 0, 0]).mean() / (masks[:, 16, 16] ** 2).mean()
    assert near > 0.9 and abs(far) < 0.2
