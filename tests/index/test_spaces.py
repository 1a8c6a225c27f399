from __future__ import annotations

import numpy as np
import pytest

from cxrneighbors.index.spaces import build_graphs, make_spaces

ONE = {"image": 1.0, "report": 1.0}
HAS = {"image": np.array([1, 1, 0, 1, 1], bool), "report": np.array([1, 0, 1, 1, 0], bool)}
VIEWS = np.array(["LATERAL", "PA", "LATERAL", "AP", "LATERAL"], dtype=object)


def test_a_space_holds_the_rows_that_have_its_vectors() -> None:
    spaces = make_spaces(HAS, {"image": 2.0, "report": 4.0}, {"image": 1.0, "report": 3.0})
    rows = {name: space.rows.tolist() for name, space in spaces.items()}
    assert rows == {"image": [0, 1, 3, 4], "report": [0, 2, 3], "fused": [0, 1, 2, 3, 4]}
    assert {name: space.factors for name, space in spaces.items()} == {
        "image": {"image": 0.5}, "report": {"report": 0.25}, "fused": {"image": 0.5, "report": 0.75},
    }  # fmt: skip
    by_view = {view: rows.tolist() for view, rows in spaces["image"].view_rows(VIEWS).items()}
    assert by_view == {"PA": [1], "AP": [3], "LATERAL": [0, 4]}


@pytest.mark.parametrize(
    ("has", "weights", "names"),
    [
        ({"image": HAS["image"]}, ONE, ["image"]),
        (HAS | {"report": np.zeros(5, bool)}, ONE, ["image"]),
        (HAS | {"report": ~HAS["image"]}, ONE, ["image", "report"]),  # no row has both
        (HAS, {"image": 1.0, "report": 0.0}, ["image", "report", "fused"]),
    ],
)
def test_fused_needs_both_on_one_row(has: dict, weights: dict, names: list[str]) -> None:
    spaces = make_spaces(has, ONE, weights)
    assert list(spaces) == names
    assert [name for name, space in spaces.items() if not space.has_graphs] == [
        name for name in names if name == "fused" and min(weights.values()) == 0
    ]


def test_graphs_are_one_for_each_view_over_the_scaled_vectors() -> None:
    rng = np.random.default_rng(0)
    vectors = {"image": rng.random((5, 3), np.float32), "report": rng.random((5, 2), np.float32)}
    spaces = make_spaces(HAS, {"image": 0.5, "report": 0.1}, ONE)
    apart = {name: np.where(has, 0.0, 2.0) for name, has in HAS.items()}
    build_graphs(spaces, vectors, apart, VIEWS, "exact", {})
    assert not any(space.partitions for space in spaces.values())
    build_graphs(spaces, vectors, apart, VIEWS, "hnsw", {})
    found = {name: [(p.view, p.rows.tolist()) for p in space.partitions] for name, space in spaces.items()}
    assert found == {
        "image": [("PA", [1]), ("AP", [3]), ("LATERAL", [0, 4])],
        "report": [("AP", [3]), ("LATERAL", [0, 2])],
        "fused": [("PA", [1]), ("AP", [3]), ("LATERAL", [0, 2, 4])],
    }
    for space in spaces.values():
        for partition in space.partitions:
            parts = []
            for name, factor in space.factors.items():
                parts.append(vectors[name][partition.rows] * np.sqrt(factor))
                if space.modality == "fused":
                    parts.append(apart[name][partition.rows, None] * np.sqrt(factor))
            nearest = partition.graph.query(np.concatenate(parts, axis=1).astype(np.float32), 1)
            assert nearest[:, 0].tolist() == list(range(len(partition.rows)))
