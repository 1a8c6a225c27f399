"""How mixed the findings within a neighbour set are: entropy in bits and number of different findings.

LIME over neighbours wants images near the target whose findings differ (paper, section 4.1.3); these two
numbers say how much they do.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr


def finding_entropy(counts: np.ndarray) -> np.ndarray:
    """Shannon entropy in bits of the findings in a neighbour set: float64 (T,), 0 to log2(C).

    counts: (T, C), how many of the K neighbours carry each finding. An image with two findings counts in
    both; shares are of all finding mentions in the set. An empty set has entropy 0.

    >>> finding_entropy(np.array([[5, 0], [2, 2]])).tolist()
    [0.0, 1.0]
    """
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return np.asarray(entr(share).sum(axis=1) / np.log(2))


def heterogeneity_scores(membership: np.ndarray, neighbors: np.ndarray) -> dict[str, float]:
    """Means over targets: entropy in bits and number of different findings in a neighbour set.

    membership: bool (n, C); neighbors: int (T, K) positions 0..n-1.
    """
    counts = membership[neighbors].sum(axis=1)
    return {
        "entropy_bits": float(finding_entropy(counts).mean()),
        "distinct_findings": float((counts > 0).sum(axis=1).mean()),
    }
