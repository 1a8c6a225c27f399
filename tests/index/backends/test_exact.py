from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.index.backends import exact
from cxrneighbors.index.backends.exact import KeyLookup, nearest_exact, smallest
from cxrneighbors.index.filters import Admission


@pytest.mark.parametrize(("n", "m"), [(5, 5), (5, 9), (40, 3), (1000, 7), (1003, 60), (16_384, 13)])
def test_smallest_finds_the_m_smallest(n: int, m: int) -> None:
    values = np.random.default_rng(n).standard_normal((6, n)).astype(np.float32)
    columns = smallest(values, m)
    assert columns.shape == (6, min(m, n))
    found = np.sort(np.take_along_axis(values, columns, axis=1), axis=1)
    np.testing.assert_array_equal(found, np.sort(values, axis=1)[:, :m])


def test_smallest_with_ties_and_infinities_repeats_no_column() -> None:
    values = np.full((3, 500), np.inf, dtype=np.float32)
    values[:, 100:110] = 1.0
    columns = smallest(values, 12)
    assert all(len(set(line)) == 12 for line in columns.tolist())
    assert (np.isfinite(np.take_along_axis(values, columns, axis=1)).sum(axis=1) == 10).all()


def test_key_lookup_finds_every_pair() -> None:
    keys, wanted = np.array([3, 1, 3, 2, 1]), np.array([1, 9, 3])
    i, j = KeyLookup(keys).pairs(wanted)
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 1), (0, 4), (2, 0), (2, 2)]


@pytest.mark.parametrize(("row_block", "query_block"), [(16_384, 256), (50, 7)])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, row_block: int, query_block: int) -> None:
    monkeypatch.setattr(exact, "ROW_BLOCK", row_block)
    monkeypatch.setattr(exact, "QUERY_BLOCK", query_block)
    rng = np.random.default_rng(0)
    vectors = {"image": rng.standard_normal((333, 6)).astype(np.float32) + 100}
    rows = np.sort(rng.choice(333, 201, replace=False))
    patients = np.arange(333) // 4
    queries = {"image": vectors["image"][:40]}
    admit = Admission(None, np.zeros(40, dtype=np.int64), patients, patients[:40])
    centre = {"image": vectors["image"].mean(axis=0)}
    found = nearest_exact(vectors, rows, queries, {"image": 0.5}, 5, admit, centre)
    for query, candidates in enumerate(found):
        others = rows[patients[rows] != patients[query]]
        distance = ((vectors["image"][others] - vectors["image"][query]) ** 2).sum(axis=1)
        assert set(others[np.argsort(distance)[:5]]) <= set(candidates)
        assert (patients[candidates[candidates >= 0]] != patients[query]).all()


def test_no_rows_give_no_candidates() -> None:
    vectors = {"image": np.zeros((3, 2), dtype=np.float32)}
    queries = {"image": vectors["image"][:1]}
    admit = Admission(None, np.zeros(1, dtype=np.int64), np.arange(3), np.array([0]))
    centre = {"image": np.zeros(2, dtype=np.float32)}
    found = nearest_exact(vectors, np.empty(0, dtype=np.int64), queries, {"image": 1.0}, 4, admit, centre)
    assert (found == -1).all() and found.shape[1] >= 4
