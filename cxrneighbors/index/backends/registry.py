"""Backends by name, each loaded only when it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.index.backends.base import Graph

# Names, and the options that each takes in `NeighborIndex.build`.
BACKENDS: dict[str, tuple[str, ...]] = {
    "hnsw": ("M", "ef_construction", "ef", "seed"),
    "exact": (),
    "milvus": ("uri",),
}


def check_options(backend: str, options: dict[str, Any]) -> None:
    """A UserError for an unknown backend, or for an option that it does not take."""
    choose("backend", backend, tuple(BACKENDS))
    for name in options:
        if name not in BACKENDS[backend]:
            takes = ", ".join(BACKENDS[backend]) or "none"
            raise UserError(f"backend {backend}: unknown option {name!r}; it takes: {takes}")


def build_graph(backend: str, vectors: np.ndarray, options: dict[str, Any]) -> Graph | None:
    """Graph of `backend` over float32 (n, D); None for 'exact', which needs none."""
    kind = graph_class(backend)
    return None if kind is None else kind.build(vectors, **options)


def load_graph(backend: str, path: Path, vectors: np.ndarray, settings: dict[str, Any]) -> Graph:
    """Read a graph that `Graph.save` wrote and that was built from `vectors`."""
    return graph_class(backend).load(path, vectors, settings)


def graph_class(backend: str) -> Any:
    """The class behind a backend's name, None for 'exact'; a UserError lists the names."""
    choose("backend", backend, tuple(BACKENDS))
    if backend == "hnsw":
        from cxrneighbors.index.backends.hnsw import HnswGraph

        return HnswGraph
    if backend == "milvus":
        from cxrneighbors.index.backends.milvus import MilvusGraph

        return MilvusGraph
    return None
