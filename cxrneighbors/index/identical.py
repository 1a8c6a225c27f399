"""One picture under the names of several patients: said when an index is built or grows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxrneighbors.errors import UserError
from cxrneighbors.index.vector_store import VectorStore
from cxrneighbors.progress import say

_STEP = (
    1e-3  # of a dimension's standard deviation: vectors that fall into the same steps may be of one picture
)
_READ = 500  # films whose pixels are compared at most


def warn_of_identical_films(store: VectorStore, since: int = 0) -> None:
    """Say which films of different patients have the same pixels, as far as their vectors are the same.

    `since`: only groups with a film of this row or a later one.

    Such films are each other's nearest neighbours at distance 0, and a search among other patients finds
    them. Only films with equal vectors are opened; those whose file cannot be read are not judged.
    """
    groups = [group for group in identical_films(store, since) if group.max() >= since]
    if not groups:
        return
    rows = np.concatenate(groups)
    patients = len(np.unique(store.patients[rows]))
    pictures = "one and the same picture" if len(groups) == 1 else f"only {len(groups)} pictures"
    first = ", ".join(store.studies["image_id"].iloc[groups[0][:3]])
    say(
        f"warning: {len(rows)} films of {patients} patients show {pictures} (such as {first}): they find "
        "each other as other patients; leave copies out, or give one patient"
    )


def identical_films(store: VectorStore, since: int = 0) -> list[np.ndarray]:
    """Groups of rows, int64 each, whose films have the same pixels and not all the same patient; of those
    that a film of row `since` or a later one may belong to.
    """
    if "image" not in store.vectors:
        return []
    rows = np.flatnonzero(store.has["image"] & store.studies["path"].notna().to_numpy())
    alike = _alike(store.vectors["image"][rows])
    candidates = [rows[group] for group in _of_several(alike, store.patients[rows])]
    candidates = [group for group in candidates if group.max() >= since]
    found: list[np.ndarray] = []
    read = 0
    for group in candidates:
        read += len(group)
        if read > _READ and found:
            break
        pixels = pd.factorize(np.array([_pixels(path) for path in store.studies["path"].iloc[group]]))[0]
        found += [group[same] for same in _of_several(pixels, store.patients[group])]
    return found


def _alike(vectors: np.ndarray) -> np.ndarray:
    """Equal numbers for vectors (n, D) that fall into the same steps: int64 (n,)."""
    if not len(vectors):
        return np.zeros(0, dtype=np.int64)
    spread = vectors.std(axis=0)
    moved = (vectors - vectors.mean(axis=0)) / np.where(spread > 0, _STEP * spread, np.inf)
    steps = np.ascontiguousarray(np.rint(np.clip(moved, -1e9, 1e9)), dtype=np.int32)
    packed = steps.view(np.dtype((np.void, steps.shape[1] * steps.itemsize))).ravel()
    return np.unique(packed, return_inverse=True)[1]


def _of_several(keys: np.ndarray, patients: np.ndarray) -> list[np.ndarray]:
    """Positions with an equal key (-1: none) that belong to two patients or more."""
    table = pd.DataFrame({"key": keys, "patient": patients})
    groups = table[(keys >= 0) & table["key"].duplicated(keep=False)].groupby("key", sort=False)
    return [group.index.to_numpy() for _, group in groups if group["patient"].nunique() > 1]


def _pixels(path: str) -> str | None:
    from cxrneighbors.data.content import content_hash  # brings SciPy, which a search does without

    try:
        return content_hash(path)
    except UserError:
        return None
