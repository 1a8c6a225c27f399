"""How mixed the findings within a neighbour set are: entropy in bits and number of different findings.

LIME over neighbours wants images near the target whose findings differ (paper, section 4.1.3); these two
numbers say how much they do.
"""

from __future__ import annotations

import numpy as np


def finding_entropy(counts: np.ndarray) -> np.ndarray:
    """Shannon entropy in bits of the findings in a neighbour set: float64 (T,), 0 to log2(C).

    counts: (T, C), how many of the K neighbours carry each finding. An image with two findings counts in
    both; shares are of all finding mentions in the set. An empty set has entropy 0.

    >>> finding_entropy(np.array([[5, 0], [2, 2]])).tolist()
    [0.0, 1.0]
    """
    total = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(total, 1)
    return np.asarray(-(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=1) + 0.0)


def distinct_findings(counts: np.ndarray) -> np.ndarray:
    """Number of different findings in a neighbour set: int64 (T,). counts: (T, C)."""
    return np.asarray((counts > 0).sum(axis=1))


def finding_counts(membership: np.ndarray, neighbors: np.ndarray) -> np.ndarray:
    """How many of each target's K neighbours carry each finding: int64 (T, C).

    membership: bool (n, C); neighbors: int (T, K) positions 0..n-1.
    """
    counts = np.zeros((len(neighbors), membership.shape[1]), dtype=np.int64)
    for column in neighbors.T:  # K passes of (T, C) instead of one (T, K, C) array
        counts += membership[column]
    return counts


def heterogeneity_scores(membership: np.ndarray, neighbors: np.ndarray) -> dict[str, float]:
    """Means over targets: entropy in bits and number of different findings in a neighbour set."""
    counts = finding_counts(membership, neighbors)
    return {
        "entropy_bits": float(finding_entropy(counts).mean()),
        "distinct_findings": float(distinct_findings(counts).mean()),
    }
