from __future__ import annotations

import numpy as np
import pytest
from lime.lime_base import LimeBase

from cxrneighbors.errors import UserError
from cxrneighbors.explain.certificate import StabilityRule, fit_rounds
from cxrneighbors.explain.selection import SELECTIONS, Selection
from cxrneighbors.explain.surrogate import Sample, cosine_distance, fit_surrogate, locality


@pytest.fixture(params=[0, 1, 2])
def data(request):
    """Masks (200, 18), the first keeping all, and scores with a few strong and many weak segments."""
    rng = np.random.default_rng(request.param)
    z = rng.integers(0, 2, (200, 18))
    z[0] = 1
    effects = rng.normal(size=18) * np.geomspace(1, 0.02, 18)
    return z, 1 / (1 + np.exp(-(z @ effects + 0.8 * z[:, 0] * z[:, 3] + 0.1 * rng.normal(size=200))))


def of_the_package(z, y, n, method):
    """Coefficients (S,), which were used, intercept, R² and local prediction of `LimeBase`."""
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)), random_state=0)
    scores = np.stack([1 - y, y], axis=1)
    found = base.explain_instance_with_data(z, scores, cosine_distance(z), 1, n, method)
    intercept, pairs, score, local = found
    weights = np.zeros(z.shape[1])
    for segment, weight in pairs:
        weights[segment] = weight
    return weights, sorted(int(segment) for segment, _ in pairs), intercept, score, local[0]


@pytest.mark.parametrize("method", SELECTIONS)
@pytest.mark.parametrize("n", [1, 3, 5, 6, 7, 10, 18, 100000])
def test_coefficients_r2_and_local_prediction_are_those_of_the_package(data, method, n):
    z, y = data
    weights, used, intercept, score, local = of_the_package(z, y, n, method)
    fit = fit_surrogate(z, y, locality(cosine_distance(z)), selection=Selection(n, method))
    assert fit.coefficients == pytest.approx(weights, abs=1e-9)
    assert (fit.intercept, fit.fidelity) == pytest.approx((intercept, score), abs=1e-9)
    assert fit.intercept + fit.coefficients.sum() == pytest.approx(local, abs=1e-9)
    if method == "none":
        assert fit.selected is None
    else:
        assert fit.selected.tolist() == used and len(used) <= n


@pytest.mark.parametrize("method", SELECTIONS)
def test_masked_features_choose_the_same_segments_as_kept_ones(data, method):
    z, y = data
    weights, selection = locality(cosine_distance(z)), Selection(4, method)
    kept, masked = (fit_surrogate(x, y, weights, selection=selection) for x in (z, 1 - z))
    assert masked.flipped().coefficients == pytest.approx(kept.coefficients, abs=1e-9)
    assert masked.flipped().intercept == pytest.approx(kept.intercept, abs=1e-9)
    if method != "none":
        assert (masked.flipped().selected == kept.selected).all()


def test_without_a_number_nothing_is_left_out(data):
    z, y = data
    weights = locality(cosine_distance(z))
    plain, asked = fit_surrogate(z, y, weights), fit_surrogate(z, y, weights, selection=Selection())
    assert (plain.coefficients == asked.coefficients).all() and asked.selected is None
    assert Selection(3, "none").features(z, y, weights).tolist() == list(range(18))


@pytest.mark.parametrize("method", SELECTIONS)
def test_a_constant_score_and_segments_that_go_together(data, method):
    z, y = data
    weights, twin = locality(cosine_distance(z)), np.concatenate([z, z[:, :4]], axis=1)
    flat = fit_surrogate(z, np.full(200, 0.3), weights, selection=Selection(3, method))
    assert np.abs(flat.coefficients).max() < 1e-12 and flat.intercept == pytest.approx(0.3)
    fit = fit_surrogate(twin, y, locality(cosine_distance(twin)), selection=Selection(5, method))
    expected, *_, score, _ = of_the_package(twin, y, 5, method)
    if method in ("auto", "forward_selection"):
        assert fit.fidelity == pytest.approx(score, abs=1e-3)  # which twin is taken, rounding decides there
    else:
        assert fit.coefficients == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("method", ["lasso_path", "highest_weights", "forward_selection"])
def test_the_certificate_selects_anew_in_every_refit(data, method):
    z, y = data
    rule = StabilityRule(0.5, top=2, max_rounds=1, n_bootstrap=10)
    sample = Sample(z, np.zeros(200, int), y, cosine_distance(z))
    fit = fit_rounds([sample], locality, 1.0, rule, selection=Selection(2, method))
    assert (fit.surrogate.coefficients != 0).sum() == 2 == len(fit.surrogate.selected)
    assert fit.certificate.n_bootstrap == 10


def test_what_is_wrong_is_said():
    with pytest.raises(UserError, match=r"feature selection 'lasso'; choose one of: auto, none"):
        Selection(3, "lasso")
    with pytest.raises(UserError, match="num_features 0"):
        Selection(0)
