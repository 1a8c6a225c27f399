"""Candidates that contain the k nearest admitted rows: from a graph in over-fetching rounds, or exactly.

A filter goes only into a graph that filters itself (`FilteringGraph`), and only if it can be said there. Any
other is asked for more than k, what the filter refuses is dropped, and the queries that are short of k ask
again for `GROWTH` times as many. Where few rows pass, or a query would have to fetch more than the exact
search costs, the distance to every passing row is computed instead: on the GPU where the store is on one,
which is cheaper then for most batches of `SHARED` queries and more. Where one row of each unit (study,
patient) is wanted, k are rows of different units.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cxrneighbors.index.backends.registry import filters_itself
from cxrneighbors.index.filters import Admission, kept_first
from cxrneighbors.index.fusion import scaled_concatenation
from cxrneighbors.index.request import Request
from cxrneighbors.index.spaces import Partition

SHARED = 64
# A first fetch has room for the query itself and a few images of its patient.
MARGIN = 8
GROWTH = 4


def exact_candidates(request: Request, rows: np.ndarray) -> np.ndarray:
    """Those of `rows` int64 (n,) nearest to each query that it may find: int64 (Q, >= k), -1 if fewer.

    Queries with the same filter share one matrix product over the rows that pass it.
    """
    found = []
    for which, mask in request.admission.groups():
        passing = rows if mask is None else rows[mask[rows]]
        part = request.take(which)
        best = request.store.nearest(passing, part.vectors, part.factors, part.k, part.admission)
        found.append((which, best))
    return assembled(request, found)


def assembled(request: Request, parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Candidates of all queries from those of some: positions (A,) and int64 (A, C) -> int64 (Q, >= k)."""
    width = max([request.k, *(found.shape[1] for _, found in parts)])
    candidates = np.full((len(request), width), -1, dtype=np.int64)
    for which, found in parts:
        candidates[which, : found.shape[1]] = found
    return candidates


def exact_is_cheaper(request: Request, partitions: Sequence[Partition]) -> np.ndarray:
    """Queries for which the distances to all passing rows cost less than the graphs: bool (Q,)."""
    total, effort = np.zeros((2, len(request)), dtype=np.int64)
    for partition in partitions:
        passing = request.admission.count(partition.rows)
        total += passing
        fetch = _first_fetch(request, partition, passing, _reach(request, partition, passing))
        effort += np.where(passing > 0, partition.graph.effort(fetch), 0)
    return total <= np.maximum(request.store.exact_rows, _rows_per_effort(request) * effort)


def partition_candidates(request: Request, partition: Partition) -> np.ndarray:
    """The k nearest admitted rows of one partition: int64 (Q, >= k), -1 where fewer are admitted.

    The first fetch is what finds k if the filter, and who has the row, were independent of the distance. A
    query gives up where the exact distances to its passing rows cost less than the next fetch.
    """
    k = request.k
    passing = request.admission.count(partition.rows)
    rate = _rows_per_effort(request)
    vectors = scaled_concatenation(request.vectors, partition.factors)
    rows = np.full((len(request), k), -1, dtype=np.int64)
    open_ = passing > request.store.exact_rows
    reach = _reach(request, partition, passing)
    fetch = _first_fetch(request, partition, passing, reach)
    complete = np.zeros(len(request), dtype=bool)
    while (
        active := ~complete & open_ & (passing > rate * partition.graph.effort(fetch)) & (fetch <= reach)
    ).any():
        for m in np.unique(fetch[active]):
            which = np.flatnonzero(active & (fetch == m))
            rows[which], complete[which] = _fetch(request, partition, vectors, which, int(m))
        fetch[active] *= GROWTH
    exact = np.flatnonzero(~complete & (passing > 0))
    if not len(exact):
        return rows
    rows[exact] = -1
    best = exact_candidates(request.take(exact), partition.rows)
    return assembled(request, [(np.arange(len(rows)), rows), (exact, best)])


def _reach(request: Request, partition: Partition, passing: np.ndarray) -> np.ndarray:
    """Among how many rows the graph looks: those that pass where it filters, else all. int64 (Q,)."""
    said = np.array([found is not None for found in _expressions(request, partition, request.admission)])
    return np.where(said[request.admission.which], passing, len(partition.rows))


def _expressions(request: Request, partition: Partition, admission: Admission) -> list[str | None]:
    """Each filter of `admission` in the language of the partition's graph, None where it cannot be said."""
    if admission.masks is None:
        return [None]
    graph, where = partition.graph, admission.where
    if where is None or not filters_itself(graph):
        return [None] * len(admission.masks)
    column = request.store.column
    return [None if filter_ is None else graph.expression(filter_, column) for filter_ in where]


def _first_fetch(
    request: Request, partition: Partition, passing: np.ndarray, reach: np.ndarray
) -> np.ndarray:
    k = request.k * len(partition.rows) / request.admission.count_units(partition.rows)
    expected = np.maximum(1.25 * k * reach / np.maximum(passing, 1), k) + MARGIN
    return np.asarray(2 ** np.ceil(np.log2(expected)).astype(np.int64))


def _rows_per_effort(request: Request) -> np.ndarray:
    rates, shared = request.store.rows_per_effort, "device" if request.store.on_device else "shared"
    sharing = np.bincount(request.admission.which)[request.admission.which]
    return np.where(sharing >= SHARED, rates[shared], rates["own"])


def _fetch(
    request: Request, partition: Partition, vectors: np.ndarray, which: np.ndarray, m: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ask the graph for m rows for the queries at `which`: the first k admitted, and who has as many."""
    positions = _ask(request, partition, vectors, which, m)
    rows = np.where(positions >= 0, partition.rows[positions], -1)
    rows = np.where(request.admission.passes(which, rows), rows, -1)
    firsts = request.admission.firsts(rows)
    return kept_first(rows, firsts, request.k), firsts.sum(axis=1) >= request.k


def _ask(
    request: Request, partition: Partition, vectors: np.ndarray, which: np.ndarray, m: int
) -> np.ndarray:
    """Positions of the m nearest of the queries at `which`, filtered as far as the graph can: (A, <= m)."""
    graph = partition.graph
    if not filters_itself(graph):
        return graph.query(vectors[which], m)
    admission = request.admission.take(which)
    positions = np.full((len(which), m), -1, dtype=np.int64)
    for u, expression in enumerate(_expressions(request, partition, admission)):
        group = np.flatnonzero(admission.which == u)
        left_out = admission.query_keys[group]
        found = graph.query_where(vectors[which[group]], m, expression, admission.key, left_out)
        positions[group, : found.shape[1]] = found
    return positions
