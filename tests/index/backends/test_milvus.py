from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.backends.milvus import MilvusGraph
from cxrneighbors.index.neighbor_index import NeighborIndex

Build = Callable[..., NeighborIndex]
VECTORS = np.random.default_rng(0).standard_normal((120, 6)).astype(np.float32)


def nearest(queries: np.ndarray, m: int) -> np.ndarray:
    return np.argsort(((queries[:, None] - VECTORS[None]) ** 2).sum(axis=2), axis=1)[:, :m]


def test_without_pymilvus_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(UserError, match=r"pip install cxrneighbors\[milvus\]"):
        MilvusGraph.build(VECTORS)


@pytest.fixture(autouse=True)
def needs_milvus(request: pytest.FixtureRequest) -> None:
    if "without_pymilvus" not in request.node.name:
        pytest.importorskip("milvus_lite", reason="extra milvus is not installed")


@pytest.mark.parametrize("shared", [False, True])
def test_finds_the_nearest_also_after_loading(tmp_path: Path, shared: bool) -> None:
    graph = MilvusGraph.build(VECTORS, uri=str(tmp_path / "cluster.db") if shared else None)
    np.testing.assert_array_equal(graph.query(VECTORS[:9], 4), nearest(VECTORS[:9], 4))
    path = tmp_path / f"g{graph.suffix}"
    graph.save(path)
    np.testing.assert_array_equal(graph.query(VECTORS[:9], 200).shape, (9, 120))
    if shared:
        graph._client.close()
    again = MilvusGraph.load(path, VECTORS, graph.settings())
    np.testing.assert_array_equal(again.query(VECTORS[:9], 4), nearest(VECTORS[:9], 4))
    with pytest.raises(UserError, match="does not hold the vectors"):
        MilvusGraph.load(path, VECTORS + 1, graph.settings())
    with pytest.raises(UserError, match="holds 120 vectors, not 121"):
        MilvusGraph.load(path, VECTORS, graph.settings() | {"count": 121})


def test_only_a_graph_on_a_cluster_travels(tmp_path: Path) -> None:
    graph = MilvusGraph.build(VECTORS, uri=str(tmp_path / "cluster.db"))
    sent = pickle.dumps(graph)
    graph._client.close()
    again = pickle.loads(sent)  # noqa: S301
    np.testing.assert_array_equal(again.query(VECTORS[:9], 4), nearest(VECTORS[:9], 4))
    with pytest.raises(UserError, match="backend milvus: an embedded store is for one process"):
        pickle.dumps(MilvusGraph.build(VECTORS))


def test_an_index_on_milvus(small_index: Build, tmp_path: Path) -> None:
    index, exact = small_index(90, backend="milvus"), small_index(90)
    index.store.exact_rows, index.store.rows_per_effort = 0, {"shared": 0, "own": 0}
    ids = list(exact.studies["image_id"][1:5])
    for arguments in ({}, {"where": "age < 70", "modality": "image"}, {"weights": {"image": 3}}):
        assert index.search(ids, **arguments).equals(exact.search(ids, **arguments))
    index.save(tmp_path / "idx")
    again = NeighborIndex.load(tmp_path / "idx")
    again.store.exact_rows, again.store.rows_per_effort = 0, {"shared": 0, "own": 0}
    assert again.search(ids).equals(exact.search(ids))
    assert NeighborIndex.load(tmp_path / "idx").backend == "milvus"  # opening it changed no file
