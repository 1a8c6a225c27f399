from __future__ import annotations

import numpy as np
from scipy import stats

from cxrneighbors.evaluation.heterogeneity import (
    distinct_findings,
    finding_counts,
    finding_entropy,
    heterogeneity_scores,
)


def test_entropy_agrees_with_scipy():
    counts = np.random.default_rng(0).integers(0, 5, (30, 6)) + np.eye(30, 6, dtype=int)
    counts[:, 0] += 1
    np.testing.assert_allclose(finding_entropy(counts), stats.entropy(counts, base=2, axis=1))
    assert finding_entropy(np.zeros((1, 3), int)).tolist() == [0.0]


def test_counts_equal_a_loop():
    rng = np.random.default_rng(1)
    member, neighbors = rng.random((20, 4)) < 0.4, rng.integers(0, 20, (10, 5))
    counts = finding_counts(member, neighbors)
    for t in range(10):
        assert counts[t].tolist() == member[neighbors[t]].sum(axis=0).tolist()
    assert distinct_findings(counts).tolist() == (counts > 0).sum(axis=1).tolist()


def test_alike_neighbours_have_no_entropy():
    member = np.array([[True, False]] * 4)
    scores = heterogeneity_scores(member, np.array([[1, 2, 3]]))
    assert scores == {"entropy_bits": 0.0, "distinct_findings": 1.0}
