from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.policies import nearest as policy
from cxrneighbors.index.policies.nearest import nearest, nearest_pool
from cxrneighbors.index.request import Request

Build = Callable[..., NeighborIndex]
Ask = Callable[..., Request]
BruteForce = Callable[..., np.ndarray]


@pytest.mark.parametrize("chunk", [2048, 7])
@pytest.mark.parametrize(
    "weights", [{"image": 1.0, "report": 1.0}, {"image": 3.0, "report": 1.0}, {"image": 90.0, "report": 1.0}]
)
def test_equals_brute_force_in_any_chunks_and_weights(
    small_index: Build,
    request_of: Ask,
    brute_force: BruteForce,
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
    weights: dict[str, float],
) -> None:
    index = small_index(600, backend="hnsw")
    monkeypatch.setattr(policy, "QUERY_CHUNK", chunk)
    monkeypatch.setattr(index.store, "exact_rows", 0)
    monkeypatch.setattr(index.store, "rows_per_effort", {"shared": 0, "own": 0})
    rows = np.flatnonzero(index.has["report"])[::23]
    hits = nearest(request_of(index, rows, 4, "fused", weights=weights))
    true = brute_force(index, rows, 4, weights)
    assert hits.rows.shape == hits.distance.shape == (len(rows), 4)
    assert (hits.distance <= true * (1 + 1e-5)).mean() > 0.98
    assert (np.diff(hits.distance, axis=1) >= 0).all()


def test_with_much_other_weights_no_graph_is_asked(
    small_index: Build, request_of: Ask, brute_force: BruteForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = small_index(300, backend="hnsw")
    monkeypatch.setattr(policy, "partition_candidates", None)
    monkeypatch.setattr(index.store, "exact_rows", 0)
    monkeypatch.setattr(index.store, "rows_per_effort", {"shared": 0, "own": 0})
    rows, weights = np.array([1, 2, 3]), {"image": 1.0, "report": policy.MAX_RATIO + 0.1}
    hits = nearest(request_of(index, rows, 5, "fused", weights=weights))
    np.testing.assert_allclose(hits.distance, brute_force(index, rows, 5, weights), rtol=1e-5)


def test_a_pool_is_the_longer_list(small_index: Build, request_of: Ask) -> None:
    request = request_of(small_index(60), np.array([0, 20]), 3)
    pool, few = nearest_pool(request, 10), nearest(request)
    assert pool.rows.shape == (2, 10)
    np.testing.assert_array_equal(pool.rows[:, :3], few.rows)
    assert nearest_pool(request, 1).rows.shape == (2, 3)
    everyone = nearest_pool(request, 1000).rows  # all 60, but the query's patient's three
    assert [len(set(line[line >= 0])) for line in everyone] == [57, 57]
