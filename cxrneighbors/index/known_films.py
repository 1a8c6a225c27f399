"""Films from outside that the index holds already, found by their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.index.candidates import exact_candidates
from cxrneighbors.index.filters import Admission
from cxrneighbors.index.query_encoding import Film, film_pixels
from cxrneighbors.index.ranking import rank
from cxrneighbors.index.request import Request
from cxrneighbors.index.vector_store import VectorStore

# A copy is looked for among this many nearest films, up to this distance (in σ): the last digits of a vector
# depend on device and batch. The pixels decide.
NEAREST = 8
NEAR = 0.05


def known_rows(store: VectorStore, vectors: np.ndarray, films: Sequence[Film]) -> np.ndarray:
    """Rows of the index that hold `films`, whose image vectors are float32 (Q, D): int64 (Q,), -1 for none.

    A film whose file in the index is gone or unreadable is not known.
    """
    rows = np.full(len(films), -1, dtype=np.int64)
    everyone = Admission(None, np.zeros(len(films), dtype=np.int64), store.patients, rows)
    request = Request(store, {"image": vectors}, NEAREST, "image", store.spaces["image"].factors, everyone)
    hits = rank(request, exact_candidates(request, request.candidates))
    for query, film in enumerate(films):
        near = hits.rows[query][hits.distance[query] <= NEAR]
        rows[query] = next((row for row in near if _is_copy(store.studies["path"][row], film)), -1)
    return rows


def _is_copy(path: str | None, film: Film) -> bool:
    with suppress(UserError):
        return path is not None and np.array_equal(film_pixels(path), film_pixels(film))
    return False
