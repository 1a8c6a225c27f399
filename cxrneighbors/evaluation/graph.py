"""The neighbour graph of one method over the images that may be found: what every measure starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# (query rows (Q,), depth R, allowed (N,)) -> rows (Q, R) with -1 where fewer exist, distances (Q, R)
Search = Callable[[np.ndarray, int, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Method:
    """A way of choosing neighbours: one of the index's graphs or a baseline.

    name: key in `overlap.json`; has: bool (N,), rows it knows; search: see `Search`;
    kind: `index`, `encoder` (another encoder over the same images or reports) or `random` (drawn);
    modality: whose distances its neighbours are shown with.
    """

    name: str
    has: np.ndarray
    search: Search
    kind: str
    modality: str


@dataclass(frozen=True)
class Graph:
    """Neighbours of T targets within a pool of n images.

    pool: int64 (n,), rows of the study table that may be found, ascending; targets: int64 (T,), positions
    in the pool; neighbors: int64 (T, R), positions in the pool, nearest first, -1 where fewer exist, of
    which the first K always do; distances: float32 (T, R); left_out: images with fewer than K candidates.
    """

    pool: np.ndarray
    targets: np.ndarray
    neighbors: np.ndarray
    distances: np.ndarray
    left_out: int

    def target_rows(self) -> np.ndarray:
        """Targets as rows of the study table: int64 (T,)."""
        return self.pool[self.targets]

    def neighbor_rows(self) -> np.ndarray:
        """Neighbours as rows of the study table: int64 (T, R), -1 where fewer exist."""
        return np.where(self.neighbors < 0, -1, self.pool[self.neighbors])


def build_graph(method: Method, allowed: np.ndarray, eligible: np.ndarray, k: int, depth: int) -> Graph:
    """Search `depth` >= K neighbours for every eligible image the method knows.

    allowed: bool (N,), may be found; eligible: bool (N,), a subset of `allowed`, to be scored.
    """
    candidates = allowed & method.has
    pool = np.flatnonzero(candidates)
    rows = np.flatnonzero(eligible & candidates)
    if len(rows) == 0:
        return Graph(pool, rows, np.empty((0, depth), np.int64), np.empty((0, depth), np.float32), 0)
    found, distances = method.search(rows, depth, candidates)
    position = np.full(len(allowed) + 1, -1, dtype=np.int64)  # the extra last entry keeps -1 at -1
    position[pool] = np.arange(len(pool))
    enough = found[:, k - 1] >= 0
    return Graph(
        pool=pool,
        targets=position[rows[enough]],
        neighbors=position[found[enough]],
        distances=distances[enough],
        left_out=int((~enough).sum()),
    )
