"""The map's points: vectors of an index laid out in two dimensions, by PCA at once or by UMAP in a while."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from threading import Lock

import numpy as np

from cxrneighbors.errors import UserError, choose
from cxrneighbors.index.fusion import scaled_concatenation
from cxrneighbors.index.vector_store import VectorStore

METHODS = ("pca", "umap")
UMAP_DIMS = 50  # principal components that UMAP is given, where vectors have more
NO_UMAP = "UMAP needs a library that is not installed here: pip install umap-learn; PCA works without"


class Projections:
    """Layouts of the images of an index, each made once and kept.

    A layout is float32 (N, 2), a row for each row of the study table, NaN where the image lacks the modality.
    Distances between points have no unit: PCA keeps what it can of the index's distances, UMAP keeps
    neighbourhoods.
    """

    def __init__(self, store: VectorStore) -> None:
        self.store = store
        self._lock = Lock()
        self._made: dict[tuple[str, str], Future[np.ndarray]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="layout")  # one at a time

    @property
    def spaces(self) -> tuple[str, ...]:
        """Of 'fused', 'image', 'report' those that the index has, fused first."""
        return tuple(name for name in ("fused", "image", "report") if name in self.store.spaces)

    def layout(self, space: str, method: str = "pca", wait: float | None = None) -> np.ndarray | None:
        """The layout float32 (N, 2); None while it is being made and `wait` seconds have passed.

        `UserError` for an unknown space or method, for UMAP where it is not installed, and where it failed.
        """
        choose("space", space, self.spaces)
        choose("projection", method, METHODS)
        if method == "umap" and not has_umap():
            raise UserError(NO_UMAP)
        with self._lock:
            if (space, method) not in self._made:
                self._made[space, method] = self._pool.submit(self._make, space, method)
            made = self._made[space, method]
        try:
            return made.result(wait)
        except TimeoutError:
            return None

    def _make(self, space: str, method: str) -> np.ndarray:
        store, rows = self.store, self.store.spaces[space].rows
        vectors = scaled_concatenation(store.vectors, store.spaces[space].factors, rows, apart=store.apart)
        points = np.full((len(store.studies), 2), np.nan, dtype=np.float32)
        points[rows] = pca(vectors) if method == "pca" else umap(vectors)
        return points


def has_umap() -> bool:
    """Whether the UMAP library is installed; it is not loaded for that."""
    return find_spec("umap") is not None


def pca(vectors: np.ndarray, dim: int = 2) -> np.ndarray:
    """Scores on the first `dim` principal components: (N, D) -> float32 (N, dim).

    Components that N or D do not allow are 0. Signs are fixed: equal vectors give equal layouts.
    """
    from sklearn.decomposition import PCA

    n = min(dim, vectors.shape[1], len(vectors) - 1)
    found = np.zeros((len(vectors), dim), dtype=np.float32)
    if n > 0:
        found[:, :n] = PCA(n, random_state=0).fit_transform(vectors)
    return found


def umap(vectors: np.ndarray) -> np.ndarray:
    """UMAP of the vectors, or of their first `UMAP_DIMS` components: (N, D) -> float32 (N, 2).

    Minutes for 100,000 rows. Seeded: equal vectors give equal layouts.
    """
    if len(vectors) < 4:  # no neighbourhood to keep
        return pca(vectors)
    from umap import UMAP

    if vectors.shape[1] > UMAP_DIMS:
        vectors = pca(vectors, UMAP_DIMS)
    layout = UMAP(n_components=2, n_neighbors=min(15, len(vectors) - 1), random_state=0)
    return np.asarray(layout.fit_transform(vectors), dtype=np.float32)
