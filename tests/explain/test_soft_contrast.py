"""Soft masks between a film and its donors, against slopes by numpy on the films that were shown."""

from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.contrast_lime import ContrastLime
from cxrneighbors.explain.detail import difference_to
from cxrneighbors.explain.donor_levels import linked
from cxrneighbors.explain.predictor import Predictor
from cxrneighbors.explain.soft_contrast import soft_contrast

SIDE, K, N = 24, 3, 96


class Shown:
    """A classifier that keeps what it sees; its score rises with a corner's brightness, not linearly."""

    def __init__(self) -> None:
        self.films: list[np.ndarray] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.films.extend(images[:, 0].copy())
        corner = images[:, 0, 4:10, 12:18].mean((1, 2))
        score = 1 / (1 + np.exp(-3 * corner + images[:, 0, 20, 20]))
        return np.stack([score, 1 - score], 1)


@pytest.fixture
def found():
    """A bright film on dark donors of three levels, so that what is shown tells the mask and the donor."""
    levels = np.array([0.0, 0.1, 0.2])
    sources = np.concatenate(
        [np.ones((1, 1, SIDE, SIDE)), np.ones((K, 1, SIDE, SIDE)) * levels[:, None, None, None]]
    )
    model = Shown()
    predictor = Predictor(model, ("A", "B"), "cpu", batch_size=16)
    rng = np.random.default_rng(4)
    result = soft_contrast(
        predictor, "A", sources.astype(np.float32), N, 4, lambda y: linked(y, "logit"), rng
    )
    films = np.array(model.films)
    donors = _order(N)
    masks = (films - levels[donors][:, None, None]) / (1 - levels[donors])[:, None, None]
    return result, masks, donors, model(films[:, None])[:, 0]


def _order(n: int) -> np.ndarray:
    """Donors of the films in the order they are shown: 32 pairs at a time, masks first, then complements."""
    parts = [np.arange(start, min(start + 32, n // 2)) % K for start in range(0, n // 2, 32)]
    return np.concatenate([np.tile(part, 2) for part in parts])


def test_masks_and_their_complements_are_shown_on_the_same_donor(found):
    result, masks, donors, _ = found
    assert result.n_scored == N == len(masks)
    assert masks.min() >= -1e-6 and masks.max() <= 1 + 1e-6
    first, second = masks[:32], masks[32:64]
    assert first + second == pytest.approx(np.ones_like(first), abs=1e-5)
    for donor in range(K):
        assert masks[donors == donor].mean(0) == pytest.approx(np.full((SIDE, SIDE), 0.5), abs=1e-5)


def test_the_map_is_the_slope_of_the_log_odds_on_the_mask(found):
    result, masks, donors, scores = found
    y = np.log(scores / (1 - scores))
    for donor in range(K):
        y[donors == donor] -= y[donors == donor].mean()
    for row, column in [(6, 14), (20, 20), (0, 0), (12, 3)]:
        slope = np.polyfit(masks[:, row, column], y, 1)[0]
        assert result.heat[row, column] == pytest.approx(slope, abs=1e-5)
    counts = np.bincount(donors) / len(donors)
    assert result.heat == pytest.approx(np.tensordot(counts, result.donor_maps, axes=1))
    row, column = np.unravel_index(result.heat.argmax(), result.heat.shape)
    assert 3 <= row <= 10 and 11 <= column <= 18


@pytest.fixture
def soft(world, model, options):
    return ContrastLime(model, world.index, design="soft", grid=4, **options).explain("p0", "Nodule")


def test_contrast_lime_with_soft_masks_finds_the_lesion(soft, options):
    means = [soft.pixel_map[soft.segments == segment].mean() for segment in range(16)]
    assert soft.weights == pytest.approx(means, abs=1e-5) and int(soft.weights.argmax()) == 6
    k, p = options["k"], options["n_masks"]
    assert soft.donor_weights.shape == (k, 16) and np.isnan(soft.fidelity) and soft.seed == 0
    changed = soft.settings["counterfactual"]
    assert changed["segments"] == [6] and changed["score"] < soft.prediction
    assert soft.settings["classifier_calls"] > (k + 1) * p and soft.settings["grid"] == 4


def test_detail_multiplies_by_the_difference_to_the_donors(world, model, options, soft):
    options |= {"design": "soft", "grid": 4, "detail": True}
    detailed = ContrastLime(model, world.index, **options).explain("p0", "Nodule")
    sources = np.concatenate([soft.image[None], soft.neighbour_images])
    assert detailed.pixel_map == pytest.approx(soft.pixel_map * difference_to(sources), abs=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"grid": 1}, "grid 1: at least 2"),
        ({"num_features": 3}, "fits no surrogate; leave num_features out"),
        ({"feather": 1.0}, "mixed and feather are for segments"),
        ({"mixed": True}, "mixed and feather are for segments"),
    ],
)
def test_what_has_no_meaning_with_soft_masks(world, model, options, wrong, message):
    with pytest.raises(UserError, match=message):
        ContrastLime(model, world.index, design="soft", **options, **wrong)
