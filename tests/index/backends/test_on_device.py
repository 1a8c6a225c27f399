from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from cxrneighbors.errors import UserError
from cxrneighbors.index.backends import on_device
from cxrneighbors.index.backends.exact import nearest_exact
from cxrneighbors.index.backends.on_device import VectorsOnDevice, place
from cxrneighbors.index.filters import Admission
from cxrneighbors.index.fusion import Factors
from cxrneighbors.index.neighbor_index import NeighborIndex

N, Q = 300, 23
TORCH = "cpu:0"  # torch's search on the CPU; 'cpu' is the compiled one
ONE: Factors = {"image": 0.5}
BOTH: Factors = {"image": 0.5, "report": 2.0}
Arrays = dict[str, np.ndarray]


@pytest.fixture
def vectors() -> Arrays:
    """Reports on a coarse grid: few different ones, so many equal distances, even beyond the spare ones."""
    rng = np.random.default_rng(0)
    report = rng.integers(0, 2, (N, 3)).astype(np.float32)
    return {"image": rng.standard_normal((N, 6)).astype(np.float32) + 100, "report": report}


@pytest.fixture
def centre(vectors: Arrays) -> Arrays:
    return {name: values.mean(axis=0) for name, values in vectors.items()}


@pytest.fixture
def apart() -> Arrays:
    lacking = np.arange(N) % 5 == 0
    return {"image": np.zeros(N, np.float32), "report": np.where(lacking, 0.7, 0).astype(np.float32)}


def admission(units: np.ndarray | None, same_patient: bool = False) -> Admission:
    patients = np.arange(N) // 4
    keys = np.arange(N) if same_patient else patients
    query_keys = keys[:Q].copy()
    query_keys[-1] = -1  # one from outside
    return Admission(None, np.zeros(Q, dtype=np.int64), keys, query_keys, units)


STUDIES = np.random.default_rng(1).permutation(N) // 2
UNITS = {"image": None, "study": STUDIES, "patient": np.arange(N) // 4, "one": np.arange(N) // 100}


@pytest.mark.parametrize("factors", [ONE, {"report": 1.0}, BOTH], ids=["image", "report", "fused"])
@pytest.mark.parametrize("one_per", UNITS)
@pytest.mark.parametrize("at_once", [1, 61, 1777, 2**25])
def test_candidates_are_those_of_the_compiled_search(
    vectors: Arrays, centre: Arrays, apart: Arrays, factors: Factors, one_per: str, at_once: int
) -> None:
    found = VectorsOnDevice(vectors, centre, apart, "cpu")
    found.at_once = at_once
    rows = np.flatnonzero(np.random.default_rng(2).random(N) < 0.6)
    queries = {name: values[:Q] for name, values in vectors.items()}
    for admit in (admission(UNITS[one_per]), admission(UNITS[one_per], same_patient=True)):
        best = found.nearest(rows, queries, factors, 5, admit)
        truth = nearest_exact(vectors, rows, queries, factors, 5, admit, centre, apart)
        assert best.shape == truth.shape and best.dtype == np.int64
        first = slice(0, None, 1 if admit.units is None else on_device.UNIT_ROWS)
        assert np.array_equal(best[:, first], truth[:, first])  # nearest of each unit, in order
        for line, true in zip(best, truth, strict=True):
            assert set(line.tolist()) >= set(true.tolist()) - {-1}


@pytest.mark.parametrize("one_per", UNITS)
def test_fewer_rows_than_asked_for(vectors: Arrays, centre: Arrays, apart: Arrays, one_per: str) -> None:
    found, admit = VectorsOnDevice(vectors, centre, apart, "cpu"), admission(UNITS[one_per])
    queries = {"image": vectors["image"][:Q]}
    for rows in (np.empty(0, dtype=np.int64), np.array([2, 3, 77, 299])):
        best = found.nearest(rows, queries, ONE, 9, admit)
        assert best.shape[1] >= 9
        for query, line in enumerate(best):
            others = [row for row in rows if admit.keys[row] != admit.query_keys[query]]
            assert sorted(line[line >= 0].tolist()) == others


def test_no_queries(vectors: Arrays, centre: Arrays, apart: Arrays) -> None:
    found = VectorsOnDevice(vectors, centre, apart, "cpu")
    nobody = np.empty(0, dtype=np.int64)
    none = Admission(None, nobody, np.arange(N), nobody)
    assert len(found.nearest(np.arange(N), {"image": vectors["image"][:0]}, ONE, 5, none)) == 0


@pytest.mark.parametrize("backend", ["exact", "hnsw"])
@pytest.mark.parametrize("one_per", ["image", "study", "patient"])
@pytest.mark.parametrize("modality", ["image", "fused"])
def test_hits_of_an_index_are_the_same(
    small_index: Callable[..., NeighborIndex], backend: str, one_per: str, modality: str
) -> None:
    index = small_index(backend=backend)
    n = len(index.studies)
    allowed = np.random.default_rng(0).random((n, n)) < 0.4
    asked = {"modality": modality, "one_per": one_per}
    asks = ({}, {"allowed": allowed[0]}, {"allowed": allowed}, {"include_same_patient": True})
    plain = [index.neighbors(np.arange(n), 7, **asked, **ask) for ask in asks]
    assert index.to(TORCH) is index and index.store.on_device is not None
    index.store.on_device.at_once = 501
    for ask, (rows, distances) in zip(asks, plain, strict=True):
        found = index.neighbors(np.arange(n), 7, **asked, **ask)
        assert np.array_equal(found[0], rows) and np.array_equal(found[1], distances, equal_nan=True)
    assert index.to("cpu").store.on_device is None


def test_without_memory_half_as_many_at_once(
    vectors: Arrays, centre: Arrays, apart: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, queries = VectorsOnDevice(vectors, centre, apart, "cpu"), {"image": vectors["image"][:Q]}
    rows, admit, keys = np.arange(N), admission(None), on_device._keys
    truth = found.nearest(rows, queries, ONE, 5, admit)

    def scarce(limit: int) -> Callable[..., torch.Tensor]:
        def made(distances: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            if distances.numel() > limit:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return keys(distances, rows)

        return made

    monkeypatch.setattr(on_device, "_keys", scarce(1000))
    assert np.array_equal(found.nearest(rows, queries, ONE, 5, admit), truth)
    assert found.at_once == 2**9
    monkeypatch.setattr(on_device, "_keys", scarce(0))
    with pytest.raises(UserError, match="index: device cpu has no memory for one distance; use another"):
        found.nearest(rows, queries, ONE, 5, admit)


def test_a_device_that_cannot_take_the_vectors(
    vectors: Arrays, centre: Arrays, apart: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place(vectors, centre, apart, "cpu") is None
    error = torch.cuda.OutOfMemoryError("CUDA out of memory")
    monkeypatch.setattr(VectorsOnDevice, "_put", lambda self, values: (_ for _ in ()).throw(error))
    with pytest.raises(UserError, match="index: device cpu:0 has no memory for the vectors; use another"):
        place(vectors, centre, apart, TORCH)


def test_keys_order_as_distances_and_then_as_rows() -> None:
    distances = torch.tensor([[-2.0, 3e38, 1e-40, 0.0, 5.0, -2.0, 5.0, -1e-40, torch.inf, -3e38]])
    rows = torch.tensor([9, 8, 7, 6, 5, 4, 2, 1, 0, 2**31])
    pairs = sorted(zip(distances[0].tolist(), rows.tolist(), strict=True))
    order = on_device._keys(distances, rows)[0].argsort()
    assert rows[order].tolist() == [row for _, row in pairs]
