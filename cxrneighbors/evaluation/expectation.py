"""What random neighbours would show: the exact expectation per target, without an N x N matrix.

Images with the same label set are interchangeable, so the N candidates are grouped into their U different
sets (836 in the 112,120 images of ChestX-ray14). One (U, U) table of overlaps and the counts of each set, per
stratum and size of unit, give every target's sum over all candidates; the target itself, or all images of its
patient, are then taken out again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxrneighbors.evaluation.overlap import CHUNK, pair_overlap, summed_overlap
from cxrneighbors.evaluation.random_choice import RandomChoice
from cxrneighbors.statistics.groups import equal_sized_groups


@dataclass(frozen=True)
class Expectation:
    """Random choice among the candidates of each of n images (the candidate pool).

    mean: float64 (n,), expected overlap with one random candidate; NaN where there is no candidate.
    candidates: int64 (n,), how many an image has: images, or studies or patients of whom one image counts.
    overlapping: float64 (n,), how many of them have an overlap above 0: their number times the chance.
    choice: who is drawn, the same for whatever labels.
    """

    mean: np.ndarray
    candidates: np.ndarray
    overlapping: np.ndarray
    choice: RandomChoice

    @property
    def share(self) -> np.ndarray:
        """See `RandomChoice`: float64 (n,)."""
        return self.choice.share

    @property
    def left(self) -> np.ndarray:
        """See `RandomChoice`: float64 (n,)."""
        return self.choice.left


def random_expectation(
    masks: np.ndarray,
    patients: np.ndarray,
    definition: str,
    strata: np.ndarray | None = None,
    include_same_patient: bool = False,
    findable: np.ndarray | None = None,
    units: np.ndarray | None = None,
    k: int = 1,
) -> Expectation:
    """Exact expectation of the mean overlap with K candidates drawn at random from the same stratum.

    masks: uint64 (n, W); patients: int (n,); strata: int (n,) or None for one stratum of all; findable: bool
    (n,), images that may be chosen, all by default. Candidates of an image: those of its stratum without its
    patient's; with `include_same_patient`, without itself. units: int (n,), studies or patients of whom at
    most one image is among the `k` (see `unit_draws`); None: each image is its own, and k makes no
    difference. The rules are the neighbour search's, so observed and expected are alike in them.
    """
    n = len(masks)
    choice = RandomChoice.of(
        patients,
        np.zeros(n, dtype=np.int64) if strata is None else strata,
        include_same_patient,
        np.ones(n, dtype=bool) if findable is None else findable,
        np.arange(n) if units is None else units,
        k,
    )
    return expectation_of(masks, choice, definition)


def expectation_of(masks: np.ndarray, choice: RandomChoice, definition: str) -> Expectation:
    """`random_expectation` with labels uint64 (n, W) where it is known already who is drawn."""
    none = choice.candidates == 0
    mean = np.where(none, np.nan, _mean_overlap(masks, choice, definition))
    above_zero = _mean_overlap(masks, choice, "any") if definition == "jaccard" else np.nan_to_num(mean)
    overlapping = np.round(choice.candidates * above_zero, 9)  # whole numbers where units are single images
    return Expectation(mean, choice.candidates, overlapping, choice)


def random_histogram(candidates: np.ndarray, overlapping: np.ndarray, k: int) -> np.ndarray:
    """Expected number of targets with 0..K overlapping neighbours under random choice: float64 (K+1,).

    candidates, overlapping: (T,). A target with n candidates, m of them overlapping, draws K without
    replacement: hypergeometric, between the next lower and higher m where m is not whole. That is exact for
    single images; for studies and patients of several images, which overlap in a part of these, the mean is
    exact and each count within about K / n of what draws show. The counts sum to T. For `jaccard`,
    "overlapping" means an overlap above 0. Raises ValueError where a target has fewer than K candidates.

    >>> random_histogram(np.array([4]), np.array([2]), 2).round(3).tolist()
    [0.167, 0.667, 0.167]
    """
    if len(candidates) and candidates.min() < k:
        raise ValueError(f"candidates must be at least k={k} for every target, got {candidates.min()}")
    pairs, times = np.unique(np.stack([candidates, overlapping], axis=1), axis=0, return_counts=True)
    n, m = pairs[:, :1], pairs[:, 1:]
    low = np.floor(m)
    lower, higher = (_hypergeometric(n, np.minimum(each, n), k) for each in (low, low + 1))
    return np.asarray(times @ (lower + (m - low) * (higher - lower)))


def _hypergeometric(n: np.ndarray, m: np.ndarray, k: int) -> np.ndarray:
    """Chances that 0 to K of K drawn are among m of n, float (R, 1) each: float64 (R, K + 1)."""
    hits = np.arange(k + 1)
    possible = (hits <= m) & (k - hits <= n - m)
    some, others = np.where(possible, hits, 0), np.where(possible, k - hits, 0)
    ways = _log_choose(m, some) + _log_choose(n - m, others) - _log_choose(n, np.array(k))
    return np.asarray(np.where(possible, np.exp(ways), 0.0))


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """log of n choose k, k small: by products, so that no digit is lost for large n."""
    result = np.zeros(np.broadcast_shapes(n.shape, k.shape))
    for i in range(int(k.max(initial=0))):
        result += np.where(i < k, np.log(np.maximum(n - i, 1)) - np.log(i + 1), 0.0)
    return result


def _mean_overlap(masks: np.ndarray, choice: RandomChoice, definition: str) -> np.ndarray:
    """Sum of the overlaps with all candidates, each with its chance: float64 (n,)."""
    sets, which = np.unique(masks, axis=0, return_inverse=True)
    which = which.reshape(-1)  # numpy 2.0 alone returns (n, 1)
    n_sizes = choice.chances.shape[1]
    n_cells = (int(choice.strata.max(initial=-1)) + 1) * n_sizes
    cell = choice.strata * n_sizes + choice.size
    counts = np.bincount(cell * len(sets) + which, choice.findable, minlength=n_cells * len(sets))
    totals = summed_overlap(counts.reshape(n_cells, len(sets)), sets, definition)
    result = -_own_part(masks, choice, definition)
    step = max(1, CHUNK // n_sizes)
    for rows in (slice(start, start + step) for start in range(0, len(masks), step)):
        cells = choice.strata[rows, None] * n_sizes + np.arange(n_sizes)
        chances = choice.chances[choice.population[rows]]
        result[rows] += (chances * totals[cells, which[rows, None]]).sum(axis=1)
    return result


def _own_part(masks: np.ndarray, choice: RandomChoice, definition: str) -> np.ndarray:
    """What an image's own patient, or unit, adds to the sum over all films of the stratum: float64 (n,)."""
    result = np.zeros(len(masks))
    for members in equal_sized_groups(choice.own):
        step = max(1, CHUNK // members.shape[1] ** 2)
        for start in range(0, len(members), step):
            rows = members[start : start + step]
            pairs = pair_overlap(masks[rows][:, :, None], masks[rows][:, None, :], definition)
            result[rows] = (pairs * choice.of_own(rows)).sum(axis=2)
    return result
