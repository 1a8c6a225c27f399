"""Graph backend: hnswlib (Malkov and Yashunin 2018), one graph per view and modality.

What this file adds to hnswlib:
- Equal vectors enter the graph once. Copies fill each other's links and cut themselves off from the rest, and
  templated normal reports do repeat.
- Vectors are padded with zeros to a multiple of 16, for which hnswlib has its vectorised distance.
- `ef` is measured, not guessed: the smallest of `EF_STEPS` with which a sample of the rows finds its true
  nearest neighbours.
- A graph is built by one thread: insertion order, and so the graph, is then the same at every build.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.index.backends.hnsw_file import check_graph_file
from cxrneighbors.processes import usable_cpus

SPACE = "l2"
MAX_EF = 100_000
EF_STEPS = (48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
SAMPLE = 256
SAMPLE_K = 10
TARGET_RECALL = 0.998


class HnswGraph:
    """hnswlib graph over float32 vectors (n, D); see `build`."""

    suffix = ".bin"
    suffixes: ClassVar[tuple[str, ...]] = (suffix,)

    def __init__(self, index: Any, groups: EqualGroups, settings: dict[str, Any]) -> None:
        self._index = index
        self._groups = groups
        self._settings = settings
        # `ef` is a setting of the whole hnswlib index: two searches with different ones take turns.
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    @classmethod
    def build(
        cls,
        vectors: np.ndarray,
        M: int = 24,
        ef_construction: int = 200,
        ef: int | None = None,
        seed: int = 100,
    ) -> HnswGraph:
        """Build from float32 (n, D), n > 0. `M` links per node; `ef` None: measured on a sample."""
        groups, unique, index = _prepared(vectors)
        index.init_index(max_elements=len(unique), M=M, ef_construction=ef_construction, random_seed=seed)
        index.add_items(unique, np.arange(len(unique)), num_threads=1)
        settings: dict[str, Any] = {"M": M, "ef_construction": ef_construction, "seed": seed}
        settings |= {"space": SPACE, "dim": unique.shape[1], "count": len(unique)}
        settings["ef"] = _measure_ef(index, unique) if ef is None else ef
        return cls(index, groups, settings)

    @classmethod
    def load(cls, path: Path, vectors: np.ndarray, settings: dict[str, Any]) -> HnswGraph:
        """Read `path`, built from `vectors`; another space, dimension or content raises a UserError.

        hnswlib itself reads a file under any dimension without a word, follows any link in it, and forgets
        `ef`.
        """
        groups, unique, index = _prepared(vectors)
        if settings != settings | {"space": SPACE, "dim": unique.shape[1], "count": len(unique)}:
            raise UserError(f"{path}: graph does not fit the vectors beside it; build the index again")
        M, ef = settings.get("M"), settings.get("ef")
        if not (isinstance(M, int) and isinstance(ef, int) and 2 <= M <= 1000 and 1 <= ef <= MAX_EF):
            raise UserError(f"{path}: M={M!r}, ef={ef!r} are no settings of a graph; build the index again")
        check_graph_file(path, unique, M)
        try:
            index.load_index(str(path), max_elements=len(unique))
        except RuntimeError as error:
            raise UserError(f"{path}: not a graph of hnswlib ({error}); build the index again") from None
        return cls(index, groups, settings)

    def extended(self, vectors: np.ndarray) -> HnswGraph:
        """As `Graph.extended`; a vector that is there already joins its group. `ef` never shrinks.

        The graph goes by way of a file: then it is the same whether the index was loaded before or not.
        """
        groups, unique, index = _prepared(vectors)
        settings, count = self.settings(), self._settings["count"]
        with tempfile.TemporaryDirectory() as folder:
            self.save(Path(folder) / "graph")
            index.load_index(str(Path(folder) / "graph"), max_elements=len(unique))
        index.add_items(unique[count:], np.arange(count, len(unique)), num_threads=1)
        settings |= {"count": len(unique), "ef": max(settings["ef"], _measure_ef(index, unique))}
        return HnswGraph(index, groups, settings)

    def query(self, vectors: np.ndarray, m: int) -> np.ndarray:
        """As `Graph.query`; -1 throughout for a batch in which the graph reached fewer than `m`."""
        groups = min(m, self._settings["count"])
        with self._lock:
            self._index.set_ef(int(self.effort(np.array([m]))[0]))
            try:
                labels, _ = self._index.knn_query(_padded(vectors), k=groups, num_threads=usable_cpus())
            except RuntimeError:  # hnswlib raises for the whole batch when one query reaches too few nodes
                return np.full((len(vectors), m), -1, dtype=np.int64)
        return self._groups.expand(labels.astype(np.int64), m)

    def effort(self, m: np.ndarray) -> np.ndarray:
        """The ef used to fetch `m`: measured for the nearest `SAMPLE_K`, wider for deeper ranks."""
        return np.asarray(np.maximum(self._settings["ef"], m) + 4 * np.maximum(m - SAMPLE_K, 0))

    def settings(self) -> dict[str, Any]:
        """space, dim (padded), count (of different vectors), ef, M, ef_construction, seed."""
        return dict(self._settings)

    def save(self, path: Path) -> None:
        """Write hnswlib's own file."""
        self._index.save_index(str(path))
        if path.stat().st_size != self._index.index_file_size():  # hnswlib does not look
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class EqualGroups:
    """Groups of equal rows of a matrix; `first` int64 (G,): position of each group's first row, ascending."""

    def __init__(self, vectors: np.ndarray) -> None:
        plain = np.ascontiguousarray(vectors + np.float32(0))  # -0.0 becomes 0.0
        rows = plain.view(np.dtype((np.void, plain.dtype.itemsize * plain.shape[1]))).ravel()
        _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
        self.first = np.sort(first)
        group = np.searchsorted(self.first, first)[inverse]
        self._members = np.argsort(group, kind="stable")
        self._sizes = np.bincount(group, minlength=len(first))
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])

    def expand(self, groups: np.ndarray, m: int) -> np.ndarray:
        """The first m members of the groups int64 (Q, g), in their order: int64 (Q, m), -1 = no more."""
        if len(self._members) == len(self.first):
            return groups
        sizes = self._sizes[groups]
        before = np.cumsum(sizes, axis=1) - sizes
        taken = np.clip(m - before, 0, sizes)
        flat = np.repeat(self._starts[groups].ravel(), taken.ravel())
        ends = np.cumsum(taken.ravel())
        within = np.arange(len(flat)) - np.repeat(ends - taken.ravel(), taken.ravel())
        positions = np.full((len(groups), m), -1, dtype=np.int64)
        positions[np.arange(m)[None, :] < taken.sum(axis=1)[:, None]] = self._members[flat + within]
        return positions


def _prepared(vectors: np.ndarray) -> tuple[EqualGroups, np.ndarray, Any]:
    """Groups of equal vectors, one padded vector of each, and an empty graph for these."""
    import hnswlib

    groups = EqualGroups(vectors)
    unique = _padded(vectors[groups.first])
    return groups, unique, hnswlib.Index(space=SPACE, dim=unique.shape[1])


def _padded(vectors: np.ndarray) -> np.ndarray:
    return np.pad(vectors, ((0, 0), (0, -vectors.shape[1] % 16))).astype(np.float32, copy=False)


def _measure_ef(index: Any, vectors: np.ndarray) -> int:
    """The smallest step of ef whose recall on evenly spaced rows reaches `TARGET_RECALL`, or the last one."""
    from sklearn.neighbors import NearestNeighbors

    k = min(SAMPLE_K, len(vectors))
    sample = vectors[np.unique(np.linspace(0, len(vectors) - 1, SAMPLE).astype(int))]
    brute = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(vectors)
    true = brute.kneighbors(sample, return_distance=False)
    for ef in EF_STEPS:
        index.set_ef(ef)
        try:
            found, _ = index.knn_query(sample, k=k, num_threads=1)
        except RuntimeError:
            continue
        hits = (found[:, :, None].astype(np.int64) == true[:, None, :]).any(axis=1)
        if hits.mean() >= TARGET_RECALL:
            return ef
    return EF_STEPS[-1]
