from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.k_lime import KStarLime
from cxrneighbors.explain.sigma_lime import SigmaLime


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("top", [1, 5, 100])
def test_the_map_is_the_sum_of_the_neighbours_lime_masks(world, model, options, k, top):
    options.update(k=k)
    sigma = SigmaLime(model, world.index, top=top, **options).explain("p0", "Nodule")
    parts = KStarLime(model, world.index, **options).explain("p0", "Nodule").parts
    theirs = [part.to_lime() for part in parts]
    masks = [lime.get_image_and_mask(0, positive_only=False, num_features=top)[1] for lime in theirs]
    assert np.isin(masks, [-1, 0, 1]).all()
    assert (sigma.pixel_map == np.sum(masks, axis=0)).all()
    assert np.issubdtype(sigma.pixel_map.dtype, np.integer)
    assert np.abs(sigma.pixel_map).max() <= k
    assert sigma.pixel_map[16, 28] == k  # every neighbour marks the lesion
    assert (sigma.heatmap() == sigma.pixel_map).all()


def test_weights_are_the_maps_means_over_the_targets_segments(world, model, options):
    options["segmentation"] = "slic"
    sigma = SigmaLime(model, world.index, **options).explain("p0", "Nodule")
    for s, weight in enumerate(sigma.weights):
        assert weight == pytest.approx(sigma.pixel_map[sigma.segments == s].mean())
    assert sigma.intercept + sigma.weights.sum() == pytest.approx(sigma.prediction)
    assert sigma.settings["classifier_calls"] == 4 * 61 + 1 and sigma.settings["top"] == 5


def test_top_is_checked(world, model, options):
    with pytest.raises(UserError, match="top 0"):
        SigmaLime(model, world.index, top=0, **options)
