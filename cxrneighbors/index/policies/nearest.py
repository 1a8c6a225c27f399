"""Policy `nearest`: the k smallest distances, by candidates from every partition and an exact ranking."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxrneighbors.index.candidates import (
    assembled,
    exact_candidates,
    exact_is_cheaper,
    partition_candidates,
)
from cxrneighbors.index.fusion import VECTOR_MODALITIES
from cxrneighbors.index.request import Hits, Request, rank
from cxrneighbors.index.spaces import Partition
from cxrneighbors.progress import track

QUERY_CHUNK = 2048
# With other weights than the graph was built with, this many times k candidates come from each of the fused,
# the image and the report graph before the exact ranking; beyond `MAX_RATIO` between the two sets of weights
# the search is exact. Measured in tests/index/test_search.py.
OVER_FETCH = 20
MAX_RATIO = 4.0


def nearest(request: Request, rng: np.random.Generator | None = None) -> Hits:
    """The k nearest admitted rows of each query, ties by row order; `rng` is not used."""
    starts = range(0, len(request), QUERY_CHUNK)
    chunks = [request.take(slice(i, i + QUERY_CHUNK)) for i in starts]
    found = [rank(chunk, _candidates(chunk)) for chunk in track(chunks, "searching", len(chunks))]
    return found[0] if len(found) == 1 else Hits(*map(np.concatenate, zip(*found, strict=True)))


def nearest_pool(request: Request, size: int) -> Hits:
    """The `size` nearest admitted rows, one of each unit, from which other policies choose."""
    exist = request.admission.count_units(request.candidates)
    return nearest(replace(request, k=max(request.k, min(size, exist))))


def _candidates(request: Request) -> np.ndarray:
    """Of queries with few admitted rows, or without a usable graph, exactly: int64 (Q, >= k)."""
    asked, partitions = _graphs_to_ask(request)
    exact = exact_is_cheaper(asked, partitions)
    found = []
    if exact.any():
        which = np.flatnonzero(exact)
        found.append((which, exact_candidates(request.take(which), request.candidates)))
    if not exact.all():
        which = np.flatnonzero(~exact)
        part = asked.take(which)
        parts = [partition_candidates(part, partition) for partition in partitions]
        rows = np.concatenate(parts, axis=1)
        found.append((which, rows))
        # Rows fetched by other weights, of any unit, may turn out to be of fewer than k.
        short = which[request.admission.firsts(rows).sum(axis=1) < request.k]
        if asked is not request and len(short):
            found.append((short, exact_candidates(request.take(short), request.candidates)))
    return assembled(request, found)


def _graphs_to_ask(request: Request) -> tuple[Request, list[Partition]]:
    """Partitions to ask, and for what: for more, of any unit, where weights are not those of the graph.

    No partition where only the exact search will do: no graphs, or weights far from those of the graph.
    """
    store = request.store
    space = store.spaces[request.modality]
    if request.factors == space.factors or not space.partitions:
        return request, space.partitions
    change = [request.factors[name] / space.factors[name] for name in VECTOR_MODALITIES]
    if max(change) > MAX_RATIO * min(change):
        return request, []
    partitions = [partition for space in store.spaces.values() for partition in space.partitions]
    any_unit = replace(request.admission, units=None)
    return replace(request, k=OVER_FETCH * request.k, admission=any_unit), partitions
