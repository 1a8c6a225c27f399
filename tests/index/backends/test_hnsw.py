from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.files import sha256_file
from cxrneighbors.index.backends.hnsw import EqualGroups, HnswGraph


def true_distances(vectors: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    squared = ((queries[:, None, :] - vectors[None]) ** 2).sum(axis=2)
    return np.sort(squared, axis=1)[:, :k]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3000, 10)).astype(np.float32)


def test_finds_the_nearest(vectors: np.ndarray) -> None:
    graph = HnswGraph.build(vectors)
    positions = graph.query(vectors[:200], 10)
    found = ((vectors[positions] - vectors[:200, None]) ** 2).sum(axis=2)
    assert (found <= true_distances(vectors, vectors[:200], 10)[:, -1:] + 1e-5).mean() >= 0.995


def test_two_builds_write_the_same_bytes(vectors: np.ndarray, tmp_path: Path) -> None:
    for name in ("a", "b"):
        HnswGraph.build(vectors).save(tmp_path / name)
    assert sha256_file(tmp_path / "a") == sha256_file(tmp_path / "b")


def test_ef_is_measured_and_survives_loading(vectors: np.ndarray, tmp_path: Path) -> None:
    graph = HnswGraph.build(vectors)
    assert graph.settings()["ef"] >= 48
    graph.save(tmp_path / "g")
    again = HnswGraph.load(tmp_path / "g", vectors, graph.settings())
    assert again.settings() == graph.settings()
    np.testing.assert_array_equal(again.query(vectors[:300], 20), graph.query(vectors[:300], 20))
    assert again._index.ef == graph._index.ef > 10  # hnswlib comes back with 10


def test_it_travels_to_another_process_as_it_is(vectors: np.ndarray, tmp_path: Path) -> None:
    graph = HnswGraph.build(vectors)
    sent = pickle.loads(pickle.dumps(graph))  # noqa: S301
    np.testing.assert_array_equal(sent.query(vectors[:300], 20), graph.query(vectors[:300], 20))
    for name, each in (("here", graph), ("there", sent)):
        each.save(tmp_path / name)
    assert sha256_file(tmp_path / "here") == sha256_file(tmp_path / "there")


def test_copies_do_not_cut_the_graph() -> None:
    """Groups of many equal vectors: each would fill its own links and leave the rest unreachable."""
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((40, 6)).astype(np.float32)[rng.integers(40, size=4000)]
    graph = HnswGraph.build(vectors)
    positions = graph.query(vectors[:100], 300)
    assert (positions >= 0).all() and all(len(set(line)) == 300 for line in positions.tolist())
    found = ((vectors[positions] - vectors[:100, None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(found, true_distances(vectors, vectors[:100], 300), atol=1e-5)


def test_groups_expand_in_order() -> None:
    groups = EqualGroups(np.array([[1.0], [2.0], [1.0], [0.0], [1.0], [-0.0]], dtype=np.float32))
    np.testing.assert_array_equal(groups.first, [0, 1, 3])
    np.testing.assert_array_equal(
        groups.expand(np.array([[2, 0, 1], [1, 2, 0]]), 4), [[3, 5, 0, 2], [1, 3, 5, 0]]
    )
    np.testing.assert_array_equal(groups.expand(np.array([[1]]), 3), [[1, -1, -1]])


def test_more_than_there_are(vectors: np.ndarray) -> None:
    positions = HnswGraph.build(vectors[:7]).query(vectors[:2], 20)
    assert [sorted(line[line >= 0]) for line in positions] == [list(range(7))] * 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"dim": 32}, "does not fit"), ({"space": "ip"}, "does not fit"), ({"count": 2999}, "does not fit")],
)
def test_settings_that_do_not_fit(vectors: np.ndarray, tmp_path: Path, changed: dict, message: str) -> None:
    graph = HnswGraph.build(vectors)
    graph.save(tmp_path / "g")
    with pytest.raises(UserError, match=message):
        HnswGraph.load(tmp_path / "g", vectors, graph.settings() | changed)


def test_another_graph_of_the_same_size(vectors: np.ndarray, tmp_path: Path) -> None:
    graph = HnswGraph.build(vectors)
    HnswGraph.build(vectors + 1).save(tmp_path / "g")
    with pytest.raises(UserError, match="does not hold the vectors"):
        HnswGraph.load(tmp_path / "g", vectors, graph.settings())


def test_no_graph_at_all(vectors: np.ndarray, tmp_path: Path) -> None:
    settings = HnswGraph.build(vectors).settings()
    (tmp_path / "g").write_bytes(b"no graph" * 100)
    with pytest.raises(UserError, match="graph is cut off"):
        HnswGraph.load(tmp_path / "g", vectors, settings)


def test_more_vectors_join_a_graph(vectors: np.ndarray, tmp_path: Path) -> None:
    graph = HnswGraph.build(vectors[:2000])
    more = np.concatenate([vectors[:2000], vectors[:3], vectors[2000:]])  # three copies, a thousand new
    before = graph.query(vectors[:50], 5)
    grown = graph.extended(more)
    assert grown.settings()["count"] == 3000 and graph.settings()["count"] == 2000
    np.testing.assert_array_equal(graph.query(vectors[:50], 5), before)
    positions = grown.query(more[::10], 10)
    found = ((more[positions] - more[::10][:, None]) ** 2).sum(axis=2)
    assert (found <= true_distances(more, more[::10], 10)[:, -1:] + 1e-5).mean() >= 0.995
    assert {0, 2000} <= set(grown.query(vectors[:1], 2)[0])
    grown.save(tmp_path / "g")
    again = HnswGraph.load(tmp_path / "g", more, grown.settings())
    np.testing.assert_array_equal(again.query(more[::10], 10), positions)
