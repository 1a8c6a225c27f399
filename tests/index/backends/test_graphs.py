"""What every backend with a graph must do, whatever library is behind it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.backends.registry import BACKENDS, graph_class


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "exact"])
def test_a_graph_keeps_the_protocol(backend: str, tmp_path: Path) -> None:
    if backend == "milvus":
        pytest.importorskip("milvus_lite", reason="extra milvus is not installed")
    vectors = np.random.default_rng(0).standard_normal((120, 6)).astype(np.float32)
    queries = vectors[:9] + 0.01
    kind = graph_class(backend)
    graph = kind.build(vectors)
    found = graph.query(queries, 10)
    squared = ((queries[:, None] - vectors) ** 2).sum(axis=2)
    true = np.argsort(squared, axis=1)[:, :10]
    assert found.dtype == np.int64 and found.shape == (9, 10)
    assert (found[:, 0] == np.arange(9)).all() and np.isin(found, true).mean() > 0.95
    assert (np.diff(np.take_along_axis(squared, found, axis=1), axis=1) >= 0).all()
    beyond = graph.query(queries, 130)
    assert (np.sort(beyond[:, :120], axis=1) == np.arange(120)).all() and (beyond[:, 120:] == -1).all()
    effort = graph.effort(np.array([1, 16, 256, 4096]))
    assert (np.diff(effort) >= 0).all() and (effort >= [1, 16, 256, 4096]).all()
    settings = json.loads(json.dumps(graph.settings()))
    graph.save(tmp_path / f"g{graph.suffix}")
    again = kind.load(tmp_path / f"g{graph.suffix}", vectors, settings)
    np.testing.assert_array_equal(again.query(queries, 10), found)
    with pytest.raises(UserError):
        kind.load(tmp_path / f"g{graph.suffix}", vectors[:, :5].copy(), settings)
