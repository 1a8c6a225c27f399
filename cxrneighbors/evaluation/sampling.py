"""Random neighbours, drawn exactly: K different candidates, uniform, within a stratum."""

from __future__ import annotations

import numpy as np


def draw_neighbors(
    targets: np.ndarray,
    own: np.ndarray,
    strata: np.ndarray,
    k: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw up to K different candidates for each target: int64 (T, K), -1 where fewer exist.

    targets: int (T,) positions in a pool of n images; own: int (n,), images with the target's value are no
    candidates (the patient, or the row number to leave out only the target); strata: int (n,), candidates
    come from the target's stratum. Every set of K candidates is equally likely and so is every order.
    """
    order = np.lexsort((own, strata))
    start, end = _block_of(strata[order], strata[targets])
    both = np.unique(np.stack([strata, own], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    own_start, own_end = _block_of(both[order], both[targets])
    own_size = own_end - own_start
    ranks = _draw_distinct(end - start - own_size, k, rng)
    place = start[:, None] + ranks
    place = place + np.where(place >= own_start[:, None], own_size[:, None], 0)
    return np.where(ranks < 0, -1, order[np.where(ranks < 0, 0, place)])


def _block_of(ordered: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First place and end of each wanted value in an ascending array."""
    return np.searchsorted(ordered, wanted, "left"), np.searchsorted(ordered, wanted, "right")


def _draw_distinct(n: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """K different integers of 0..n-1 per row, in random order: int64 (T, K), -1 once n are drawn.

    Draw j comes from the n - j that are left: its rank among them is moved past the earlier draws,
    taken in ascending order.
    """
    drawn = np.full((len(n), k), -1, dtype=np.int64)
    for j in range(k):
        value = rng.integers(0, np.maximum(n - j, 1))
        for earlier in np.sort(drawn[:, :j], axis=1).T:
            value = value + (value >= earlier)
        drawn[:, j] = np.where(n > j, value, -1)
    return drawn
