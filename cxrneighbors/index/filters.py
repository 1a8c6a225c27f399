"""Which rows a query may find: predicate masks, its own row or patient left out, one row of each unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np


class Filters(NamedTuple):
    """`masks`, `which` and `where` of an `Admission`."""

    masks: np.ndarray | None
    which: np.ndarray
    where: tuple[str | None, ...] | None = None


@dataclass(frozen=True)
class Admission:
    """Who may be found by Q queries among N rows.

    `masks`: bool (U, N), the distinct filters, or None when every row passes; `which`: int64 (Q,), each
    query's filter. `keys` (N,) and `query_keys` (Q,): a row is left out for a query with the same key: the
    patient, or the row itself when the same patient may be found. A query from outside has key -1, which no
    row has. `units` (N,): of rows with the same unit, a study or a patient, a query finds one, the nearest;
    None when each row is a unit of its own. `where`: the filters as expressions, None for one that every row
    passes; None altogether where they were given as masks. `key`: what `keys` are, 'patient' or 'row'.
    """

    masks: np.ndarray | None
    which: np.ndarray
    keys: np.ndarray
    query_keys: np.ndarray
    units: np.ndarray | None = None
    where: tuple[str | None, ...] | None = None
    key: str = "patient"

    def take(self, which: np.ndarray | slice) -> Admission:
        """The same for the queries at positions `which`; filters none of them uses are dropped."""
        used, inverse = np.unique(self.which[which], return_inverse=True)
        masks, where = self.masks, self.where
        if masks is not None and len(used) < len(masks):
            masks, where = masks[used], where and tuple(where[u] for u in used)
        inverse, query_keys = inverse.astype(np.int64), self.query_keys[which]
        return replace(self, masks=masks, which=inverse, query_keys=query_keys, where=where)

    def groups(self) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Queries that share a filter: (their positions, the filter bool (N,) or None)."""
        if self.masks is None:
            return [(np.arange(len(self.which)), None)]
        order = np.argsort(self.which, kind="stable")
        edges = np.searchsorted(self.which[order], np.arange(len(self.masks) + 1))
        return [
            (order[start:stop], self.masks[u])
            for u, (start, stop) in enumerate(pairwise(edges))
            if stop > start
        ]

    def count(self, rows: np.ndarray) -> np.ndarray:
        """How many of `rows` int64 (n,) pass each query's filter, its patient not left out: int64 (Q,)."""
        if self.masks is None:
            return np.full(len(self.which), len(rows))
        return np.asarray(self.masks[:, rows].sum(axis=1)[self.which])

    def passes(self, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which of `rows` int64 (A, M; -1 = none) the queries at positions (A,) may find: bool (A, M)."""
        passing: np.ndarray = (rows >= 0) & (self.keys[rows] != self.query_keys[queries][:, None])
        if self.masks is not None:
            passing &= self.masks[self.which[queries][:, None], rows]
        return passing

    def admitted(self, query: int, rows: np.ndarray) -> np.ndarray:
        """Those of `rows` int64 (M,) that one query may find."""
        return np.asarray(rows[self.passes(np.array([query]), rows[None])[0]])

    def firsts(self, rows: np.ndarray) -> np.ndarray:
        """Which of `rows` int64 (A, M; -1 = none) are the first of their unit in their line: bool (A, M)."""
        return first_of_each(rows if self.units is None else np.where(rows < 0, -1, self.units[rows]))

    def count_units(self, rows: np.ndarray) -> int:
        """How many units `rows` int64 (M,), different ones, belong to."""
        return len(rows) if self.units is None else int(np.count_nonzero(np.bincount(self.units[rows])))


def first_of_each(keys: np.ndarray) -> np.ndarray:
    """Where each key stands for the first time in its line, -1 being no key: int64 (A, M) -> bool (A, M).

    >>> first_of_each(np.array([[3, -1, 3, 1]])).tolist()
    [[True, False, False, True]]
    """
    order = np.argsort(keys, axis=1, kind="stable")
    ordered = np.take_along_axis(keys, order, axis=1)
    first = ordered >= 0
    first[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    result = np.empty_like(first)
    np.put_along_axis(result, order, first, axis=1)
    return result


def kept_first(rows: np.ndarray, kept: np.ndarray, k: int) -> np.ndarray:
    """The first k kept entries of each line, then -1: int64 (A, M), bool (A, M) -> (A, min(k, M))."""
    first = np.argsort(~kept, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(kept, first, axis=1), np.take_along_axis(rows, first, axis=1), -1)


def array_filters(allowed: np.ndarray | None, n_queries: int, n_rows: int) -> Filters:
    """Filters from bool (N,) for all queries or (Q, N) for each; ValueError for another shape or type."""
    shared = np.zeros(n_queries, dtype=np.int64)
    if allowed is None:
        return Filters(None, shared)
    allowed = np.asarray(allowed)
    if allowed.dtype != bool or allowed.shape not in ((n_rows,), (n_queries, n_rows)):
        raise ValueError(
            f"allowed must be bool ({n_rows},) or ({n_queries}, {n_rows}), "
            f"got {allowed.dtype} {allowed.shape}"
        )
    if allowed.ndim == 1:
        return Filters(allowed[None], shared)
    return Filters(allowed, np.arange(n_queries, dtype=np.int64))
