from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.vector_store import VectorStore


@pytest.fixture()
def store(small_index: Callable[..., NeighborIndex]) -> VectorStore:
    return small_index(30).store


def test_rows_by_image_id(store: VectorStore) -> None:
    assert store.rows_of(["i00004", "i00000"]).tolist() == [4, 0]
    with pytest.raises(UserError, match="image id 'x': not in this index; its ids look like i00000, i00001"):
        store.rows_of(["i00001", "x"])


def test_a_row_without_a_modality_is_nan_as_a_query_and_at_no_distance(store: VectorStore) -> None:
    vectors = store.row_vectors(np.array([0, 1]))  # row 0 has no report
    assert np.isnan(vectors["report"][0]).all() and not np.isnan(vectors["image"]).any()
    rows = np.array([[2, 5], [5, -1]])
    np.testing.assert_array_equal(
        np.isnan(store.distances(vectors, rows, {"report": 1.0})), [[True, True], [True, True]]
    )
    apart = store.distances(vectors, rows, {"image": 4.0})
    expected = 2 * np.linalg.norm(store.vectors["image"][2] - vectors["image"][0])
    np.testing.assert_allclose(apart[0, 0], expected, rtol=1e-6)
    assert np.isnan(apart[1, 1]) and np.isnan(store.distances({}, rows, {"image": 1.0})).all()


def test_a_row_without_a_report_is_at_its_expected_fused_distance(store: VectorStore) -> None:
    vectors, rows = store.row_vectors(np.array([1])), np.array([[5]])
    found = store.distances(vectors, rows, {"image": 2.0, "report": 3.0})[0, 0] ** 2
    reports = store.vectors["report"][store.has["report"]]
    image = ((store.vectors["image"][5] - vectors["image"][0]) ** 2).sum()
    report = ((reports - vectors["report"][0]) ** 2).sum(axis=1).mean()
    np.testing.assert_allclose(found, 2 * image + 3 * report, rtol=1e-5)


def test_long_lists_are_measured_in_parts(store: VectorStore) -> None:
    rows = np.tile(np.arange(30), (30, 2000))
    vectors = store.row_vectors(np.arange(30))
    whole = store.distances(vectors, rows, {"image": 1.0})
    np.testing.assert_array_equal(whole[:, :30], store.distances(vectors, rows[:, :30], {"image": 1.0}))
    np.testing.assert_array_equal(whole[:, -30:], whole[:, :30])


def test_spaces_hold_the_rows_that_have_the_modality(store: VectorStore) -> None:
    assert store.modalities == ("image", "report", "fused")
    reports = np.flatnonzero(np.arange(30) % 5)
    np.testing.assert_array_equal(store.spaces["fused"].rows, np.arange(30))
    by_view = store.spaces["report"].view_rows(store.views)
    np.testing.assert_array_equal(np.sort(np.concatenate(list(by_view.values()))), reports)
    assert all((store.views[rows] == view).all() for view, rows in by_view.items())
