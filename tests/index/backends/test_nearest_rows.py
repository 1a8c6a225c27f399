from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.index.backends.nearest_rows import STRIDE, NearestRows


def seen(
    distances: np.ndarray,
    units: np.ndarray,
    keys: np.ndarray,
    query_keys: np.ndarray,
    m: int,
    s: int,
    block: int,
) -> NearestRows:
    nearest = NearestRows.none(len(distances), m, s)
    for start in range(0, len(units), block):
        part = slice(start, start + block)
        rows = np.arange(len(units))[part]
        for queries in (slice(0, 2), slice(2, None)):
            nearest.see(queries, distances[queries, part], rows, units[part], keys[part], query_keys[queries])
    return nearest


@pytest.mark.parametrize("block", [1000, 7, STRIDE, STRIDE + 1])
@pytest.mark.parametrize("m", [1, 8, 90])
def test_nearest_units_and_their_nearest_rows(block: int, m: int) -> None:
    rng = np.random.default_rng(0)
    units, keys = rng.integers(0, 60, 400), rng.integers(0, 20, 400)
    query_keys = np.array([3, 3, 7, -1, 19])
    distances = rng.standard_normal((5, 400)).astype(np.float32)
    nearest = seen(distances, units, keys, query_keys, m, 3, block)
    for query, line in enumerate(distances):
        allowed = pd.Series(line)[keys != query_keys[query]]
        least = allowed.groupby(units[allowed.index]).min().sort_values()[:m]
        kept = nearest.unit[query]
        assert kept[kept >= 0].tolist() == least.index.tolist()
        for place, unit in enumerate(kept[kept >= 0]):
            rows, values = nearest.row[query, place], nearest.distance[query, place]
            own = allowed[units[allowed.index] == unit].sort_values()
            assert rows[0] == own.index[0] and (np.diff(values[rows >= 0]) >= 0).all()
            np.testing.assert_array_equal(values[rows >= 0], own[rows[rows >= 0]])
            # Of its others those count that are nearer than the last unit.
            near = own[own < nearest.distance[query, -1, 0]].index[:3].tolist()
            assert rows[: len(near)].tolist() == near
        assert (nearest.row[query][kept < 0] == -1).all()
        assert np.isinf(nearest.distance[query][nearest.row[query] < 0]).all()


def test_of_equal_distances_the_first_rows_count() -> None:
    rows = np.arange(200)
    nearest = seen(np.zeros((3, 200), np.float32), rows, rows, np.full(3, -1), 4, 1, 50)
    assert nearest.row[:, :, 0].tolist() == [[0, 1, 2, 3]] * 3


def test_infinite_distances_are_none() -> None:
    rows = np.arange(5)
    distances = np.full((3, 5), np.inf, dtype=np.float32)
    distances[:, 3] = 1.0
    nearest = seen(distances, rows, rows, np.full(3, -1), 4, 1, 5)
    assert nearest.row[:, :, 0].tolist() == [[3, -1, -1, -1]] * 3
