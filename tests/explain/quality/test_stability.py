from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from cxrneighbors.explain.quality.stability import (
    map_correlation,
    mean_over_pairs,
    rank_correlation,
    top_jaccard,
)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([3, 2, 1], [2, 3, 1], 1),
        ([3, 2, -1], [-3, 2, 3], 1 / 3),
        ([1, 0, 0], [0, 0, 1], 0),
        ([-1, 0, 0], [0, 0, 0], 1),
    ],
)
def test_top_jaccard(a, b, expected):
    assert top_jaccard(np.array(a, dtype=float), np.array(b, dtype=float), top=2) == pytest.approx(expected)


def test_rank_correlation_is_spearmans_with_ties():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 30), rng.integers(0, 5, 30)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1)


def test_map_correlation_is_pearsons_and_decides_constants():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(5, 6)), rng.normal(size=(5, 6))
    assert map_correlation(a, b) == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    assert map_correlation(a, 3 - 2 * a) == pytest.approx(-1)
    assert map_correlation(np.ones((5, 6)), a) == 0
    assert map_correlation(np.ones((5, 6)), np.zeros((5, 6))) == 1


def test_mean_over_pairs():
    assert mean_over_pairs([1.0, 2.0, 4.0], lambda a, b: b - a) == 2
    assert np.isnan(mean_over_pairs([1.0], lambda a, b: b - a))
