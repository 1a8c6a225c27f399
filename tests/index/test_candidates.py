"""Candidates hold the true nearest admitted rows, whichever way they are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cxrneighbors.index.backends.hnsw import HnswGraph
from cxrneighbors.index.candidates import (
    assembled,
    exact_candidates,
    exact_is_cheaper,
    partition_candidates,
)
from cxrneighbors.index.fusion import scaled_concatenation
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.request import Request

Build = Callable[..., NeighborIndex]
Ask = Callable[..., Request]


def true_rows(request: Request, among: np.ndarray, queries: np.ndarray) -> list[set[int]]:
    """The k nearest admitted rows of each query, by plain loops."""
    found = []
    for query, row in enumerate(queries):
        squared = {}
        for other in among:
            masks = request.admission.masks
            passes = masks is None or masks[request.admission.which[query], other]
            if passes and request.store.patients[other] != request.store.patients[row]:
                image = request.store.vectors["image"]
                squared[int(other)] = float(((image[row] - image[other]) ** 2).sum())
        found.append(set(sorted(squared, key=squared.__getitem__)[: request.k]))
    return found


def filters(n_queries: int, n_rows: int) -> np.ndarray:
    """A wide, a narrow, a nearly empty and an empty filter in turn: bool (Q, N)."""
    shares = np.resize([0.9, 0.3, 0.01, 0.0], n_queries)
    return np.random.default_rng(4).random((n_queries, n_rows)) < shares[:, None]


def test_exact_candidates_hold_the_nearest(small_index: Build, request_of: Ask) -> None:
    index, rows = small_index(200), np.arange(0, 200, 17)
    request = request_of(index, rows, 5, allowed=filters(len(rows), 200))
    among = np.arange(0, 200, 3)
    candidates = exact_candidates(request, among)
    assert candidates.shape[1] >= 5
    for found, true in zip(candidates, true_rows(request, among, rows), strict=True):
        assert true <= set(found) <= {*among, -1}
        admitted = found[found >= 0]
        assert len(set(admitted)) == len(admitted) >= len(true)


@pytest.mark.parametrize("rates", [{"shared": 0, "own": 0}, {"shared": 100, "own": 8}])
def test_a_graph_finds_what_the_exact_search_finds(
    small_index: Build, request_of: Ask, monkeypatch: pytest.MonkeyPatch, rates: dict[str, int]
) -> None:
    index = small_index(900, backend="hnsw")
    monkeypatch.setattr(index.store, "exact_rows", 0)
    monkeypatch.setattr(index.store, "rows_per_effort", rates)
    rows = np.arange(0, 900, 41)
    request = request_of(index, rows, 5, allowed=filters(len(rows), 900))
    for partition in index.store.spaces["image"].partitions:
        candidates = partition_candidates(request, partition)
        for found, true in zip(candidates, true_rows(request, partition.rows, rows), strict=True):
            assert len(true - set(found)) <= 1 and set(found) <= {*partition.rows, -1}
            assert len(set(found[found >= 0])) == len(found[found >= 0])


def test_candidates_of_some_queries_take_their_places(small_index: Build, request_of: Ask) -> None:
    request = request_of(small_index(50), np.arange(4), 2)
    parts = [(np.array([2, 0]), np.array([[5, 6, 7], [8, -1, -1]])), (np.array([3]), np.array([[9]]))]
    assert assembled(request, parts).tolist() == [[8, -1, -1], [-1] * 3, [5, 6, 7], [9, -1, -1]]
    assert assembled(request, []).tolist() == [[-1, -1]] * 4


def test_few_passing_rows_are_searched_exactly(
    small_index: Build, request_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = small_index(900, backend="hnsw")
    partitions = index.store.spaces["image"].partitions
    request = request_of(index, np.arange(8), 5, allowed=filters(8, 900))
    assert exact_is_cheaper(request, partitions).all()  # fewer than EXACT_ROWS in all
    monkeypatch.setattr(index.store, "exact_rows", 20)
    monkeypatch.setattr(index.store, "rows_per_effort", {"shared": 0, "own": 0})
    assert exact_is_cheaper(request, partitions).tolist() == [False, False, True, True] * 2
    monkeypatch.setattr(index.store, "rows_per_effort", {"shared": 0, "own": 10**6})
    assert exact_is_cheaper(request, partitions).all()


class Filtering(HnswGraph):
    """A graph that filters by plain loops; an expression is the `where` it was made of, but for `sex`."""

    def of(self, index: NeighborIndex, points: np.ndarray, rows: np.ndarray) -> Filtering:
        self.index, self.points, self.rows = index, points, rows
        self.asked: list[tuple[int, int, str | None, str]] = []
        return self

    def expression(self, where: str, column: Callable[..., object]) -> str | None:
        column("age")
        return None if "sex" in where else where

    def query(self, vectors: np.ndarray, m: int) -> np.ndarray:
        raise AssertionError("asked without a filter")

    def query_where(
        self, vectors: np.ndarray, m: int, expression: str | None, key: str, left_out: np.ndarray
    ) -> np.ndarray:
        self.asked.append((len(vectors), m, expression, key))
        keys = {"patient": self.index.store.patients, "row": np.arange(len(self.index.studies))}[key]
        squared = ((vectors[:, None] - self.points[None]) ** 2).sum(axis=2)
        squared[:, ~self.index.rows_where(expression)[self.rows]] = np.inf
        squared[keys[self.rows] == left_out[:, None]] = np.inf
        order = np.argsort(squared, axis=1)[:, :m]
        return np.where(np.isinf(np.take_along_axis(squared, order, axis=1)), -1, order)


@pytest.mark.parametrize("where", [None, "age < 20", ["age < 20", None, "age > 90", "sex == 'F'"] * 3])
@pytest.mark.parametrize("options", [{}, {"include_same_patient": True}, {"one_per": "patient", "k": 9}])
def test_a_graph_that_filters_is_asked_for_no_more_than_k(
    small_index: Build, where: str | list[str | None] | None, options: dict[str, object]
) -> None:
    index, exact = small_index(900, backend="hnsw"), small_index(900)
    index.store.exact_rows, index.store.rows_per_effort = 0, {"shared": 0, "own": 0}
    space = index.store.spaces["image"]
    graphs = []
    for i, part in enumerate(space.partitions):
        points = scaled_concatenation(index.vectors, part.factors, part.rows)
        graph = Filtering.build(points).of(index, points, part.rows)
        space.partitions[i] = replace(part, graph=graph)
        graphs.append(graph)
    ids = [f"i{i:05d}" for i in range(1, 900, 80)]
    options = {"where": where, "modality": "image", **options}
    assert index.search(ids, **options).equals(exact.search(ids, **options))
    asked = [one for graph in graphs for one in graph.asked]
    assert {key for *_, key in asked} == {"row" if "include_same_patient" in options else "patient"}
    said = [m for _, m, expression, _ in asked if expression is not None]
    assert bool(said) == (where is not None)
    if "one_per" not in options:
        assert set(said) <= {16}


def test_on_a_device_batches_are_searched_exactly_and_single_queries_by_the_graph(
    small_index: Build, request_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = small_index(900, backend="hnsw")
    partitions = index.store.spaces["image"].partitions
    monkeypatch.setattr(index.store, "exact_rows", 0)
    monkeypatch.setattr(index.store, "rows_per_effort", {"shared": 0, "own": 0, "device": 10_000})
    batch, single = (request_of(index, np.arange(n), 5) for n in (64, 1))
    assert not exact_is_cheaper(batch, partitions).any()
    index.to("cpu:0")  # by torch
    assert exact_is_cheaper(batch, partitions).all() and not exact_is_cheaper(single, partitions).any()
