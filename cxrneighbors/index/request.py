"""What a neighbour policy is asked: which index and queries, how many, which modality, who is admitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.index.filters import Admission
from cxrneighbors.index.fusion import VECTOR_MODALITIES, Factors, distance_factors, squared_distances
from cxrneighbors.index.queries import Queries

if TYPE_CHECKING:
    from cxrneighbors.index.neighbor_index import NeighborIndex


@dataclass(frozen=True)
class Request:
    """Find `k` neighbours for each of Q queries.

    `modality`: 'image', 'report' or 'fused'; the queries bring its vectors. `weights`: of the fused distance,
    both above 0. `admission`: filters and patient exclusion. A policy returns rows int64 (Q, k), -1 where
    fewer are admitted; the index computes the distances and orders by them.
    """

    index: NeighborIndex
    queries: Queries
    k: int
    modality: str
    weights: dict[str, float]
    admission: Admission

    @property
    def factors(self) -> Factors:
        """Factors of the squared distance that ranks."""
        return distance_factors(self.modality, self.index.scale, self.weights)

    @property
    def candidates(self) -> np.ndarray:
        """All rows that have the modality: int64 (n,)."""
        return self.index.spaces[self.modality].rows

    def take(self, which: np.ndarray | slice) -> Request:
        """The same for the queries at positions `which`."""
        return replace(self, queries=self.queries.take(which), admission=self.admission.take(which))

    def with_k(self, k: int) -> Request:
        """The same for another number of neighbours."""
        return replace(self, k=k)


def check_k(k: int) -> None:
    """A UserError unless k is 1 or more."""
    if k < 1:
        raise UserError(f"k: {k} neighbours cannot be found; ask for k=1 or more")


def hit_distances(
    index: NeighborIndex, queries: Queries, rows: np.ndarray, factors: Factors, total_only: bool = False
) -> dict[str, np.ndarray]:
    """Distances of queries to their hits `rows` int64 (Q, K; -1 = none), from the stored vectors.

    Returns float32 (Q, K) for 'total' (by `factors`), 'image' and 'report' (each ‖·‖/σ); NaN where there is
    no hit, or where query or hit lacks the modality; only 'total' if `total_only`.
    """
    squared: dict[str, np.ndarray] = {}
    for name in factors if total_only else VECTOR_MODALITIES:
        squared[name] = np.full(rows.shape, np.nan)
        if name not in index.vectors or name not in queries.vectors:
            continue
        there = (rows >= 0) & index.has[name][rows] & queries.has(name)[:, None]
        step = max(1, 2**22 // max(1, rows.shape[1] * index.vectors[name].shape[1]))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            values = squared_distances(queries.vectors[name][part], index.vectors[name][rows[part]])
            squared[name][part] = np.where(there[part], values, np.nan)
    total = np.sqrt(sum(factor * squared[name] for name, factor in factors.items()))
    if total_only:
        return {"total": total.astype(np.float32)}
    parts = {name: np.sqrt(values / index.scale.get(name, 1.0)) for name, values in squared.items()}
    return {name: values.astype(np.float32) for name, values in {"total": total, **parts}.items()}
