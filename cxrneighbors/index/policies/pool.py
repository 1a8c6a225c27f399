"""The pool of near rows from which a policy chooses, with vectors in the metric that ranks."""

from __future__ import annotations

import numpy as np

from cxrneighbors.index.request import Request
from cxrneighbors.index.search import nearest_rows


def nearest_pool(request: Request, size: int) -> np.ndarray:
    """The `size` nearest admitted rows of each query, nearest first: int64 (Q, M), -1 where fewer exist."""
    size = max(request.k, min(size, len(request.candidates)))
    return nearest_rows(request.with_k(size))


def scaled_vectors(request: Request, query: int, rows: np.ndarray) -> np.ndarray:
    """Query `query` and `rows` int64 (M,) as points whose Euclidean distance is the search's: (M + 1, D)."""
    parts = []
    for name, factor in request.factors.items():
        own = request.queries.vectors[name][query][None]
        parts.append(np.sqrt(factor) * np.concatenate([own, request.index.vectors[name][rows]]))
    return np.concatenate(parts, axis=1).astype(np.float64)
