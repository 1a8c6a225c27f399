from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cxrneighbors.index.filters import Admission
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.request import Hits, Request, rank


def test_rank_orders_by_distance_then_row_and_drops_repeats(
    small_index: Callable[..., NeighborIndex],
) -> None:
    store = small_index(20).store
    store.vectors["image"][:] = 0.0
    store.vectors["image"][:, 0] = np.resize([3.0, 1.0, 2.0, 1.0], 20)
    everyone = Admission(None, np.zeros(1, dtype=np.int64), store.patients, np.array([-1]))
    request = Request(store, {"image": np.zeros((1, 8), np.float32)}, 4, "image", {"image": 4.0}, everyone)
    hits = rank(request, np.array([[0, 3, -1, 2, 3, 1]]))
    np.testing.assert_array_equal(hits.rows, [[1, 3, 2, 0]])
    np.testing.assert_array_equal(hits.distance, [[2, 2, 4, 6]])
    assert hits.distance.dtype == np.float32
    short = rank(request, np.array([[-1, 2, 2, -1]]))
    np.testing.assert_array_equal(short.rows, [[2, -1, -1, -1]])
    np.testing.assert_array_equal(short.distance, [[4, np.nan, np.nan, np.nan]])


def test_take_keeps_gaps() -> None:
    hits = Hits(np.array([[5, 6, 7]]), np.array([[0.5, 1.0, 2.0]], dtype=np.float32))
    rows, distance = hits.take(np.array([[0, 2, -1]]))
    np.testing.assert_array_equal(rows, [[5, 7, -1]])
    np.testing.assert_array_equal(distance, [[0.5, 2.0, np.nan]])
