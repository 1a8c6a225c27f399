"""A batch of queries as the search sees it: vectors per modality, and the row of a query that is indexed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Queries:
    """Q queries.

    `vectors`: float32 (Q, D) per modality that the queries bring; a line of NaN where one query has none.
    `rows`: int64 (Q,), the query's own row in the index, -1 for an image file or free text from outside.
    """

    vectors: dict[str, np.ndarray]
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def has(self, modality: str) -> np.ndarray:
        """Which queries have a vector in 'image' or 'report': bool (Q,)."""
        if modality not in self.vectors:
            return np.zeros(len(self), dtype=bool)
        return ~np.isnan(self.vectors[modality]).any(axis=1)

    def take(self, which: np.ndarray | slice) -> Queries:
        """The queries at positions `which`, in that order."""
        return Queries({name: values[which] for name, values in self.vectors.items()}, self.rows[which])


def row_queries(vectors: dict[str, np.ndarray], has: dict[str, np.ndarray], rows: np.ndarray) -> Queries:
    """Indexed rows int64 (Q,) as queries; a modality that a row lacks is NaN throughout."""
    taken = {}
    for name, values in vectors.items():
        taken[name] = values[rows]
        taken[name][~has[name][rows]] = np.nan
    return Queries(taken, rows)
