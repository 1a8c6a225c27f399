"""Hits: rows found for queries, with their exact distances, nearest first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cxrneighbors.index.request import Request


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
    """The k best of `candidates` int64 (Q, C; -1 = none, repeats allowed), C >= k, by exact distance."""
    rows = np.sort(candidates, axis=1)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = -1
    distance = request.store.distances(request.vectors, rows, request.factors)
    # Rows ascend within a line, so a stable sort breaks ties by row; NaN (no row) sorts last.
    return Hits(rows, distance).take(np.argsort(distance, axis=1, kind="stable")[:, : request.k])
