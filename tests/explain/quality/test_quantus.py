"""The same measures by Quantus, where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.explain.quality.faithfulness import deletion_auc, removal_masks, removed_share
from cxrneighbors.explain.quality.localisation import energy_inside, pointing_game
from cxrneighbors.explain.quality.stability import rank_correlation

quantus = pytest.importorskip("quantus")
pytestmark = pytest.mark.filterwarnings("ignore")
SIDE = 6


@pytest.fixture(scope="module")
def maps():
    """Ten maps with one maximum each, and lesions."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(10, SIDE, SIDE)), rng.random((10, SIDE, SIDE)) < 0.4


@pytest.fixture(scope="module")
def network():
    """Two outputs that add up pixels with weights of their own."""
    import torch

    class Sum(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            generator = torch.Generator().manual_seed(0)
            self.pixels = torch.nn.Parameter(torch.rand((2, SIDE, SIDE), generator=generator))

        def forward(self, images):
            return torch.einsum("nchw,khw->nk", images, self.pixels).sigmoid()

    return Sum().eval()


def localised(metric, maps):
    heat, lesion = maps
    films = np.zeros((10, 1, SIDE, SIDE), dtype=np.float32)
    return metric(
        model=None,
        x_batch=films,
        y_batch=np.zeros(10, dtype=int),
        a_batch=heat[:, None],
        s_batch=lesion[:, None].astype(int),
    )


def test_pointing_game(maps):
    theirs = localised(quantus.PointingGame(abs=False, normalise=False, disable_warnings=True), maps)
    assert [pointing_game(*pair) for pair in zip(*maps, strict=True)] == [float(value) for value in theirs]


def test_energy_inside_is_relevance_mass_accuracy(maps):
    positive = (np.maximum(maps[0], 0), maps[1])
    theirs = localised(
        quantus.RelevanceMassAccuracy(abs=False, normalise=False, disable_warnings=True), positive
    )
    assert [energy_inside(*pair) for pair in zip(*maps, strict=True)] == pytest.approx(theirs)


def test_deletion_is_pixel_flipping_where_every_pixel_is_a_segment(network):
    import torch

    rng = np.random.default_rng(1)
    film, weights = rng.random((1, SIDE, SIDE)).astype(np.float32), rng.normal(size=SIDE * SIDE)
    segments = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)

    def score(masks, fill):
        films = np.where(masks[:, segments][:, None] == 1, film[None], 0.0).astype(np.float32)
        with torch.no_grad():
            return network(torch.from_numpy(films))[:, 1].numpy()

    metric = quantus.PixelFlipping(
        features_in_step=1,
        perturb_baseline=0.0,
        abs=False,
        normalise=False,
        return_aggregate=False,
        disable_warnings=True,
    )
    theirs = metric(
        model=network,
        x_batch=film[None],
        y_batch=np.array([1]),
        a_batch=weights.reshape(1, 1, SIDE, SIDE),
        softmax=False,
        device="cpu",
    )
    masks = removal_masks(weights)
    curve = score(masks, "black")
    np.testing.assert_allclose(curve[1:], np.ravel(theirs), atol=1e-5)
    # Quantus' curve begins after the first step; its area by trapezoids is ours without that step.
    share = removed_share(masks, segments)
    tail = np.trapezoid(np.ravel(theirs), dx=1 / SIDE**2) if hasattr(np, "trapezoid") else None
    if tail is not None:
        first = np.trapezoid(curve[:2], share[:2])
        assert deletion_auc(weights, segments, score) == pytest.approx(first + tail, abs=1e-5)


def test_rank_correlation_is_quantus_similarity(maps):
    from quantus.functions.similarity_func import correlation_spearman

    first, second = maps[0][0].ravel(), maps[0][1].ravel()
    assert rank_correlation(first, second) == pytest.approx(
        float(np.squeeze(correlation_spearman(first, second)))
    )
