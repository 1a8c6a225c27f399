"""Graph search against brute force, with and without filters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex

BruteForce = Callable[..., np.ndarray]

WEIGHTS = {
    "image": {"image": 1.0, "report": 0.0},
    "report": {"image": 0.0, "report": 1.0},
    "fused": {"image": 1.0, "report": 1.0},
}


def recall(distances: np.ndarray, true: np.ndarray) -> float:
    """Share of hits that are no farther than the true k-th nearest."""
    return float((distances <= true[:, -1:] * (1 + 1e-6)).mean())


def query_rows(index: NeighborIndex, n: int = 100) -> np.ndarray:
    return np.flatnonzero(index.has["report"])[:: index.has["report"].sum() // n][:n]


@pytest.mark.parametrize("modality", WEIGHTS)
@pytest.mark.parametrize(
    ("where", "same_patient"),
    [(None, False), (None, True), ("view == 'AP'", False), ("age > 20 and sex == 'F'", False)],
)
def test_recall_of_the_graphs(
    graph_only: NeighborIndex, modality: str, where: str | None, same_patient: bool, brute_force: BruteForce
) -> None:
    rows = query_rows(graph_only)
    allowed = None if where is None else graph_only.rows_where(where)
    found, distances = graph_only.neighbors(
        rows, 5, modality=modality, allowed=allowed, include_same_patient=same_patient
    )
    true = brute_force(graph_only, rows, 5, WEIGHTS[modality], allowed, same_patient)
    assert recall(distances, true) >= 0.99
    assert (found != rows[:, None]).all() and (np.diff(distances, axis=1) >= 0).all()
    if allowed is not None:
        assert allowed[found].all()
    if not same_patient:
        patients = graph_only.studies["patient_id"].to_numpy()
        assert (patients[found] != patients[rows][:, None]).all()


@pytest.mark.parametrize("modality", WEIGHTS)
def test_the_way_that_is_chosen_is_at_least_as_good(
    large: NeighborIndex, modality: str, brute_force: BruteForce
) -> None:
    rows = query_rows(large)
    _, distances = large.neighbors(rows, 5, modality=modality)
    assert recall(distances, brute_force(large, rows, 5, WEIGHTS[modality])) >= 0.99


def test_a_rare_predicate_is_exact(large: NeighborIndex, brute_force: BruteForce) -> None:
    rows = query_rows(large)
    allowed = np.zeros(len(large.studies), dtype=bool)
    allowed[np.random.default_rng(5).choice(len(allowed), 30, replace=False)] = True
    _, distances = large.neighbors(rows, 5, modality="image", allowed=allowed)
    true = brute_force(large, rows, 5, WEIGHTS["image"], allowed)
    np.testing.assert_allclose(distances, true, rtol=1e-5)


def test_a_filter_that_refuses_the_neighbourhood(graph_only: NeighborIndex, brute_force: BruteForce) -> None:
    """The admitted rows are those farthest from the query: every round comes back empty."""
    row = np.array([7])
    norms = ((graph_only.vectors["image"] - graph_only.vectors["image"][7]) ** 2).sum(axis=1)
    allowed = norms > np.quantile(norms, 0.7)
    _, distances = graph_only.neighbors(row, 5, modality="image", allowed=allowed)
    np.testing.assert_allclose(
        distances, brute_force(graph_only, row, 5, WEIGHTS["image"], allowed), rtol=1e-5
    )


@pytest.mark.parametrize("forced", [False, True])
def test_a_filter_for_each_query(
    large: NeighborIndex, forced: bool, request: pytest.FixtureRequest, brute_force: BruteForce
) -> None:
    if forced:
        request.getfixturevalue("graph_only")
    rows = query_rows(large, 60)
    shares = np.resize([0.9, 0.4, 0.05, 0.002], len(rows))
    allowed = np.random.default_rng(6).random((len(rows), len(large.studies))) < shares[:, None]
    found, distances = large.neighbors(rows, 5, modality="fused", allowed=allowed)
    assert np.take_along_axis(allowed, found, axis=1).all()
    assert recall(distances, brute_force(large, rows, 5, WEIGHTS["fused"], allowed)) >= 0.99


def test_an_expression_for_each_query(large: NeighborIndex, brute_force: BruteForce) -> None:
    rows = query_rows(large, 40)
    names = large.studies["image_id"].to_numpy()
    where = [None, "view == 'PA'", "age.between(30, 35)", "findings.has('Mass')"] * 10
    hits = large.search(list(names[rows]), where=where, modality="image")
    allowed = np.stack([large.rows_where(expression) for expression in where])
    true = brute_force(large, rows, 5, WEIGHTS["image"], allowed)
    assert recall(hits["distance"].to_numpy().reshape(-1, 5), true) >= 0.99
    found = large.store.rows_of(hits["neighbor_id"]).reshape(-1, 5)
    assert np.take_along_axis(allowed, found, axis=1).all()


def test_filters_of_many_queries_are_held_in_parts(
    small_index: Callable[..., NeighborIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = small_index(60)
    ids = list(index.studies["image_id"])
    where = [f"age > {i % 7}" for i in range(60)]
    whole = index.search(ids, where=where, modality="image", k=3)
    monkeypatch.setattr("cxrneighbors.index.search.MASK_BYTES", 60 * 6)
    pd.testing.assert_frame_equal(index.search(ids, where=where, modality="image", k=3), whole)


@pytest.mark.parametrize("ratio", [0.25, 0.5, 2.0, 3.9, 50.0])
def test_other_weights_at_query_time(
    graph_only: NeighborIndex, ratio: float, brute_force: BruteForce
) -> None:
    rows = query_rows(graph_only)
    weights = {"image": ratio, "report": 1.0}
    _, distances = graph_only.neighbors(rows, 5, modality="fused", weights=weights)
    assert recall(distances, brute_force(graph_only, rows, 5, weights)) >= 0.99


def test_partitions_without_a_passing_row_are_not_asked(
    graph_only: NeighborIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    for partition in graph_only.store.spaces["image"].partitions:
        graph, query = partition.graph, partition.graph.query
        monkeypatch.setattr(
            graph, "query", lambda v, m, q=query, p=partition: (asked.append(p.view), q(v, m))[1]
        )
    graph_only.neighbors(np.arange(5), 5, modality="image", allowed=graph_only.rows_where("view == 'AP'"))
    assert set(asked) == {"AP"}


def test_ties_go_by_row_order(small_index: Callable[..., NeighborIndex]) -> None:
    index = small_index(60)
    index.vectors["image"][:] = 1.0
    index.store.centre["image"][:] = 1.0
    found, distances = index.neighbors(np.array([0, 30]), 4, modality="image")
    np.testing.assert_array_equal(found, [[3, 4, 5, 6], [0, 1, 2, 3]])
    assert (distances == 0).all()


def test_a_batch_equals_its_single_searches(large: NeighborIndex) -> None:
    rows = query_rows(large, 20)
    together, _ = large.neighbors(rows, 5, modality="fused")
    alone = np.concatenate(
        [large.neighbors(rows[i : i + 1], 5, modality="fused")[0] for i in range(len(rows))]
    )
    assert (together == alone).mean() >= 0.99


def test_fewer_than_k_is_counted_not_raised(small_index: Callable[..., NeighborIndex]) -> None:
    index = small_index(30)
    allowed = np.zeros(30, dtype=bool)
    allowed[[1, 9, 20]] = True
    found, distances = index.neighbors(np.array([0, 10]), 5, modality="image", allowed=allowed)
    assert set(found[0]) == {9, 20, -1} and set(found[1]) == {1, 20, -1}
    np.testing.assert_array_equal(found < 0, np.isnan(distances))
    assert (found[:, :2] >= 0).all()


def test_rows_without_the_modality_have_no_neighbours(small_index: Callable[..., NeighborIndex]) -> None:
    index = small_index(50)
    for modality in ("report", "fused"):
        found, distances = index.neighbors(np.array([0, 1]), 3, modality=modality)
        assert (found[0] == -1).all() and np.isnan(distances[0]).all()
        assert (found[1] >= 0).all() and (modality == "fused" or index.has["report"][found[1]].all())


def test_an_empty_batch(small_index: Callable[..., NeighborIndex]) -> None:
    found, distances = small_index(50).neighbors(np.empty(0, dtype=int), 3)
    assert found.shape == distances.shape == (0, 3)


def test_allowed_of_a_wrong_shape(small_index: Callable[..., NeighborIndex]) -> None:
    with pytest.raises(ValueError, match=r"bool \(50,\) or \(2, 50\)"):
        small_index(50).neighbors(np.arange(2), 3, allowed=np.ones(49, dtype=bool))


def test_distances_equal_the_formula(small_index: Callable[..., NeighborIndex]) -> None:
    index = small_index(80)
    rows, others = np.array([1, 2, 5]), np.array([[3, 4], [6, -1], [7, 8]])
    found, reports = index.distances(rows, others), index.vectors["report"][index.has["report"]]
    for i, row in enumerate(rows):
        for j, other in enumerate(others[i]):
            x = np.linalg.norm(index.vectors["image"][row] - index.vectors["image"][other]) ** 2
            t = np.linalg.norm(index.vectors["report"][row] - index.vectors["report"][other]) ** 2
            x, t = x / index.scale["image"], t / index.scale["report"]
            gone = other < 0
            expected_t = ((reports - index.vectors["report"][row]) ** 2).sum(1).mean() / index.scale["report"]
            total = np.nan if row % 5 == 0 or gone else x + (expected_t if other % 5 == 0 else t)
            t = np.nan if row % 5 == 0 or other % 5 == 0 or gone else t
            expected = (np.nan if gone else np.sqrt(x), np.sqrt(t), np.sqrt(total))
            got = (found["image"][i, j], found["report"][i, j], found["total"][i, j])
            np.testing.assert_allclose(got, expected, rtol=1e-5)
    np.testing.assert_array_equal(index.distances(rows, others, "image")["total"], found["image"])


def test_k_below_one(small_index: Callable[..., NeighborIndex]) -> None:
    with pytest.raises(UserError, match="k: 0"):
        small_index(30).neighbors(np.arange(2), 0)
