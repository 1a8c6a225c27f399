"""The map's layouts against a singular value decomposition, and their empty and missing parts."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable

import numpy as np
import pytest

from cxrneighbors.app import projection
from cxrneighbors.app.projection import Projections, pca
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex

Build = Callable[..., NeighborIndex]


def pairwise(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def test_pca_is_the_best_plane_of_the_indexs_distances(random_index: Build) -> None:
    index = random_index(80)
    vectors = index.vectors["image"].astype(np.float64) / np.sqrt(index.scale["image"])
    _, values, axes = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    expected = (vectors - vectors.mean(axis=0)) @ axes[:2].T
    found = Projections(index.store).layout("image")
    assert found is not None and values[1] > values[2]
    np.testing.assert_allclose(pairwise(found), pairwise(expected), atol=1e-4)


def test_a_fused_layout_has_every_film_and_a_report_layout_only_those_with_reports(
    random_index: Build,
) -> None:
    index = random_index(40)
    made = Projections(index.store)
    assert made.spaces == ("fused", "image", "report")
    fused, report = made.layout("fused"), made.layout("report")
    assert fused is not None and np.isfinite(fused).all()
    assert report is not None and (np.isfinite(report).all(axis=1) == index.has["report"]).all()
    assert made.layout("report") is report  # made once


@pytest.mark.parametrize(("n", "dim"), [(1, 5), (2, 5), (7, 1)])
def test_too_few_films_or_dimensions_lie_on_a_line_or_a_point(n: int, dim: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((n, dim))
    found = pca(vectors)
    assert found.shape == (n, 2) and found.dtype == np.float32
    np.testing.assert_allclose(pairwise(found), pairwise(vectors), atol=1e-5)


def test_umap_that_is_missing_says_how_to_get_it(
    random_index: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install umap-learn"):
        Projections(random_index(10).store).layout("image", "umap")


def test_umap_takes_seeded_components(random_index: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    class UMAP:
        def __init__(self, **options: object) -> None:
            asked.update(options)

        def fit_transform(self, vectors: np.ndarray) -> np.ndarray:
            asked["shape"] = vectors.shape
            return vectors[:, :2]

    library = types.ModuleType("umap")
    library.UMAP = UMAP  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap", library)
    monkeypatch.setattr(projection, "find_spec", lambda name: object())
    monkeypatch.setattr(projection, "UMAP_DIMS", 4)
    found = Projections(random_index(30).store).layout("image", "umap")
    assert found is not None and np.isfinite(found).all()
    assert asked == {"n_components": 2, "n_neighbors": 15, "random_state": 0, "shape": (30, 4)}


def test_an_unknown_space_or_method_lists_those_that_there_are(random_index: Build) -> None:
    made = Projections(random_index(10).store)
    with pytest.raises(UserError, match="fused, image, report"):
        made.layout("sound")
    with pytest.raises(UserError, match="pca, umap"):
        made.layout("image", "tsne")
