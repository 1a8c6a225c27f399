"""Backends: what each offers, and which there are, loaded only when used."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from cxrneighbors.arguments import whole
from cxrneighbors.errors import UserError, choose

# Names, and the options that each takes in `NeighborIndex.build`.
BACKENDS: dict[str, tuple[str, ...]] = {
    "hnsw": ("M", "ef_construction", "ef", "seed"),
    "exact": (),
    "milvus": ("uri",),
}


class Graph(Protocol):
    """Approximate nearest neighbours in one plain squared-L2 space: one view of one modality.

    A vector's position is its row in the matrix that the graph was built from. Distances are not taken from
    here: the search recomputes them from the stored vectors.
    """

    suffix: str  # of the file of this graph, one of `suffixes`
    suffixes: ClassVar[tuple[str, ...]]

    @classmethod
    def build(cls, vectors: np.ndarray, *args: Any, **options: Any) -> Self:
        """Build from float32 (n, D), n > 0; options are the backend's own."""

    @classmethod
    def load(cls, path: Path, vectors: np.ndarray, settings: dict[str, Any]) -> Self:
        """Read what `save` wrote; a `UserError` unless it was built from `vectors` with `settings`."""

    def extended(self, vectors: np.ndarray) -> Self:
        """The graph over float32 (n + m, D), the first n of which it holds; it stays itself as it is."""

    def query(self, vectors: np.ndarray, m: int) -> np.ndarray:
        """Positions of the `m` nearest: float32 (Q, D) -> int64 (Q, m), nearest first, -1 where none."""

    def effort(self, m: np.ndarray) -> np.ndarray:
        """What fetching `m` int64 (Q,) costs per query, in hnswlib's `ef` (vectors visited, about)."""

    def settings(self) -> dict[str, Any]:
        """What loading needs and checks, as JSON."""

    def save(self, path: Path) -> None:
        """Write the graph to the file `path`."""


def check_options(backend: str, options: dict[str, Any]) -> None:
    """A UserError for an unknown backend, or for an option that it does not take."""
    choose("backend", backend, tuple(BACKENDS))
    for name in options:
        if name not in BACKENDS[backend]:
            takes = ", ".join(BACKENDS[backend]) or "none"
            raise UserError(f"backend {backend}: unknown option {name!r}; it takes: {takes}")
        if name != "uri":
            whole(name, options[name], 16)


def graph_class(backend: str) -> type[Graph] | None:
    """The class behind a backend's name, None for 'exact', which needs no graph."""
    if backend == "hnsw":
        from cxrneighbors.index.backends.hnsw import HnswGraph

        return HnswGraph
    if backend == "milvus":
        from cxrneighbors.index.backends.milvus import MilvusGraph

        return MilvusGraph
    return None
