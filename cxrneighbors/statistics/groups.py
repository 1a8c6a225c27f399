"""Grouping rows that belong together (a patient's images) into arrays of equal size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def equal_sized_groups(key: np.ndarray, order_by: np.ndarray | None = None) -> list[np.ndarray]:
    """Rows with the same key, gathered by group size: a list of int64 (M, s), one per size s, s ascending.

    key: int (n,). Within a group, rows are sorted by `order_by` (int (n,)) and then by row number.

    >>> [rows.tolist() for rows in equal_sized_groups(np.array([7, 3, 7, 5]))]
    [[[1], [3]], [[0, 2]]]
    """
    if len(key) == 0:
        return []
    order = np.argsort(key, kind="stable") if order_by is None else np.lexsort((order_by, key))
    ordered = key[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(key)])
    return [order[starts[sizes == size][:, None] + np.arange(size)] for size in np.unique(sizes)]


def group_sums(key: np.ndarray, values: np.ndarray, n_groups: int = 0) -> np.ndarray:
    """Sum of `values` (n,) per key 0..G-1 (int (n,)): float64 (G,), G at least `n_groups`."""
    size = max(n_groups, int(key.max(initial=-1)) + 1)
    return np.bincount(key, weights=values, minlength=size).astype(np.float64)  # integers where empty


def codes_of(units: Sequence[object] | np.ndarray) -> np.ndarray:
    """Anything that names units (ids, numbers) as numbers 0..G-1 in sorted order: int64 (n,)."""
    values = np.asarray(units)
    values = values.astype(str) if values.dtype == object else values
    return np.unique(values, return_inverse=True)[1].reshape(-1)
