"""Backends by name, each loaded only when it is used."""

from __future__ import annotations

from typing import Any

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


def graph_class(backend: str) -> type[Graph] | None:
    """The class behind a backend's name, None for 'exact', which needs no graph."""
    if backend == "hnsw":
        from cxrneighbors.index.backends.hnsw import HnswGraph

        return HnswGraph
    if backend == "milvus":
        from cxrneighbors.index.backends.milvus import MilvusGraph

        return MilvusGraph
    return None
