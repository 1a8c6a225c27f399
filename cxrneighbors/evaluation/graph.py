"""The neighbour graph of one method over the images that may be found: what every measure starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Search(Protocol):
    """How a method finds neighbours."""

    def __call__(
        self, rows: np.ndarray, k: int, *, allowed: np.ndarray, include_same_patient: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of rows (Q,), among those allowed (N,): rows (Q, K), -1 where fewer exist, and distances (Q, K)."""


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


@dataclass(frozen=True)
class Who:
    """Rows of the study table, bool (N,) each: `allowed` may be found; `eligible`, of these, are scored."""

    allowed: np.ndarray
    eligible: np.ndarray

    def among(self, known: np.ndarray) -> Who:
        """Only those of `known` bool (N,)."""
        return Who(self.allowed & known, self.eligible & known)


def build_graph(method: Method, who: Who, k: int, depth: int, include_same_patient: bool = False) -> Graph:
    """Search `depth` >= K neighbours for every eligible image the method knows."""
    who = who.among(method.has)
    pool, rows = np.flatnonzero(who.allowed), np.flatnonzero(who.eligible)
    if len(rows) == 0:
        return Graph(pool, rows, np.empty((0, depth), np.int64), np.empty((0, depth), np.float32), 0)
    found, distances = method.search(
        rows, depth, allowed=who.allowed, include_same_patient=include_same_patient
    )
    position = np.full(len(who.allowed) + 1, -1, dtype=np.int64)  # the extra last entry keeps -1 at -1
    position[pool] = np.arange(len(pool))
    enough = found[:, k - 1] >= 0
    return Graph(
        pool=pool,
        targets=position[rows[enough]],
        neighbors=position[found[enough]],
        distances=distances[enough],
        left_out=int((~enough).sum()),
    )
