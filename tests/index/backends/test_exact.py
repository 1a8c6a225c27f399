from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.index.backends import exact
from cxrneighbors.index.backends.exact import nearest_exact
from cxrneighbors.index.filters import Admission


@pytest.mark.parametrize(("row_block", "query_block"), [(16_384, 256), (50, 7)])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, row_block: int, query_block: int) -> None:
    monkeypatch.setattr(exact, "ROW_BLOCK", row_block)
    monkeypatch.setattr(exact, "QUERY_BLOCK", query_block)
    monkeypatch.setattr(exact, "PRODUCT_ROWS", row_block // 3)
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
