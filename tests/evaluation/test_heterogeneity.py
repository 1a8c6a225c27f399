from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cxrneighbors.evaluation.heterogeneity import finding_entropy, heterogeneity_scores


def test_entropy_agrees_with_scipy():
    counts = np.random.default_rng(0).integers(0, 5, (30, 6)) + np.eye(30, 6, dtype=int)
    counts[:, 0] += 1
    np.testing.assert_allclose(finding_entropy(counts), stats.entropy(counts, base=2, axis=1))
    assert finding_entropy(np.zeros((1, 3), int)).tolist() == [0.0]


def test_scores_equal_a_loop():
    rng = np.random.default_rng(1)
    member, neighbors = rng.random((20, 4)) < 0.4, rng.integers(0, 20, (10, 5))
    sets = [[finding for row in rows for finding in np.flatnonzero(member[row])] for rows in neighbors]
    entropies = [stats.entropy(np.unique(found, return_counts=True)[1], base=2) for found in sets]
    scores = heterogeneity_scores(member, neighbors)
    assert scores["entropy_bits"] == pytest.approx(np.mean(entropies))
    assert scores["distinct_findings"] == np.mean([len(set(found)) for found in sets])


def test_alike_neighbours_have_no_entropy():
    member = np.array([[True, False]] * 4)
    scores = heterogeneity_scores(member, np.array([[1, 2, 3]]))
    assert scores == {"entropy_bits": 0.0, "distinct_findings": 1.0}
