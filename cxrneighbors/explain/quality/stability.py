"""Stability: does the explanation come out the same with another seed, or other segments?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np

from cxrneighbors.explain.quality.localisation import top_segments

T = TypeVar("T")


def top_jaccard(a: np.ndarray, b: np.ndarray, top: int = 3) -> float:
    """|T_a ∩ T_b| / |T_a ∪ T_b| of the `top` segments of weights a and b (S,): in [0, 1]; both empty: 1.

    >>> top_jaccard(np.array([3.0, 2.0, 1.0, 0.0]), np.array([3.0, 0.0, 1.0, 2.0]), top=2)
    0.3333333333333333
    """
    first, second = set(top_segments(a, top).tolist()), set(top_segments(b, top).tolist())
    union = first | second
    return len(first & second) / len(union) if union else 1.0


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's ρ of weights or maps of one shape, ties sharing their mean rank: in [-1, 1].

    Where one is constant there is nothing to rank: 1 if both are, else 0.
    """
    from scipy.stats import rankdata

    return map_correlation(rankdata(a), rankdata(b))


def map_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two pixel maps of one shape: in [-1, 1]; 1 if both are constant, 0 if one is."""
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    flat = [np.linalg.norm(values) < 1e-12 for values in (a, b)]
    if any(flat):
        return float(all(flat))
    return float(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))


def mean_over_pairs(items: Sequence[T], similarity: Callable[[T, T], float]) -> float:
    """Mean similarity of all pairs of `items`; NaN for fewer than two."""
    values = [similarity(a, b) for a, b in combinations(items, 2)]
    return float(np.mean(values)) if values else float("nan")
