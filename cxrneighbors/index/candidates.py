"""Candidates that contain the k nearest admitted rows: from a graph in over-fetching rounds, or exactly.

A filter never goes into the graph. A graph is asked for more than k, what the filter refuses is dropped, and
the queries that are short of k ask again for `GROWTH` times as many. Where few rows pass, or a query would
have to fetch more than the exact search costs, the distance to every passing row is computed instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cxrneighbors.index.backends.exact import nearest_exact
from cxrneighbors.index.fusion import Factors, scaled_concatenation
from cxrneighbors.index.request import Request
from cxrneighbors.index.spaces import Partition

# Measured with eval/search_benchmark.py: at and below this many passing rows the exact search always wins.
EXACT_ROWS = 2000
# Exact distances that cost what one unit of a graph's effort (`ef`) costs: many when a batch shares its
# filter and so one matrix product, few when each query has its own.
ROWS_PER_EFFORT = {"shared": 100, "own": 8}
SHARED = 64
# A first fetch has room for the query itself and a few images of its patient.
MARGIN = 8
GROWTH = 4


def exact_candidates(request: Request, rows: np.ndarray) -> np.ndarray:
    """Those of `rows` int64 (n,) nearest to each query that it may find: int64 (Q, k + spare), -1 if fewer.

    Queries with the same filter share one matrix product over the rows that pass it.
    """
    found: list[tuple[np.ndarray, np.ndarray]] = []
    width = 0
    for which, mask in request.admission.groups():
        passing = rows if mask is None else rows[mask[rows]]
        best = _exact(request.take(which), passing)
        found.append((which, best))
        width = max(width, best.shape[1])
    candidates = np.full((len(request.queries), width), -1, dtype=np.int64)
    for which, best in found:
        candidates[which, : best.shape[1]] = best
    return candidates


def exact_is_cheaper(request: Request, partitions: Sequence[Partition]) -> np.ndarray:
    """Queries for which the distances to all passing rows cost less than the graphs: bool (Q,)."""
    total = np.zeros(len(request.queries), dtype=np.int64)
    effort = np.zeros(len(request.queries), dtype=np.int64)
    for partition in partitions:
        assert partition.graph is not None
        passing = request.admission.count(partition.rows)
        total += passing
        fetch = _first_fetch(request.k, len(partition.rows), passing)
        effort += np.where(passing > 0, partition.graph.effort(fetch), 0)
    return total <= np.maximum(request.index.exact_rows, _rows_per_effort(request) * effort)


def partition_candidates(request: Request, partition: Partition, factors: Factors) -> np.ndarray:
    """The k nearest admitted rows of one partition: int64 (Q, >= k), -1 where fewer are admitted.

    `factors`: those that the partition's graph was built with.
    """
    passing = request.admission.count(partition.rows)
    rows, complete = _rounds(request, partition, factors, passing)
    exact = np.flatnonzero(~complete & (passing > 0))
    if not len(exact):
        return rows
    best = exact_candidates(request.take(exact), partition.rows)
    candidates = np.full((len(rows), max(request.k, best.shape[1])), -1, dtype=np.int64)
    candidates[:, : request.k] = rows
    candidates[exact] = -1
    candidates[exact, : best.shape[1]] = best
    return candidates


def _rounds(
    request: Request, partition: Partition, factors: Factors, passing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Over-fetch until k admitted rows are found: rows int64 (Q, k), and which queries got there: bool (Q,).

    The first fetch is what finds k if the filter were independent of the distance. A query gives up where the
    exact distances to its passing rows cost less than the next fetch.
    """
    assert partition.graph is not None
    n, k = len(partition.rows), request.k
    effort, rate = partition.graph.effort, _rows_per_effort(request)
    vectors = scaled_concatenation(request.queries.vectors, factors)
    rows = np.full((len(vectors), k), -1, dtype=np.int64)
    complete = np.zeros(len(vectors), dtype=bool)
    fetch = _first_fetch(k, n, passing)
    while True:
        worth = (passing > request.index.exact_rows) & (passing > rate * effort(fetch)) & (fetch <= n)
        active = ~complete & worth
        if not active.any():
            return rows, complete
        for m in np.unique(fetch[active]):
            which = np.flatnonzero(active & (fetch == m))
            rows[which], complete[which] = _fetch(request, partition, vectors, which, int(m))
        fetch[active] *= GROWTH


def _first_fetch(k: int, n: int, passing: np.ndarray) -> np.ndarray:
    expected = np.maximum(1.25 * k * n / np.maximum(passing, 1), k) + MARGIN
    return 2 ** np.ceil(np.log2(expected)).astype(np.int64)


def _rows_per_effort(request: Request) -> np.ndarray:
    rates = request.index.rows_per_effort
    sharing = np.bincount(request.admission.which)[request.admission.which]
    return np.where(sharing >= SHARED, rates["shared"], rates["own"])


def _fetch(
    request: Request, partition: Partition, vectors: np.ndarray, which: np.ndarray, m: int
) -> tuple[np.ndarray, np.ndarray]:
    assert partition.graph is not None
    positions = partition.graph.query(vectors[which], m)
    rows = np.where(positions >= 0, partition.rows[positions], -1)
    passes = request.admission.passes(which, rows)
    first = np.argsort(~passes, axis=1, kind="stable")[:, : request.k]
    kept = np.where(np.take_along_axis(passes, first, axis=1), np.take_along_axis(rows, first, axis=1), -1)
    return kept, passes.sum(axis=1) >= request.k


def _exact(request: Request, rows: np.ndarray) -> np.ndarray:
    index = request.index
    return nearest_exact(
        index.vectors, rows, request.queries, request.factors, request.k, request.admission, index.centre
    )
