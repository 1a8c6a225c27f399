from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cxrneighbors.explain.kp_lime import KPLime
from cxrneighbors.explain.surrogate import locality

P, K = 60, 4


@pytest.fixture
def seen(model):
    """The classifier, keeping every film it was shown."""

    class Seen:
        def __init__(self):
            self.films = []

        def __call__(self, images):
            self.films.extend(images[:, 0].copy())
            return model(images)

    return Seen()


def kept(film, shown, segments):
    """Which segments of `film` show the pixels of `shown`: int (S,)."""
    return np.array([np.array_equal(film[segments == s], shown[segments == s]) for s in range(16)]).astype(
        int
    )


def by_hand(masks, scores):
    """The paper's surrogate with scikit-learn, 1 = masked; results in terms of kept segments."""
    share = masks.mean(1)
    distance = 1 - np.sqrt(share)
    ridge = Ridge(alpha=1).fit(1 - masks, scores, sample_weight=np.sqrt(np.exp(-((distance / 0.25) ** 2))))
    return -ridge.coef_, ridge.intercept_ + ridge.coef_.sum()


def test_the_papers_features_have_no_cosine_kernel():
    """Why the kernel is of the share kept: 1 = masked makes the unmasked film the zero vector."""
    from sklearn.metrics import pairwise_distances

    masked = np.random.default_rng(0).integers(0, 2, (50, 9))
    masked[0] = 0
    distance = pairwise_distances(masked, masked[:1], metric="cosine").ravel()
    assert distance[1:] == pytest.approx(1)
    assert locality(distance[1:]) == pytest.approx(np.exp(-8))


def test_exactly_k_plus_one_times_p_masked_films_and_the_unmasked_target(world, seen, model, options):
    explanation = KPLime(seen, world.index, **options).explain("p0", "Nodule")
    films, segments = np.array(seen.films), explanation.segments
    assert len(films) == (K + 1) * P + 1 == explanation.settings["classifier_calls"]
    assert (films[0] == explanation.image[0]).all()
    sources = [explanation.image[0], *explanation.neighbour_images[:, 0]]
    masks = [np.ones(16, int)]
    for n, film in enumerate(films[1:]):
        source = sources[n // P]
        mask = kept(film, source, segments)
        # What is not the source's own is grey, in whole segments.
        assert (film[mask[segments] == 0] == 0.5).all()
        masks.append(mask)
    weights, intercept = by_hand(np.array(masks), model(films[:, None])[:, 0])
    assert explanation.weights == pytest.approx(weights, abs=1e-5)
    assert explanation.intercept == pytest.approx(intercept, abs=1e-5)


def test_fill_neighbour_puts_the_neighbours_pixels_into_the_target(world, seen, model, options):
    explanation = KPLime(seen, world.index, fill="neighbour", **options).explain("p0", "Nodule")
    films, segments = np.array(seen.films), explanation.segments
    target, neighbours = explanation.image[0], explanation.neighbour_images[:, 0]
    assert len(films) == (K + 1) * P + 1
    masks = [np.ones(16, int)]
    for n, film in enumerate(films[1:]):
        donor = neighbours[n % K] if n < P else neighbours[n // P - 1]
        mask = kept(film, target, segments)
        assert (film == np.where(mask[segments] == 1, target, donor)).all()
        masks.append(mask)
    weights, intercept = by_hand(np.array(masks), model(films[:, None])[:, 0])
    assert explanation.weights == pytest.approx(weights, abs=1e-5)
    assert explanation.intercept == pytest.approx(intercept, abs=1e-5)


def test_rounds_add_masks_and_keep_one_unmasked_target(world, seen, options):
    from cxrneighbors.explain.certificate import StabilityRule

    rule = StabilityRule(0.0001, top=16, max_rounds=3, n_bootstrap=20)
    explanation = KPLime(seen, world.index, stability=rule, **options).explain("p0", "Nodule")
    assert len(seen.films) == 3 * (K + 1) * P + 1 == explanation.settings["classifier_calls"]
    assert explanation.settings["stability"]["n_masked"] == 3 * (K + 1) * P
    assert sum(np.array_equal(film, explanation.image[0]) for film in seen.films) == 1
