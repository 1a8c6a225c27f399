"""What a neighbour policy is asked, and what it answers: rows with their exact distances, nearest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.index.filters import Admission, kept_first
from cxrneighbors.index.fusion import Factors, check_weights, distance_factors
from cxrneighbors.index.vector_store import VectorStore


@dataclass(frozen=True)
class Request:
    """Find `k` neighbours in `store` for each of Q queries.

    `vectors`: float32 (Q, D) of at least the modalities that rank. `modality`: 'image', 'report' or 'fused'.
    `factors`: of the squared distance that ranks. `admission`: filters, patient exclusion, one row of a unit.
    """

    store: VectorStore
    vectors: Mapping[str, np.ndarray]
    k: int
    modality: str
    factors: Factors
    admission: Admission

    def __len__(self) -> int:
        return len(self.admission.which)

    @property
    def candidates(self) -> np.ndarray:
        """All rows that have the modality: int64 (n,)."""
        return self.store.spaces[self.modality].rows

    def take(self, which: np.ndarray | slice) -> Request:
        """The same for the queries at positions `which`."""
        vectors = {name: self.vectors[name][which] for name in self.factors}
        return replace(self, vectors=vectors, admission=self.admission.take(which))


def ranking_factors(
    store: VectorStore, modality: str, weights: Mapping[str, float] | None
) -> tuple[str, Factors]:
    """The modality that ranks, and its factors: with a zero weight a fused search is one in the other.

    `weights`: None for the store's; a `UserError` unless they belong to a fused search.
    """
    chosen = store.weights if weights is None else check_weights(weights)
    if weights is not None and modality != "fused":
        raise UserError(f"weights: they belong to a fused search, this one is by {modality}; leave them out")
    if modality == "fused" and min(chosen.values()) == 0:
        modality = max(chosen, key=lambda name: chosen[name])
    return modality, distance_factors(modality, store.scale, chosen)


class Hits(NamedTuple):
    """K rows for each of Q queries, by rising distance, ties by row.

    `rows`: int64 (Q, K), -1 where fewer exist. `distance`: float32 (Q, K), NaN there.
    """

    rows: np.ndarray
    distance: np.ndarray

    def take(self, columns: np.ndarray) -> Hits:
        """The hits at `columns` int64 (Q, M), -1 for none."""
        rows, distance = (np.take_along_axis(values, columns, axis=1) for values in self)
        return Hits(np.where(columns < 0, -1, rows), np.where(columns < 0, np.float32(np.nan), distance))


def rank(request: Request, candidates: np.ndarray) -> Hits:
    """The k best of `candidates` int64 (Q, C; -1 = none, repeats allowed), C >= k, by exact distance.

    Of candidates of the same unit the nearest counts.
    """
    rows = np.sort(candidates, axis=1)
    empty = int(np.argmax(np.append((rows >= 0).any(axis=0), True)))  # columns, the first ones
    rows = rows[:, min(empty, rows.shape[1] - request.k) :]
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = -1
    distance = request.store.distances(request.vectors, rows, request.factors)
    # Rows ascend within a line, so a stable sort breaks ties by row; NaN (no row) sorts last.
    order = np.argsort(distance, axis=1, kind="stable")
    firsts = request.admission.firsts(np.take_along_axis(rows, order, axis=1))
    return Hits(rows, distance).take(kept_first(order, firsts, request.k))
