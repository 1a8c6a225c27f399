"""Ways of choosing neighbours, and the neighbour graph of each: what every measure starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.evaluation.question import Question
from cxrneighbors.index.neighbor_index import NeighborIndex

EXACT_ROWS = 20_000  # up to here other embeddings are searched exactly, beyond it by graph


class Search(Protocol):
    """How a method finds neighbours."""

    def __call__(
        self, rows: np.ndarray, k: int, *, allowed: np.ndarray, include_same_patient: bool, one_per: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of rows (Q,), among those allowed (N,): rows (Q, K), -1 where fewer exist, and distances (Q, K).

        `include_same_patient`, `one_per`: see `NeighborIndex.search`.
        """


@dataclass(frozen=True)
class Method:
    """A way of choosing neighbours: one of the index's graphs or a baseline.

    name: key in `overlap.json`; has: bool (N,), rows it knows; search: see `Search`;
    kind: `index`, `encoder` (another encoder over the same images or reports) or `random` (drawn);
    modality: whose distances its neighbours are shown with.
    """

    name: str
    has: np.ndarray
    search: Search
    kind: str
    modality: str


@dataclass(frozen=True)
class LeftOut:
    """A method that cannot be computed here, and why."""

    name: str
    reason: str


def index_methods(index: NeighborIndex) -> list[Method]:
    """The graphs of an index: `image`, `report` and `fused`, those that exist."""
    methods = []
    for modality in index.modalities:
        parts = ("image", "report") if modality == "fused" else (modality,)
        has = np.logical_and.reduce([index.has[part] for part in parts])
        methods.append(Method(modality, has, partial(index.neighbors, modality=modality), "index", modality))
    return methods


def embedding_method(name: str, embeddings: Embeddings, index: NeighborIndex) -> Method:
    """Neighbours by other embeddings of the index's images: by image vectors where there are any.

    A row takes part where both it and the index have the modality.
    """
    modality = "image" if "image" in embeddings.vectors else "report"
    backend = "exact" if len(index.studies) <= EXACT_ROWS else "hnsw"
    other = type(index).build(embeddings, index.studies, backend=backend)
    has = other.has[modality] & index.has[modality] if modality in index.has else other.has[modality]
    return Method(name, has, partial(other.neighbors, modality=modality), "encoder", modality)


@dataclass(frozen=True)
class Graph:
    """Neighbours of T targets within a pool of n images.

    pool: int64 (n,), rows of the study table that may be found, ascending; targets: int64 (T,), positions
    in the pool; neighbors: int64 (T, R), positions in the pool, nearest first, -1 where fewer exist, of
    which the first K always do; distances: float32 (T, R); left_out: images with fewer than K candidates.
    """

    pool: np.ndarray
    targets: np.ndarray
    neighbors: np.ndarray
    distances: np.ndarray
    left_out: int


@dataclass(frozen=True)
class Who:
    """Rows of the study table, bool (N,) each: `allowed` may be found; `eligible`, of these, are scored."""

    allowed: np.ndarray
    eligible: np.ndarray

    def among(self, known: np.ndarray) -> Who:
        """Only those of `known` bool (N,)."""
        return Who(self.allowed & known, self.eligible & known)


def build_graph(method: Method, who: Who, question: Question, depth: int) -> Graph:
    """Search `depth` >= K neighbours for every eligible image the method knows."""
    who = who.among(method.has)
    pool, rows = np.flatnonzero(who.allowed), np.flatnonzero(who.eligible)
    if len(rows) == 0:
        return Graph(pool, rows, np.empty((0, depth), np.int64), np.empty((0, depth), np.float32), 0)
    found, distances = method.search(
        rows,
        depth,
        allowed=who.allowed,
        include_same_patient=question.include_same_patient,
        one_per=question.one_per,
    )
    position = np.full(len(who.allowed) + 1, -1, dtype=np.int64)  # the extra last entry keeps -1 at -1
    position[pool] = np.arange(len(pool))
    enough = found[:, question.k - 1] >= 0
    return Graph(
        pool=pool,
        targets=position[rows[enough]],
        neighbors=position[found[enough]],
        distances=distances[enough],
        left_out=int((~enough).sum()),
    )
