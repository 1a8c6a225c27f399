"""Policy `nearest`: the k smallest distances."""

from __future__ import annotations

import numpy as np

from cxrneighbors.index.request import Request
from cxrneighbors.index.search import nearest_rows


def nearest(request: Request, rng: np.random.Generator) -> np.ndarray:
    """Rows int64 (Q, k), nearest first, ties by row order; `rng` is not used."""
    return nearest_rows(request)
