"""Backends: what each offers, and which there are, loaded only when used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeGuard

import numpy as np

from cxrneighbors.arguments import whole
from cxrneighbors.errors import UserError, choose
from cxrneighbors.index.predicate_columns import Column

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


@dataclass(frozen=True)
class Attributes:
    """What is known of n rows beside their vectors, for backends that filter.

    `columns`: as `where` expressions see them, by name. `keys`: int64 (n,) by what may be left out for a
    query, see `Admission`: 'patient', its number, and 'row', that in the study table.
    """

    columns: Mapping[str, Column]
    keys: Mapping[str, np.ndarray]

    def take(self, rows: np.ndarray) -> Attributes:
        """Those of `rows` int64 (n,)."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        return Attributes(columns, {name: values[rows] for name, values in self.keys.items()})


class FilteringGraph(Graph, Protocol):
    """A graph that filters where it searches: its `build` takes the `attributes` of its vectors too."""

    def expression(self, where: str, column: Callable[[str], Column]) -> str | None:
        """`where` in the graph's own language, None if it cannot be said there; `column`: one by its name."""

    def query_where(
        self, vectors: np.ndarray, m: int, expression: str | None, key: str, left_out: np.ndarray
    ) -> np.ndarray:
        """As `query`, of the positions that pass `expression` (None: all) alone.

        `left_out`: int64 (Q,), whose rows, by `key` of the attributes, a query does not want, -1 for none.
        They may be among the answer all the same, where many queries want different ones.
        """


def check_options(backend: str, options: dict[str, Any]) -> None:
    """A UserError for an unknown backend, or for an option that it does not take."""
    choose("backend", backend, tuple(BACKENDS))
    for name in options:
        if name not in BACKENDS[backend]:
            takes = ", ".join(BACKENDS[backend]) or "none"
            raise UserError(f"backend {backend}: unknown option {name!r}; it takes: {takes}")
        if name != "uri":
            whole(name, options[name], 16)


def can_filter(backend: str) -> bool:
    """Whether the backend's graphs filter where they search."""
    return hasattr(graph_class(backend), "query_where")


def filters_itself(graph: Graph) -> TypeGuard[FilteringGraph]:
    """Whether a graph is a `FilteringGraph`; at every query, so by one look."""
    return hasattr(graph, "query_where")


def graph_class(backend: str) -> type[Graph] | None:
    """The class behind a backend's name, None for 'exact', which needs no graph."""
    if backend == "hnsw":
        from cxrneighbors.index.backends.hnsw import HnswGraph

        return HnswGraph
    if backend == "milvus":
        from cxrneighbors.index.backends.milvus import MilvusGraph

        return MilvusGraph
    return None
