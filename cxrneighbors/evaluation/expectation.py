"""What random neighbours would show: the exact expectation per target, without an N x N matrix.

Images with the same label set are interchangeable, so the N candidates are grouped into their U different
sets (836 in the 112,120 images of ChestX-ray14). One (U, U) table of overlaps and the counts of each set, per
stratum, give every target's sum over all candidates; the target itself, or all images of its patient, are
then taken out again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

from cxrneighbors.evaluation.overlap import CHUNK, pair_overlap, summed_overlap
from cxrneighbors.statistics.groups import equal_sized_groups


@dataclass(frozen=True)
class Expectation:
    """Random choice among the candidates of each of n images (the candidate pool).

    mean: float64 (n,), expected overlap with one random candidate; NaN where there is no candidate.
    candidates: int64 (n,), how many candidates an image has.
    overlapping: int64 (n,), how many of them have an overlap above 0.
    """

    mean: np.ndarray
    candidates: np.ndarray
    overlapping: np.ndarray


def random_expectation(
    masks: np.ndarray,
    patients: np.ndarray,
    definition: str,
    strata: np.ndarray | None = None,
    include_same_patient: bool = False,
    findable: np.ndarray | None = None,
) -> Expectation:
    """Exact expectation of the overlap with a candidate drawn uniformly from the same stratum.

    masks: uint64 (n, W); patients: int (n,); strata: int (n,) or None for one stratum of all; findable: bool
    (n,), images that may be chosen, all by default. Candidates of an image: those of its stratum without its
    patient's; with `include_same_patient`, without itself. The rule is the neighbour search's, so observed
    and expected are alike in it.
    """
    strata = np.zeros(len(masks), dtype=np.int64) if strata is None else strata
    own = np.arange(len(masks)) if include_same_patient else patients
    findable = np.ones(len(masks), dtype=bool) if findable is None else findable
    total, in_stratum = _stratum_totals(masks, strata, findable, definition)
    own_total, own_count = _own_totals(masks, own, strata, findable, definition)
    candidates = in_stratum - own_count
    mean = np.where(candidates > 0, (total - own_total) / np.maximum(candidates, 1), np.nan)
    if definition == "jaccard":
        above_zero = random_expectation(masks, patients, "any", strata, include_same_patient, findable)
        return Expectation(mean, candidates, above_zero.overlapping)
    return Expectation(mean, candidates, np.rint(total - own_total).astype(np.int64))


def random_histogram(candidates: np.ndarray, overlapping: np.ndarray, k: int) -> np.ndarray:
    """Expected number of targets with 0..K overlapping neighbours under random choice: float64 (K+1,).

    candidates, overlapping: int (T,). A target with n candidates, m of them overlapping, draws K without
    replacement: hypergeometric. The counts sum to T. For `jaccard`, "overlapping" means an overlap above 0.
    Raises ValueError where a target has fewer than K candidates.

    >>> random_histogram(np.array([4]), np.array([2]), 2).round(3).tolist()
    [0.167, 0.667, 0.167]
    """
    if len(candidates) and candidates.min() < k:
        raise ValueError(f"candidates must be at least k={k} for every target, got {candidates.min()}")
    pairs, times = np.unique(np.stack([candidates, overlapping], axis=1), axis=0, return_counts=True)
    probability = hypergeom.pmf(np.arange(k + 1), pairs[:, :1], pairs[:, 1:], k)
    return np.asarray(times @ probability)


def _stratum_totals(
    masks: np.ndarray, strata: np.ndarray, findable: np.ndarray, definition: str
) -> tuple[np.ndarray, np.ndarray]:
    """Sum of overlaps with the whole stratum, the image itself included (n,), and the stratum's size (n,)."""
    sets, which = np.unique(masks, axis=0, return_inverse=True)
    which = which.reshape(-1)  # numpy 2.0 alone returns (n, 1)
    n_strata = int(strata.max(initial=-1)) + 1
    counts = np.bincount(strata * len(sets) + which, findable, minlength=n_strata * len(sets))
    counts = counts.reshape(n_strata, len(sets))
    totals = summed_overlap(counts, sets, definition)
    return totals[strata, which], counts.sum(axis=1).astype(np.int64)[strata]


def _own_totals(
    masks: np.ndarray, own: np.ndarray, strata: np.ndarray, findable: np.ndarray, definition: str
) -> tuple[np.ndarray, np.ndarray]:
    """The part of `_stratum_totals` that comes from an image's own patient in its own stratum."""
    total = np.zeros(len(masks))
    count = np.zeros(len(masks), dtype=np.int64)
    key = own * (int(strata.max(initial=0)) + 1) + strata
    for members in equal_sized_groups(key):
        size = members.shape[1]
        step = max(1, CHUNK // size**2)
        for start in range(0, len(members), step):
            rows = members[start : start + step]
            pairs = pair_overlap(masks[rows][:, :, None], masks[rows][:, None, :], definition)
            total[rows] = (pairs * findable[rows][:, None, :]).sum(axis=2)
            count[rows] = findable[rows].sum(axis=1)[:, None]
    return total, count
