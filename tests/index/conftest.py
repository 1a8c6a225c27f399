"""Small indices of random vectors, and the brute-force search that they are compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.index.filters import Admission, array_filters
from cxrneighbors.index.fusion import distance_factors
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.request import Request

N_LARGE = 20_000


def make_studies(n: int, seed: int = 0, images_per_patient: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names = np.array(["Effusion", "Edema", "Mass"])
    return pd.DataFrame(
        {
            "image_id": [f"i{i:05d}" for i in range(n)],
            "patient_id": [f"p{i // images_per_patient}" for i in range(n)],
            "view": rng.choice(["PA", "AP", "LATERAL"], n, p=[0.6, 0.37, 0.03]),
            "sex": rng.choice(np.array(["F", "M", None], dtype=object), n),
            "age": np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 100, n)),
            "findings": [list(names[rng.random(3) < 0.3]) for _ in range(n)],
            "report": [None if rng.random() < 0.3 else "Normal heart." for _ in range(n)],
        }
    )


def _brute_force(
    index: NeighborIndex,
    rows: np.ndarray,
    k: int,
    weights: dict[str, float],
    allowed: np.ndarray | None = None,
    same_patient: bool = False,
) -> np.ndarray:
    """Distances of the k nearest by the formula in float64, one query at a time: (Q, k), inf where fewer.

    A row that lacks one of two modalities counts with the query's mean squared distance in it.
    """
    used = [name for name, weight in weights.items() if weight > 0]
    has = np.logical_or.reduce([index.has[name] for name in used])
    patients = index.studies["patient_id"].to_numpy()
    best = np.full((len(rows), k), np.inf)
    for i, row in enumerate(rows):
        squared = np.zeros(len(has))
        for name in used:
            difference = index.vectors[name].astype(np.float64) - index.vectors[name][row]
            apart = (difference**2).sum(axis=1)
            apart[~index.has[name]] = apart[index.has[name]].mean()
            squared += weights[name] * apart / index.scale[name]
        out = ~has | ((np.arange(len(has)) == row) if same_patient else (patients == patients[row]))
        if allowed is not None:
            out |= ~(allowed if allowed.ndim == 1 else allowed[i])
        squared[out] = np.inf
        best[i] = np.sqrt(np.sort(squared)[:k])
    return best


@pytest.fixture(scope="session")
def brute_force() -> Callable[..., np.ndarray]:
    """(index, rows, k, weights, allowed=None, same_patient=False) -> distances of the k nearest, (Q, k)."""
    return _brute_force


@pytest.fixture(scope="session")
def large() -> NeighborIndex:
    """20,000 images with 60-d vectors, 70 % of them with a 16-d report vector; graphs for all modalities."""
    rng = np.random.default_rng(1)
    studies = make_studies(N_LARGE)
    image = rng.standard_normal((N_LARGE, 60)) / np.sqrt(np.arange(1, 61))
    report = rng.standard_normal((N_LARGE, 16)) * 3.0
    report[studies["report"].isna().to_numpy()] = np.nan
    return NeighborIndex.build(Embeddings.from_arrays(list(studies["image_id"]), image, report), studies)


@pytest.fixture()
def graph_only(monkeypatch: pytest.MonkeyPatch, large: NeighborIndex) -> NeighborIndex:
    """The large index, made to ask its graphs even where the exact search would be cheaper."""
    monkeypatch.setattr(large.store, "exact_rows", 0)
    monkeypatch.setattr(large.store, "rows_per_effort", {"shared": 0, "own": 0})
    return large


@pytest.fixture()
def small_index() -> Callable[..., NeighborIndex]:
    """Builds an index of n images (8-d) whose rows 0, 5, 10, … have no report (4-d)."""

    def build(n: int = 300, backend: str = "exact", **options: object) -> NeighborIndex:
        rng = np.random.default_rng(2)
        studies = make_studies(n)
        image, report = rng.standard_normal((n, 8)), rng.standard_normal((n, 4))
        report[::5] = np.nan
        embeddings = Embeddings.from_arrays(list(studies["image_id"]), image, report)
        return NeighborIndex.build(embeddings, studies, backend=backend, **options)

    return build


@pytest.fixture(scope="session")
def request_of() -> Callable[..., Request]:
    """(index, rows, k, modality='image', allowed=None, weights=None) -> the request of indexed images."""

    def make(
        index: NeighborIndex,
        rows: np.ndarray,
        k: int,
        modality: str = "image",
        allowed: np.ndarray | None = None,
        weights: dict[str, float] | None = None,
    ) -> Request:
        store = index.store
        filters = array_filters(allowed, len(rows), len(store.studies))
        admission = Admission(filters.masks, filters.which, store.patients, store.patients[rows])
        factors = distance_factors(modality, store.scale, weights or store.weights)
        return Request(store, store.row_vectors(rows), k, modality, factors, admission)

    return make
