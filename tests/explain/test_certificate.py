from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.explain.certificate import StabilityRule, fit_rounds, order_change_probability
from cxrneighbors.explain.surrogate import Sample


def rounds(effects, noise, seed=0, n=60):
    """Rounds of a linear score with Gaussian noise, without end."""
    rng = np.random.default_rng(seed)
    for number in count():
        x = rng.integers(0, 2, (n + (number == 0), len(effects)))
        y = x @ np.array(effects) + noise * rng.normal(size=len(x))
        yield Sample(x, np.zeros(len(x), dtype=int), y, np.zeros(len(x)))


def kernel(distance):
    return np.ones(len(distance))


def test_a_clear_order_is_stable_after_one_round_and_changes_nothing():
    effects = [3.0, -2.0, 1.0, 0.0, 0.1]
    plain = fit_rounds(rounds(effects, 0.01), kernel, 1.0)
    fit = fit_rounds(rounds(effects, 0.01), kernel, 1.0, StabilityRule(0.05))
    certificate = fit.certificate
    assert plain.certificate is None and certificate.stable and certificate.rounds == 1
    assert certificate.probability == 0 and certificate.n_masked == 60
    assert (fit.surrogate.coefficients == plain.surrogate.coefficients).all()
    assert fit.n_scored == 61 and fit.prediction == next(rounds(effects, 0.01)).y[0]


def test_noise_needs_more_rounds():
    effects = [3.0, -2.0, 1.0, 0.0, 0.1]
    certificate = fit_rounds(
        rounds(effects, 1.5), kernel, 1.0, StabilityRule(0.05, max_rounds=60)
    ).certificate
    assert certificate.stable and 1 < certificate.rounds < 60
    assert certificate.n_masked == 60 * certificate.rounds
    assert "stable" in certificate.sentence()


def test_pure_noise_ends_at_the_cap_and_says_so():
    rule = StabilityRule(0.01, max_rounds=3)
    certificate = fit_rounds(rounds([0.0] * 8, 1.0), kernel, 1.0, rule).certificate
    assert not certificate.stable and certificate.rounds == 3 and certificate.probability > 0.3
    assert "not stable, stopped at the cap of 3 rounds" in certificate.sentence()


def test_the_probability_is_that_of_fresh_samples():
    """Against the truth: how often does the order differ between independent samples?"""
    effects, noise = [1.0, 0.8, 0.0], 1.0
    orders = []
    for seed in range(300):
        fit = fit_rounds(rounds(effects, noise, seed), kernel, 1e-6).surrogate
        orders.append(tuple(np.argsort(-np.abs(fit.coefficients))[:1]))
    truth = 1 - np.mean([order == (0,) for order in orders])
    samples = [next(rounds(effects, noise, 1234 + i)) for i in range(40)]
    rule = StabilityRule(0.5, top=1)
    estimates = [
        order_change_probability(sample, np.ones(61), 1e-6, rule, np.random.default_rng(i))
        for i, sample in enumerate(samples)
    ]
    # A bootstrap of the order is biased toward change by noise it counts twice, but it is of the right size.
    assert abs(np.mean(estimates) - truth) < 0.12


def test_rules_are_checked():
    for tolerance in (0, 1, -0.1, 5):
        with pytest.raises(UserError, match="not a probability"):
            StabilityRule(tolerance)
    with pytest.raises(UserError, match="at least 1"):
        StabilityRule(0.1, top=0)
