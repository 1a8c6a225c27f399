"""Which rows a query may find: predicate masks, and its own row or all of its patient's rows left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cxrneighbors.errors import UserError


@dataclass(frozen=True)
class Admission:
    """Who may be found by Q queries among N rows.

    `masks`: bool (U, N), the distinct filters, or None when every row passes; `which`: int64 (Q,), each
    query's filter. `keys` (N,) and `query_keys` (Q,): a row is left out for a query with the same key: the
    patient, or the row itself when the same patient may be found. A query from outside has key -1, which no
    row has.
    """

    masks: np.ndarray | None
    which: np.ndarray
    keys: np.ndarray
    query_keys: np.ndarray

    def take(self, which: np.ndarray | slice) -> Admission:
        """The same for the queries at positions `which`; filters none of them uses are dropped."""
        used, inverse = np.unique(self.which[which], return_inverse=True)
        masks = (
            None if self.masks is None else self.masks if len(used) == len(self.masks) else self.masks[used]
        )
        return Admission(masks, inverse.astype(np.int64), self.keys, self.query_keys[which])

    def restrict(self, extra: np.ndarray) -> Admission:
        """The same with the further condition `extra`: bool (N,)."""
        masks = extra[None] if self.masks is None else self.masks & extra
        return Admission(masks, self.which, self.keys, self.query_keys)

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
        return self.masks[:, rows].sum(axis=1)[self.which]

    def passes(self, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which of `rows` int64 (A, M; -1 = none) the queries at positions (A,) may find: bool (A, M)."""
        passing = (rows >= 0) & (self.keys[rows] != self.query_keys[queries][:, None])
        if self.masks is not None:
            passing &= self.masks[self.which[queries][:, None], rows]
        return passing

    def admitted(self, query: int, rows: np.ndarray) -> np.ndarray:
        """Those of `rows` int64 (M,) that one query may find."""
        return rows[self.passes(np.array([query]), rows[None])[0]]


def admission(
    masks: np.ndarray | None,
    which: np.ndarray,
    patients: np.ndarray,
    query_rows: np.ndarray,
    include_same_patient: bool,
) -> Admission:
    """An `Admission` for queries at `query_rows` int64 (Q,) among rows of `patients` int64 (N,)."""
    keys = np.arange(len(patients)) if include_same_patient else patients
    query_keys = np.where(query_rows >= 0, keys[query_rows], -1)
    return Admission(masks, which, keys, query_keys)


def masks_from_expressions(
    where: str | Sequence[str | None] | None, n_queries: int, rows_where: Callable[[str | None], np.ndarray]
) -> tuple[np.ndarray | None, np.ndarray]:
    """Filters of a batch from one expression for all, or one per query: masks (U, N) or None, and which (Q,).

    Each distinct expression is evaluated once.
    """
    if where is None or isinstance(where, str):
        masks = None if where is None else rows_where(where)[None]
        return masks, np.zeros(n_queries, dtype=np.int64)
    check_where_count(where, n_queries)
    distinct = list(dict.fromkeys(where))
    position = {expression: i for i, expression in enumerate(distinct)}
    which = np.array([position[expression] for expression in where], dtype=np.int64)
    return np.stack([rows_where(expression) for expression in distinct]), which


def check_where_count(where: Sequence[str | None], n_queries: int) -> None:
    """A UserError unless there is one expression for each query."""
    if len(where) != n_queries:
        raise UserError(
            f"where: {len(where)} expressions for {n_queries} queries; give one for all, or one each"
        )


def masks_from_array(
    allowed: np.ndarray | None, n_queries: int, n_rows: int
) -> tuple[np.ndarray | None, np.ndarray]:
    """Filters given as bool (N,) for all queries or (Q, N) for each; the same pair as above."""
    shared = np.zeros(n_queries, dtype=np.int64)
    if allowed is None:
        return None, shared
    allowed = np.asarray(allowed)
    if allowed.dtype != bool or allowed.shape not in ((n_rows,), (n_queries, n_rows)):
        raise ValueError(
            f"allowed must be bool ({n_rows},) or ({n_queries}, {n_rows}), "
            f"got {allowed.dtype} {allowed.shape}"
        )
    if allowed.ndim == 1:
        return allowed[None], shared
    return allowed, np.arange(n_queries, dtype=np.int64)
