"""Exact nearest neighbours by matrix products in blocks: the reference, and the way out of narrow filters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cxrneighbors.index.filters import Admission, first_of_each
from cxrneighbors.index.fusion import Factors, scaled_concatenation

# Block of one product: 256 x 16,384 float32 = 16 MiB. Nothing larger than that is ever held.
QUERY_BLOCK = 256
ROW_BLOCK = 16_384
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
    units = admission.units
    rows = rows if units is None else rows[np.argsort(units[rows], kind="stable")]
    m = min(k + SPARE, max(len(rows), k))
    n_queries = len(admission.which)
    best = np.full((n_queries, m, 1 if units is None else UNIT_ROWS), -1, dtype=np.int64)
    lowest = np.full((n_queries, m), np.inf, dtype=np.float32)
    sides = scaled_concatenation(queries, factors, centre=centre) * np.float32(-2)
    # |a - b|² without |a|², the same for all b of a query, as one product: [-2a, 1] · [b, |b|²].
    left = np.concatenate([sides, np.ones((len(sides), 1), dtype=np.float32)], axis=1)
    for start in range(0, len(rows), ROW_BLOCK):
        block = rows[start : start + ROW_BLOCK]
        found = scaled_concatenation(vectors, factors, block, centre, apart)
        right = np.concatenate([found, np.einsum("nd,nd->n", found, found)[:, None]], axis=1)
        same = KeyLookup(admission.keys[block])
        for begin in range(0, n_queries, QUERY_BLOCK):
            part = slice(begin, begin + QUERY_BLOCK)
            squared = left[part] @ right.T
            squared[same.pairs(admission.query_keys[part])] = np.inf
            if units is None:
                columns = smallest(squared, m)[:, :, None]
                values = np.take_along_axis(squared, columns[:, :, 0], axis=1)
            else:
                columns, values = smallest_units(squared, units[block], m)
            values = np.concatenate([lowest[part], values], axis=1)
            joined = np.concatenate([best[part], np.where(columns < 0, -1, block[columns])], axis=1)
            if units is not None:
                values[_repeated(np.where(np.isfinite(values), units[joined[:, :, 0]], -1), values)] = np.inf
            keep = np.argpartition(values, m - 1, axis=1)[:, :m]
            lowest[part] = np.take_along_axis(values, keep, axis=1)
            best[part] = np.take_along_axis(joined, keep[:, :, None], axis=1)
    return np.where(np.isfinite(lowest)[:, :, None], best, -1).reshape(n_queries, -1)


class KeyLookup:
    """Finds the positions of equal keys: int64 (n,) are looked up by `pairs`."""

    def __init__(self, keys: np.ndarray) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def pairs(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All (i, j) with wanted[i] == keys[j], as two index arrays."""
        start = np.searchsorted(self._sorted, wanted, side="left")
        count = np.searchsorted(self._sorted, wanted, side="right") - start
        i = np.repeat(np.arange(len(wanted)), count)
        within = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
        return i, self._order[np.repeat(start, count) + within]


def smallest_units(values: np.ndarray, units: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """The m units with the smallest values of each row: their columns, their smallest values.

    values: float32 (Q, n); units: int64 (n,), of each column, equal ones side by side. Returns int64
    (Q, <= m, UNIT_ROWS), the columns of a unit's smallest values, the smallest first, -1 for no more or
    infinite; float32 (Q, <= m).
    """
    edges = np.flatnonzero(np.r_[True, units[1:] != units[:-1], True])
    least = np.minimum.reduceat(values, edges[:-1], axis=1)
    chosen = smallest(least, m)
    columns = np.full((*chosen.shape, UNIT_ROWS), -1, dtype=np.int64)
    for place, unit in enumerate(chosen.T):
        reach = edges[unit][:, None] + np.arange(np.diff(edges)[unit].max())
        inside = np.minimum(reach, len(units) - 1)
        within = np.where(
            reach < edges[unit + 1][:, None], np.take_along_axis(values, inside, axis=1), np.inf
        )
        order = np.argsort(within, axis=1, kind="stable")[:, :UNIT_ROWS]
        finite = np.isfinite(np.take_along_axis(within, order, axis=1))
        columns[:, place, : order.shape[1]] = np.where(finite, np.take_along_axis(reach, order, axis=1), -1)
    return columns, np.take_along_axis(least, chosen, axis=1)


def _repeated(units: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which units (Q, c; -1 = none) stand with a smaller value in the same row too: bool (Q, c)."""
    order = np.argsort(values, axis=1, kind="stable")
    result = np.empty(units.shape, dtype=bool)
    np.put_along_axis(result, order, ~first_of_each(np.take_along_axis(units, order, axis=1)), axis=1)
    return result


def smallest(values: np.ndarray, m: int) -> np.ndarray:
    """Columns of the m smallest values of each row, in no order: float32 (Q, n) -> int64 (Q, min(m, n)).

    The m smallest lie in the m groups of columns whose minima are smallest, so most columns are passed over
    by a minimum alone: several times faster than a partition of whole rows.
    """
    n = values.shape[1]
    if m >= n:
        return np.broadcast_to(np.arange(n), values.shape).copy()
    width = int(np.sqrt(n / m))
    groups = n // max(width, 1)
    if width < 3 or groups <= m:
        return np.argpartition(values, m - 1, axis=1)[:, :m]
    head = values[:, : groups * width].reshape(len(values), width, groups)
    chosen = np.argpartition(head.min(axis=1), m - 1, axis=1)[:, :m]
    columns = (chosen[:, None, :] + groups * np.arange(width)[None, :, None]).reshape(len(values), -1)
    tail = np.broadcast_to(np.arange(groups * width, n), (len(values), n - groups * width))
    columns = np.concatenate([columns, tail], axis=1)
    inner = np.argpartition(np.take_along_axis(values, columns, axis=1), m - 1, axis=1)[:, :m]
    return np.take_along_axis(columns, inner, axis=1)
