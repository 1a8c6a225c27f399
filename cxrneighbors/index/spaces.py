"""The search spaces of an index: one per modality and one fused, each with a graph per view."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from cxrneighbors.data.views import VIEWS
from cxrneighbors.index.backends.base import Graph
from cxrneighbors.index.backends.registry import build_graph, check_options
from cxrneighbors.index.fusion import VECTOR_MODALITIES, Factors, distance_factors, scaled_concatenation
from cxrneighbors.progress import track


@dataclass
class Partition:
    """The rows of one view: `rows` int64 (n,), ascending, and their graph (None: searched exactly)."""

    view: str
    rows: np.ndarray
    graph: Graph | None = None


@dataclass
class Space:
    """One modality ('image', 'report' or 'fused'): `rows` int64 (n,) that have it, a partition per view."""

    modality: str
    factors: Factors
    rows: np.ndarray
    partitions: list[Partition] = field(default_factory=list)


def make_spaces(
    has: dict[str, np.ndarray], views: np.ndarray, scale: dict[str, float], weights: dict[str, float]
) -> dict[str, Space]:
    """Spaces without graphs; 'fused' where some row has both modalities and both weights are above 0."""
    members = {name: has[name] for name in VECTOR_MODALITIES if name in has and has[name].any()}
    if len(members) == 2 and min(weights.values()) > 0 and (has["image"] & has["report"]).any():
        members["fused"] = has["image"] & has["report"]
    spaces = {}
    for modality, member in members.items():
        partitions = [Partition(view, np.flatnonzero(member & (views == view))) for view in VIEWS]
        factors = distance_factors(modality, scale, weights)
        kept = [partition for partition in partitions if len(partition.rows)]
        spaces[modality] = Space(modality, factors, np.flatnonzero(member), kept)
    return spaces


def partition_vectors(space: Space, partition: Partition, vectors: dict[str, np.ndarray]) -> np.ndarray:
    """What a partition's graph holds: the scaled concatenation of its rows, float32 (n, D)."""
    return scaled_concatenation(
        {name: vectors[name][partition.rows] for name in space.factors}, space.factors
    )


def build_graphs(
    spaces: dict[str, Space], vectors: dict[str, np.ndarray], backend: str, options: dict
) -> None:
    """Give every partition its graph.

    hnswlib graphs are built by one thread each, which makes them the same at every build; several are built
    at once, the largest first.
    """
    check_options(backend, options)
    if backend == "exact":
        return
    jobs = sorted(
        _partitions(spaces),
        key=lambda job: -len(job[1].rows) * sum(vectors[name].shape[1] for name in job[0].factors),
    )

    def build(job: tuple[Space, Partition]) -> Graph | None:
        return build_graph(backend, partition_vectors(*job, vectors), options)

    with ThreadPoolExecutor(max_workers=_workers(backend)) as pool:
        graphs = pool.map(build, jobs)
        for (_, partition), graph in zip(jobs, track(graphs, "building graphs", len(jobs)), strict=True):
            partition.graph = graph


def _partitions(spaces: dict[str, Space]) -> Iterator[tuple[Space, Partition]]:
    for space in spaces.values():
        for partition in space.partitions:
            yield space, partition


def _workers(backend: str) -> int:
    return min(8, os.cpu_count() or 1) if backend == "hnsw" else 1
