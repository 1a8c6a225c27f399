from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.files import sha256_file
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


def test_an_index_on_milvus(small_index: Build, tmp_path: Path, asked: list[tuple[int, int, str]]) -> None:
    index, exact = only_graphs(small_index(90, backend="milvus")), small_index(90)
    ids = list(exact.studies["image_id"][1:5])
    for arguments in ({}, {"where": "age < 70", "modality": "image"}, {"weights": {"image": 3}}):
        assert index.search(ids, **arguments).equals(exact.search(ids, **arguments))
    index.save(tmp_path / "idx")
    files = {path: sha256_file(path) for path in (tmp_path / "idx").rglob("*") if path.is_file()}
    again = only_graphs(NeighborIndex.load(tmp_path / "idx"))
    for modality in ("image", "report", "fused"):
        for where in (None, "age < 70 or not findings.has('Mass')", "has_report and has_image"):
            options = {"modality": modality, "where": where}
            ids = ["i00001", "i00007", "i00081"]
            assert again.search(ids, **options).equals(exact.search(ids, **options))
    assert any("flag_has_report == true" in filter_ for *_, filter_ in asked)
    assert {path: sha256_file(path) for path in files} == files  # opening them changed none


N = 10_000
PLACES = ["it's", 'ward "3"', "a\\b", '" or true or "', None]


def films() -> tuple[Embeddings, pd.DataFrame]:
    rng = np.random.default_rng(3)
    names = np.array(["Effusion", "Edema", "Mass"])
    patients = np.sort(rng.integers(0, 3000, N))
    studies = pd.DataFrame(
        {
            "image_id": [f"i{i:05d}" for i in range(N)],
            "patient_id": [f"p{patient}" for patient in patients],
            "study_id": [f"p{p}-{s}" for p, s in zip(patients, rng.integers(0, 2, N), strict=True)],
            "view": rng.choice(["PA", "AP", "LATERAL"], N, p=[0.5, 0.3, 0.2]),
            "sex": rng.choice(np.array(["F", "M", None], dtype=object), N),
            "age": np.where(rng.random(N) < 0.1, np.nan, rng.integers(0, 100, N)),
            "findings": [list(names[rng.random(3) < 0.4]) for _ in range(N)],
            "split": rng.choice(["train", "val", "test"], N, p=[0.7, 0.1, 0.2]),
            "place": rng.choice(np.array(PLACES, dtype=object), N),
            "dose": rng.integers(1, 9, N),
        }
    )
    # A patient's films lie close together: only leaving them out makes room for others.
    vectors = rng.standard_normal((3000, 8))[patients] + 0.3 * rng.standard_normal((N, 8))
    return Embeddings.from_arrays(list(studies["image_id"]), vectors), studies


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory: pytest.TempPathFactory) -> tuple[NeighborIndex, NeighborIndex]:
    """The same films on Milvus, saved and read again, and with the exact backend."""
    pytest.importorskip("milvus_lite", reason="extra milvus is not installed")
    folder = tmp_path_factory.mktemp("milvus") / "idx"
    NeighborIndex.build(*films(), backend="milvus").save(folder)
    return only_graphs(NeighborIndex.load(folder)), NeighborIndex.build(*films(), backend="exact")


def only_graphs(index: NeighborIndex) -> NeighborIndex:
    """Ask Milvus even where the search in memory would be cheaper."""
    index.store.exact_rows, index.store.rows_per_effort = 0, {"shared": 0, "own": 0}
    return index


@pytest.fixture()
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, str]]:
    """What Milvus is asked: how many queries, how many vectors each, and the filter."""
    client = pytest.importorskip("pymilvus", reason="extra milvus is not installed").MilvusClient
    calls: list[tuple[int, int, str]] = []
    original = client.search

    def search(self: Any, name: str, **options: Any) -> Any:
        calls.append((len(options["data"]), options["limit"], options["filter"]))
        return original(self, name, **options)

    monkeypatch.setattr(client, "search", search)
    return calls


@pytest.mark.parametrize(
    ("arguments", "inside"),
    [
        ({}, ""),
        ({"where": "view == 'AP'"}, 'text_view == "AP"'),
        ({"where": "age.between(30, 40)"}, "number_age >= 30.0"),
        ({"where": "findings.has('Edema') and split == 'test'"}, "array_contains"),
        ({"where": "not sex == 'F' and 20 <= age < 80"}, "not ("),
        ({"where": "sex != 'F' or age.isna()"}, "missing_age == true"),
        ({"where": "view in ['PA', 'LATERAL'] and dose not in [2, 3]"}, "in [2.0, 3.0]"),
        ({"where": "findings.isna() and has_image"}, "missing_findings"),
        ({"where": f"place in {PLACES[:2]!r} or place == {PLACES[3]!r}"}, '\\" or true or \\"'),
        ({"where": "place == 'a\\\\b' or place.contains('WARD')"}, "ward"),
        ({"where": ["dose > 4", None]}, "number_dose > 4.0"),
        ({"include_same_patient": True, "where": "sex == 'M'"}, "row != "),
        ({"one_per": "study", "include_same_patient": True}, "row != "),
        ({"one_per": "patient", "where": "split == 'train'"}, "text_split"),
        ({"k": 40, "where": "sex.notna()"}, "missing_sex == false"),
    ],
)
def test_filters_in_milvus_and_finds_what_the_exact_search_finds(
    ten_thousand: tuple[NeighborIndex, NeighborIndex],
    asked: list[tuple[int, int, str]],
    arguments: dict[str, Any],
    inside: str,
) -> None:
    index, exact = ten_thousand
    ids = ["i00017", "i06021"]
    assert index.search(ids, **arguments).equals(exact.search(ids, **arguments))
    left_out = "row != " if "include_same_patient" in arguments else "patient != "
    assert all(n == 1 and left_out in filter_ for n, _, filter_ in asked)
    assert any(inside in filter_ for *_, filter_ in asked)
    if "one_per" not in arguments:  # one round in each view, with room for ties
        assert {m for _, m, _ in asked} == {64 if "k" in arguments else 16}
        assert len(asked) <= len(ids) * 3


def test_what_milvus_cannot_say_is_sorted_out_here(
    ten_thousand: tuple[NeighborIndex, NeighborIndex], asked: list[tuple[int, int, str]]
) -> None:
    index, exact = ten_thousand
    where = "age > dose"
    assert index.search("i00017", where=where).equals(exact.search("i00017", where=where))
    assert {filter_ for *_, filter_ in asked} == {f"patient != {index.store.patients[17]}"}


def test_queries_of_many_patients_share_a_call(
    ten_thousand: tuple[NeighborIndex, NeighborIndex], asked: list[tuple[int, int, str]]
) -> None:
    index, exact = ten_thousand
    ids = list(index.studies["image_id"][::250])
    assert index.search(ids, where="dose == 2").equals(exact.search(ids, where="dose == 2"))
    assert {filter_ for _, m, filter_ in asked if m == 16} == {"number_dose == 2.0"}
    assert sum(m == 16 for _, m, _ in asked) == 3


def some_films(n: int) -> tuple[Embeddings, pd.DataFrame]:
    embeddings, studies = films()
    return Embeddings.from_arrays(embeddings.ids["image"][:n], embeddings.vectors["image"][:n]), studies[:n]


def test_an_index_with_films_added(asked: list[tuple[int, int, str]]) -> None:
    found = []
    for backend in ("milvus", "exact"):
        index = NeighborIndex.build(*some_films(150), backend=backend)
        assert index.add(*some_films(200)) == 50
        found.append(only_graphs(index).search(["i00003", "i00170"], where="age > 20"))
    assert found[0].equals(found[1])
    assert asked and all("number_age > 20.0" in filter_ for *_, filter_ in asked)


def test_an_index_from_before_there_were_fields(tmp_path: Path, asked: list[tuple[int, int, str]]) -> None:
    NeighborIndex.build(*some_films(200), backend="milvus").save(tmp_path / "idx")
    manifest = tmp_path / "idx" / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    for entry in content["partitions"]:
        del entry["settings"]["fields"]
    manifest.write_text(json.dumps(content), encoding="utf-8")
    index = only_graphs(NeighborIndex.load(tmp_path / "idx"))
    exact = NeighborIndex.build(*some_films(200), backend="exact")
    assert index.search("i00001", where="age < 70").equals(exact.search("i00001", where="age < 70"))
    assert {filter_ for *_, filter_ in asked} == {""}
