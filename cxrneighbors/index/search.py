"""The nearest admitted rows of a batch of queries: candidates from every partition, then an exact ranking."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxrneighbors.index.candidates import exact_candidates, exact_is_cheaper, partition_candidates
from cxrneighbors.index.filters import Admission
from cxrneighbors.index.fusion import MODALITIES, VECTOR_MODALITIES, Factors
from cxrneighbors.index.request import Request, hit_distances
from cxrneighbors.index.spaces import Partition
from cxrneighbors.progress import track

QUERY_CHUNK = 2048
# With other weights than the graph was built with, this many times k candidates come from each of the fused,
# the image and the report graph before the exact ranking; beyond `MAX_RATIO` between the two sets of weights
# the search is exact. Measured in tests/index/test_search.py.
OVER_FETCH = 20
MAX_RATIO = 4.0


def nearest_rows(request: Request) -> np.ndarray:
    """The k nearest admitted rows of each query, ties by row: int64 (Q, k), -1 where fewer exist."""
    chunks = range(0, len(request.queries), QUERY_CHUNK)
    found = [_chunk(request.take(slice(i, i + QUERY_CHUNK))) for i in track(chunks, "searching", len(chunks))]
    return np.concatenate(found) if found else np.empty((0, request.k), dtype=np.int64)


def rank(request: Request, candidates: np.ndarray) -> np.ndarray:
    """The k best of `candidates` int64 (Q, C; -1 = none, repeats allowed) by exact distance, ties by row."""
    candidates = np.sort(candidates, axis=1)
    candidates[:, 1:][candidates[:, 1:] == candidates[:, :-1]] = -1
    distances = hit_distances(request.index, request.queries, candidates, request.factors, total_only=True)[
        "total"
    ]
    # Rows ascend within a line, so a stable sort breaks ties by row; NaN (no row) sorts last.
    order = np.argsort(distances, axis=1, kind="stable")[:, : request.k]
    rows = np.take_along_axis(candidates, order, axis=1)
    return np.pad(rows, ((0, 0), (0, request.k - rows.shape[1])), constant_values=-1)


def _chunk(request: Request) -> np.ndarray:
    """One chunk of queries; those with few admitted rows, or without a usable graph, exactly."""
    partitions, k = _graphs_to_ask(request)
    over = replace(request, k=k, admission=_restricted(request))
    exact = exact_is_cheaper(over, [partition for partition, _ in partitions])
    rows = np.full((len(exact), request.k), -1, dtype=np.int64)
    if exact.any():
        part = request.take(np.flatnonzero(exact))
        rows[exact] = rank(part, exact_candidates(part, part.candidates))
    if not exact.all():
        asked = over.take(np.flatnonzero(~exact))
        found = [partition_candidates(asked, partition, factors) for partition, factors in partitions]
        rows[~exact] = rank(replace(asked, k=request.k), np.concatenate(found, axis=1))
    return rows


def _graphs_to_ask(request: Request) -> tuple[list[tuple[Partition, Factors]], int]:
    """Partitions to ask, with the factors of their graphs, and how many candidates from each.

    No partition where only the exact search will do: no graphs, or weights far from those of the graph.
    """
    index = request.index
    names: tuple[str, ...] = (request.modality,)
    k = request.k
    if not index.has_graphs:
        return [], k
    if request.modality == "fused" and request.weights != index.weights:
        change = [request.weights[name] / index.weights[name] for name in VECTOR_MODALITIES]
        if max(change) > MAX_RATIO * min(change):
            return [], k
        names, k = MODALITIES, OVER_FETCH * k
    spaces = [index.spaces[name] for name in names]
    return [(partition, space.factors) for space in spaces for partition in space.partitions], k


def _restricted(request: Request) -> Admission:
    """The admission, and for a fused search only rows that have both: single graphs hold others too."""
    if request.modality != "fused":
        return request.admission
    has = request.index.has
    both = has["image"] & has["report"]
    single = any((has[name] & ~both).any() for name in VECTOR_MODALITIES)
    return request.admission.restrict(both) if single else request.admission
