"""What random neighbours of one target would share with it, for a page that shows one target at a time."""

from __future__ import annotations

import numpy as np

from cxrneighbors.evaluation.overlap import pair_overlap
from cxrneighbors.evaluation.unit_draws import film_chances


def target_expectation(
    mask: np.ndarray, candidates: np.ndarray, units: np.ndarray, definition: str, k: int
) -> float:
    """Exact expectation of the mean overlap of one target with K random candidates, at most one of a unit.

    mask: uint64 (W,), the target's labels; candidates: uint64 (n, W), labels of the films that it may find;
    units: int (n,), number of what each is one of. Equals `expectation.random_expectation` for that target,
    in time linear in n; NaN without candidates.

    >>> labels = np.array([[1], [1], [2]], dtype=np.uint64)
    >>> round(target_expectation(labels[0], labels, np.array([0, 1, 2]), "any", 2), 3)
    0.667
    """
    if not len(candidates):
        return float("nan")
    films = np.bincount(units)  # of each unit
    number = np.bincount(films)  # of units of each size
    sizes = np.flatnonzero(number[1:]) + 1
    chances = np.zeros(len(number))
    chances[sizes] = film_chances(sizes, number[None, sizes], k)[0]
    return float(chances[films[units]] @ pair_overlap(mask, candidates, definition))
