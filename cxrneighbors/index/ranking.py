"""Hits: rows found for queries, with their exact distances, nearest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrneighbors.index.fusion import total_distance
from cxrneighbors.index.request import Request


@dataclass(frozen=True)
class Hits:
    """K rows for each of Q queries, by rising distance, ties by row.

    `rows`: int64 (Q, K), -1 where fewer exist. `distance`: float32 (Q, K), the one that ranks; `squared`:
    float64 (Q, K), ‖·‖² in each modality that ranks; NaN where there is no row.
    """

    rows: np.ndarray
    distance: np.ndarray
    squared: dict[str, np.ndarray]

    def take(self, columns: np.ndarray) -> Hits:
        """The hits at `columns` int64 (Q, M), -1 for none."""

        def picked(values: np.ndarray, missing: float | np.float32) -> np.ndarray:
            return np.where(columns < 0, missing, np.take_along_axis(values, columns, axis=1))

        squared = {name: picked(values, np.nan) for name, values in self.squared.items()}
        return Hits(picked(self.rows, -1), picked(self.distance, np.float32(np.nan)), squared)


def rank(request: Request, candidates: np.ndarray) -> Hits:
    """The k best of `candidates` int64 (Q, C; -1 = none, repeats allowed), C >= k, by exact distance."""
    rows = np.sort(candidates, axis=1)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = -1
    squared = {name: request.store.squared_distances(name, request.vectors, rows) for name in request.factors}
    distance = total_distance(squared, request.factors)
    # Rows ascend within a line, so a stable sort breaks ties by row; NaN (no row) sorts last.
    order = np.argsort(distance, axis=1, kind="stable")[:, : request.k]
    return Hits(rows, distance, squared).take(order)


def joined(parts: Sequence[Hits]) -> Hits:
    """Hits of batches of queries as those of one batch."""
    if len(parts) == 1:
        return parts[0]
    squared = {name: np.concatenate([part.squared[name] for part in parts]) for name in parts[0].squared}
    rows, distance = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "distance")
    )
    return Hits(rows, distance, squared)
