"""Exact nearest neighbours by matrix products in blocks: the reference, and the way out of narrow filters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from cxrneighbors.compiled import by_thread
from cxrneighbors.index.backends.nearest_rows import NearestRows
from cxrneighbors.index.filters import Admission
from cxrneighbors.index.fusion import Factors, scaled_concatenation

# Vectors are put side by side for so many rows at once; a product of 256 x 1,024 float32 is 1 MiB, so that it
# is still in the cache when it is looked through.
QUERY_BLOCK = 256
ROW_BLOCK = 16_384
PRODUCT_ROWS = 1024
# Products lose a few float32 digits to cancellation; this many spare candidates are kept and the caller ranks
# them again by differences.
SPARE = 8
# Of a unit (study, patient) this many rows are candidates, for the same reason.
UNIT_ROWS = 4


def nearest_exact(
    vectors: Mapping[str, np.ndarray],
    rows: np.ndarray,
    queries: Mapping[str, np.ndarray],
    factors: Factors,
    k: int,
    admission: Admission,
    centre: Mapping[str, np.ndarray],
    apart: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Candidates that hold the k nearest of `rows` int64 (n,): int64 (Q, C), C >= k, -1 where fewer pass.

    `vectors`: float32 (N, D) per modality, `queries`: (Q, D). `rows` have passed the predicates already, here
    only the query's own row or patient is left out. `centre` float32 (D,) per modality is subtracted first,
    which keeps digits. `apart`: see `scaled_concatenation`. With `admission.units`: the nearest rows of the k
    units that are nearest by one row.
    """
    n_queries, m = len(admission.which), min(k + SPARE, max(len(rows), k))
    best = NearestRows.none(n_queries, m, 1 if admission.units is None else UNIT_ROWS)
    # |a - b|² without |a|², the same for all b of a query, as one product: [-2a, 1] · [b, |b|²].
    sides = scaled_concatenation(queries, factors, centre=centre) * np.float32(-2)
    left = np.concatenate([sides, np.ones((len(sides), 1), dtype=np.float32)], axis=1)
    for start in range(0, len(rows), ROW_BLOCK):
        block = rows[start : start + ROW_BLOCK]
        found = scaled_concatenation(vectors, factors, block, centre, apart)
        right = np.concatenate([found, np.einsum("nd,nd->n", found, found)[:, None]], axis=1).T
        keys, units = admission.keys[block], block if admission.units is None else admission.units[block]

        work = partial(_see_block, best, left, right, (block, units, keys), admission.query_keys)
        by_thread(work, range(0, n_queries, QUERY_BLOCK))
    return best.row.reshape(n_queries, -1)


def _see_block(
    best: NearestRows,
    left: np.ndarray,
    right: np.ndarray,
    of_rows: tuple[np.ndarray, ...],
    query_keys: np.ndarray,
    begin: int,
) -> None:
    """Show `best` the products of `QUERY_BLOCK` queries, left (Q, D + 1), with a block, right (D + 1, n)."""
    queries = slice(begin, begin + QUERY_BLOCK)
    sides, (rows, units, keys) = left[queries], of_rows
    space = np.empty((len(sides), PRODUCT_ROWS), dtype=np.float32)
    for first in range(0, right.shape[1], PRODUCT_ROWS):
        columns = slice(first, min(first + PRODUCT_ROWS, right.shape[1]))
        products = np.matmul(sides, right[:, columns], out=space[:, : columns.stop - first])
        of_columns = rows[columns], units[columns], keys[columns]
        best.see(queries, products, *of_columns, query_keys[queries])
