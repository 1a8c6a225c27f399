"""Faithfulness: does the classifier's score follow what the explanation says of it?

Segments are taken away, or put in, in the order of their weights, so that methods are compared on the same
units. `score(masks, fill)` gives the classifier's score of masks uint8 (N, S), 1 = kept, with masked segments
filled as `fill` says: float (N,).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cxrneighbors.explain.surrogate import cosine_distance, locality

Score = Callable[[np.ndarray, str], np.ndarray]


def removal_masks(weights: np.ndarray) -> np.ndarray:
    """Masks that take the segments away one by one, largest weight first: uint8 (S + 1, S), 1 = kept.

    Row i lacks the first i segments. 1 - removal_masks puts them in, in the same order.

    >>> removal_masks(np.array([0.1, 0.9])).tolist()
    [[1, 1], [1, 0], [0, 0]]
    """
    rank = np.argsort(np.argsort(-weights, kind="stable"))
    return (rank >= np.arange(len(rank) + 1)[:, None]).astype(np.uint8)


def removed_share(masks: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Share of the film's pixels that each mask takes away: masks (N, S) -> float64 (N,) in [0, 1]."""
    sizes = np.bincount(segments.ravel(), minlength=masks.shape[1])
    return (1 - masks.astype(np.float64)) @ sizes / segments.size


def top_by_area(weights: np.ndarray, segments: np.ndarray, share: float) -> np.ndarray:
    """The mask without the most supporting segments, of about `share` of the film's pixels: uint8 (S,).

    Of `removal_masks` the one whose removed share is nearest to it, the smaller of two.

    >>> top_by_area(np.array([0.1, 0.9, 0.5]), np.array([[0, 0, 1, 2]]), 0.4).tolist()
    [1, 0, 0]
    """
    masks = removal_masks(weights)
    return np.asarray(masks[np.abs(removed_share(masks, segments) - share).argmin()])


def deletion_auc(weights: np.ndarray, segments: np.ndarray, score: Score) -> float:
    """Area under the score as segments are greyed, most supporting first; small is faithful.

    ∫₀¹ f(x without its first segments, area a in all) da; Petsiuk et al. (2018, "RISE"), by segments. S + 1
    classifier calls.
    """
    masks = removal_masks(weights)
    return float(np.trapezoid(score(masks, "grey"), removed_share(masks, segments)))


def insertion_auc(weights: np.ndarray, segments: np.ndarray, score: Score) -> float:
    """Area under the score as segments enter the blurred film, most supporting first; large is faithful.

    As `deletion_auc`, the other way round; blurred, because shapes cut from grey have edges of their own.
    """
    masks = removal_masks(weights)
    return float(np.trapezoid(score(1 - masks, "blur"), removed_share(masks, segments)))


def donor_aucs(
    weights: np.ndarray, segments: np.ndarray, score: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """Deletion and insertion where what is taken away shows donors: (small, large) is faithful.

    `score`: masks (N, S), 1 = the film's, 0 = the donor's segments, to scores of N films for each of D
    donors: float (D, N). Both areas are means over the donors. Deletion begins at the film and ends at the
    donor, insertion goes the other way, most supporting segments first. 2 · (S + 1) · D classifier calls.
    """
    masks = removal_masks(weights)
    share = removed_share(masks, segments)
    scores = score(np.concatenate([masks, 1 - masks])).mean(axis=0)
    away, put_in = scores[: len(masks)], scores[len(masks) :]
    return float(np.trapezoid(away, share)), float(np.trapezoid(put_in, share))


def held_out_correlation(weights: np.ndarray, masks: np.ndarray, scores: np.ndarray) -> float:
    """Correlation of what the weights predict with the score, on masks that no method was fitted on: [-1, 1].

    Pearson's r between z · w and f(z), weighted by LIME's locality kernel. Methods report their fidelity on
    masks of their own, and Σ-LIME's and KP-LIME's are not masks of the target alone; here all are asked
    about the same masked films (N, S) of the target. 0 where either side is constant.
    """
    pi = locality(cosine_distance(masks))
    return weighted_correlation(masks.astype(np.float64) @ weights, scores, pi)


def weighted_correlation(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> float:
    """Pearson's r of a and b (N,) under weights (N,) >= 0, not all 0: in [-1, 1]; 0 where one is constant."""
    pi = weights / weights.sum()
    a, b = a - pi @ a, b - pi @ b
    spread = np.sqrt((pi @ a**2) * (pi @ b**2))
    return float(np.clip(pi @ (a * b) / spread, -1, 1)) if spread > 1e-15 else 0.0
