from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cxrneighbors.statistics.estimate import Estimate, effective_number


def test_interval_and_p_value_are_students():
    values = np.random.default_rng(0).normal(0.3, 1, 20)
    found = Estimate(values.mean(), stats.sem(values), 19.0)
    theirs = stats.ttest_1samp(values, 0)
    assert found.p_value() == pytest.approx(theirs.pvalue)
    expected = theirs.confidence_interval(0.9)
    assert found.interval(0.9) == pytest.approx((expected.low, expected.high))


def test_interval_and_p_value_agree():
    found = Estimate(0.03, 0.01, 12.0)
    for level in (0.5, 0.9, 0.95, 0.99):
        low, _ = found.interval(level)
        assert (low > 0) == (found.p_value() < 1 - level)
    assert found.p_value(0.03) == 1.0


def test_effective_number_of_unequal_patients():
    # One patient carries nearly all: he counts as one, and many equal ones as themselves.
    heavy = np.r_[1000.0, np.ones(99)]
    assert effective_number(heavy**2, heavy**2, heavy) == pytest.approx(1.0, abs=0.01)
    assert effective_number(np.ones(50), np.ones(50), np.ones(50)) == pytest.approx(50)
    # Expected 25, observed 50: in between, by the harmonic mean.
    half = np.r_[np.ones(25), np.zeros(25)]
    assert effective_number(half, half, np.ones(50)) == pytest.approx(2 / (1 / 25 + 1 / 50))
