from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances, r2_score

from cxrneighbors.explain.surrogate import cosine_distance, fit_surrogate, locality, weighted_r2


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    z = rng.integers(0, 2, (80, 12))
    z[0] = 1
    return z, z @ rng.normal(size=12) + rng.normal(size=80), rng.random(80)


def test_surrogate_equals_scikit_learns_ridge(data):
    z, y, weights = data
    ridge = Ridge(alpha=1.7).fit(z, y, sample_weight=weights)
    fit = fit_surrogate(z, y, weights, alpha=1.7)
    assert fit.coefficients == pytest.approx(ridge.coef_, abs=1e-9)
    assert fit.intercept == pytest.approx(ridge.intercept_, abs=1e-9)
    assert fit.fidelity == pytest.approx(ridge.score(z, y, sample_weight=weights), abs=1e-12)


def test_surrogate_equals_the_lime_package(data):
    from lime.lime_base import LimeBase

    z, y, _ = data
    distance = pairwise_distances(z, z[:1], metric="cosine").ravel()
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)), random_state=0)
    intercept, weights, score, local = base.explain_instance_with_data(z, y[:, None], distance, 0, 100)
    fit = fit_surrogate(z, y, locality(cosine_distance(z)))
    assert fit.coefficients == pytest.approx([w for _, w in sorted(weights)], abs=1e-9)
    assert (fit.intercept, fit.fidelity) == pytest.approx((intercept, score), abs=1e-9)
    assert fit.intercept + fit.coefficients.sum() == pytest.approx(local[0], abs=1e-9)


def test_flipped_is_the_fit_on_one_minus_x(data):
    z, y, weights = data
    kept, masked = fit_surrogate(z, y, weights), fit_surrogate(1 - z, y, weights).flipped()
    assert masked.coefficients == pytest.approx(kept.coefficients, abs=1e-10)
    assert masked.intercept == pytest.approx(kept.intercept, abs=1e-10)


def test_distance_equals_scikit_learns_with_an_empty_mask():
    z = np.random.default_rng(0).integers(0, 2, (50, 7))
    z[3] = 0
    expected = pairwise_distances(z, np.ones((1, 7)), metric="cosine").ravel()
    assert cosine_distance(z) == pytest.approx(expected, abs=1e-12)


def test_r2_equals_scikit_learns_and_constants_are_defined():
    rng = np.random.default_rng(1)
    y, predicted, weights = rng.normal(size=30), rng.normal(size=30), rng.random(30)
    expected = r2_score(y, predicted, sample_weight=weights)
    assert weighted_r2(y, predicted, weights) == pytest.approx(expected)
    constant = np.full(30, 0.1)
    assert weighted_r2(constant, constant, weights) == 1.0
    assert weighted_r2(constant, predicted, weights) == 0.0
    fit = fit_surrogate(rng.integers(0, 2, (30, 4)), constant, weights)
    assert fit.fidelity == 1.0 and np.abs(fit.coefficients).max() < 1e-15
