"""The 5 nearest films of other patients: ours against hnswlib with its own filter, faiss and usearch.

Vectors are drawn, with a spread that falls like 1/√i as principal components do; patients (3.6 films each),
views (60 % PA) and ages are drawn too. Four questions: all films; the query's own view; a predicate that half
of the films pass, and one that a hundredth pass. Batches of 1,000 queries, and one query at a time.

Rivals do what a user of them would: hnswlib is given the filter as a function (the patient, and the
question); faiss' flat index and its graph, and usearch, fetch `SPARE` more than asked for and drop the
patient's own, faiss with a selector of the films that pass. All graphs: 24 links, 200 candidates while
building, and 256 while searching, or as many as ours measured it needs.
"""

from __future__ import annotations

import gc
import time
from argparse import Namespace
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.fresh import fresh
from benchmarks.turns import installed, ratio, settings, spread, summary, take_turns
from common.markdown import document, table
from common.memory import resident_gb
from cxrneighbors.devices import resolve_device
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.files import read_json
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say

K, BATCH, SINGLE, SPARE = 5, 1000, 20, 16
FEW, SLOW = 10, 0.005
SIZES = ((112_120, 60), (112_120, 444), (377_110, 60))
SMALL = ((4000, 60),)
LINKS, EFFORT = 24, 200
QUESTIONS = {
    "all films": None,
    "own view": "view == 'PA'",
    "half": "age < 50",
    "a hundredth": "age < 1",
}
LIMIT = (
    "Before: blocks of products that left the cache, and sorting of whole lines. Now: the matrix product "
    "itself, nine tenths of the exact search's time."
)
Search = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """vectors: float32 (N, D); studies: N rows; patients: int (N,)."""

    vectors: np.ndarray
    studies: pd.DataFrame
    patients: np.ndarray


def measure(given: Namespace) -> dict[str, Any]:
    """A row for each size, question and way."""
    sizes = SMALL if given.small else SIZES
    asked = [sizes[place] for place in given.sizes or range(len(sizes))]
    rows, builds = kept(given, [size for size in sizes if size not in asked])
    for n, dimensions in asked:
        sample = draw(n, dimensions)
        ours, seconds = timed_build(partial(our_index, sample))
        found = {"ours": searched_by_us(ours)}
        if (device := resolve_device(given.device)) != "cpu":
            there = NeighborIndex(copy(ours.store), ours.encoders).to(device)
            found["ours, on the device"] = searched_by_us(there)
        builds.append({"rows": n, "dimensions": dimensions, "way": "ours", "seconds": seconds})
        effort = max(graph.settings()["ef"] for graph in graphs(ours))
        for name, build in rivals(graphs_too=(n, dimensions) in (*SMALL, SIZES[0])).items():
            search, seconds = timed_build(partial(build, sample, max(effort, 256)))
            builds.append({"rows": n, "dimensions": dimensions, "way": name, "seconds": seconds})
            found[name] = search
        for built in builds:
            if "held_gb" not in built:
                built |= fresh("benchmarks.search", "held", n, dimensions, built["way"])
        for question, where in QUESTIONS.items():
            say(f"{n} × {dimensions}, {question}")
            rows += compare(sample, ours, found, question, where, given.rounds)
    known = installed("hnswlib", "faiss-cpu", "usearch")
    return settings(given, rows=rows, builds=builds, rivals=known, limit=LIMIT)


def kept(given: Namespace, sizes: list[tuple[int, int]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows and builds of `sizes` in the result file, where there is one."""
    path = given.results / "benchmark-search.json"
    found = read_json(path, remedy="delete it") if sizes and path.is_file() else {"rows": [], "builds": []}
    rows, builds = (
        [row for row in found[part] if (row["rows"], row["dimensions"]) in sizes]
        for part in ("rows", "builds")
    )
    return rows, builds


def draw(n: int, dimensions: int) -> Sample:
    """Vectors, patients, views and ages."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((n, dimensions), dtype=np.float32)
    vectors /= np.sqrt(np.arange(1, dimensions + 1, dtype=np.float32))
    patients = np.sort(rng.integers(0, int(n / 3.6), n))
    ids = [f"i{i}" for i in range(n)]
    columns = {
        "image_id": ids,
        "patient_id": patients.astype(str),
        "view": rng.choice(["PA", "AP"], n, p=[0.6, 0.4]),
        "age": rng.integers(0, 100, n).astype(float),
        "findings": [[] for _ in range(n)],
    }
    return Sample(vectors, pd.DataFrame(columns), patients)


def our_index(sample: Sample) -> NeighborIndex:
    ids = sample.studies["image_id"].tolist()
    return NeighborIndex.build(Embeddings.from_arrays(ids, sample.vectors), sample.studies)


def graphs(index: NeighborIndex) -> list[Any]:
    """The graphs of an index."""
    return [partition.graph for partition in index.store.spaces["image"].partitions if partition.graph]


def searched_by_us(index: NeighborIndex) -> Search:
    return lambda queries, allowed: index.neighbors(queries, K, modality="image", allowed=allowed)[0]


def timed_build(build: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    built = build()
    return built, round(time.perf_counter() - started, 1)


def held(n: int, dimensions: int, way: str) -> dict[str, float]:
    """Memory that a way's index takes beside the vectors it was given; meant for a process of its own."""
    sample = draw(n, dimensions)
    few = Sample(sample.vectors[:99], sample.studies[:99], sample.patients[:99])
    ways: dict[str, Callable[[Sample, int], Any]] = {"ours": lambda each, _: our_index(each)}
    build = {**ways, **rivals(graphs_too=True)}[way]
    first = build(few, 256)  # what the library itself takes is there before
    before = resident_gb()
    built = build(sample, 256)
    gc.collect()
    found = {"held_gb": round(resident_gb() - before, 3)}
    del first, built
    return found


def rivals(graphs_too: bool) -> dict[str, Callable[[Sample, int], Search]]:
    """Those that are installed: from a sample and the search effort to a search; `graphs_too`: the graphs of
    faiss and usearch, which take long to build."""
    ways: dict[str, Callable[[Sample, int], Search]] = {"hnswlib, filter=": by_hnswlib}
    if installed("faiss-cpu"):
        ways["faiss, flat"] = partial(by_faiss, flat=True)
    if graphs_too and installed("faiss-cpu"):
        ways["faiss, HNSW"] = partial(by_faiss, flat=False)
    if graphs_too and installed("usearch"):
        ways |= {"usearch": by_usearch}
    return ways


def by_hnswlib(sample: Sample, effort: int) -> Search:
    """One graph; a filter is asked for each node, so each query searches for itself."""
    import hnswlib

    index = hnswlib.Index(space="l2", dim=sample.vectors.shape[1])
    index.init_index(max_elements=len(sample.vectors), M=LINKS, ef_construction=EFFORT, random_seed=0)
    index.add_items(sample.vectors)
    index.set_ef(effort)
    patients = sample.patients.tolist()

    def search(queries: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
        passes = None if allowed is None else allowed.tolist()
        found = np.full((len(queries), K), -1)
        for place, query in enumerate(queries):
            own = patients[query]
            if passes is None:
                keep = lambda row, own=own: patients[row] != own  # noqa: E731
            else:
                keep = lambda row, own=own: passes[row] and patients[row] != own  # noqa: E731
            try:
                found[place] = index.knn_query(sample.vectors[query], K, num_threads=1, filter=keep)[0][0]
            except RuntimeError:  # fewer than K reached
                continue
        return found

    return search


def by_faiss(sample: Sample, effort: int, flat: bool) -> Search:
    """More than K are fetched, and the patient's own dropped; a selector says which films pass."""
    faiss: Any = import_module("faiss")
    dimensions = sample.vectors.shape[1]
    index = faiss.IndexFlatL2(dimensions) if flat else faiss.IndexHNSWFlat(dimensions, LINKS)
    if not flat:
        index.hnsw.efConstruction = EFFORT
    index.add(sample.vectors)

    def search(queries: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
        choice = None if allowed is None else faiss.IDSelectorBatch(np.flatnonzero(allowed))
        options = faiss.SearchParameters(sel=choice)
        if not flat:
            options = faiss.SearchParametersHNSW(sel=choice, efSearch=effort)
        rows = index.search(sample.vectors[queries], K + SPARE, params=options)[1]
        return of_others(rows, queries, sample.patients)

    return search


def by_usearch(sample: Sample, effort: int) -> Search:
    """It knows no filters: only for all films."""
    usearch: Any = import_module("usearch.index")
    index = usearch.Index(
        ndim=sample.vectors.shape[1],
        metric="l2sq",
        dtype="f32",
        connectivity=LINKS,
        expansion_add=EFFORT,
        expansion_search=effort,
    )
    index.add(np.arange(len(sample.vectors)), sample.vectors)

    def search(queries: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
        found = index.search(sample.vectors[queries], K + SPARE)
        rows = np.asarray(found.keys).reshape(len(queries), -1).astype(np.int64)
        return of_others(rows, queries, sample.patients)

    return search


def of_others(rows: np.ndarray, queries: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """The first K of each line that are of another patient than the query: int (Q, K), -1 where none."""
    kept = (rows >= 0) & (patients[rows] != patients[queries][:, None])
    order = np.argsort(~kept, axis=1, kind="stable")[:, :K]
    return np.where(np.take_along_axis(kept, order, axis=1), np.take_along_axis(rows, order, axis=1), -1)


def compare(
    sample: Sample,
    ours: NeighborIndex,
    ways: dict[str, Search],
    question: str,
    where: str | None,
    rounds: int,
) -> list[dict[str, Any]]:
    """Seconds of a batch and of single queries, recall@5 and ratios, a row a way."""
    allowed = None if where is None else ours.rows_where(where)
    able = np.arange(len(sample.patients))
    if question == "own view" and allowed is not None:
        able = np.flatnonzero(allowed)
    queries = able[np.linspace(0, len(able) - 1, BATCH).astype(int)]
    if where is not None:
        ways = {name: search for name, search in ways.items() if name != "usearch"}
    true = exact_distances(sample, queries, allowed)
    step = {name: 1 if quick(search, queries, allowed) else FEW for name, search in ways.items()}
    found = {name: search(queries[:: step[name]], allowed) for name, search in ways.items()}
    work = {name: partial(search, queries[:: step[name]], allowed) for name, search in ways.items()}
    batch = take_turns(work, rounds, warm=False)
    batch = {name: [each * step[name] / BATCH for each in seconds] for name, seconds in batch.items()}
    one = {name: partial(one_by_one, search, queries[:SINGLE], allowed) for name, search in ways.items()}
    single = take_turns(one, rounds)
    n, dimensions = sample.vectors.shape
    rows = []
    for name in ways:
        row = {"rows": n, "dimensions": dimensions, "question": question, "way": name}
        row["passing"] = n if allowed is None else int(allowed.sum())
        row["batch_ms"] = {key: 1000 * value for key, value in summary(batch[name]).items()}
        row["single_ms"] = {key: 1000 * value / SINGLE for key, value in summary(single[name]).items()}
        row["recall"] = recall(sample, queries[:: step[name]], found[name], true[:: step[name]])
        if name != "ours":
            row["ratio"], row["ratio_single"] = ratio(batch, name, "ours"), ratio(single, name, "ours")
        rows.append(row)
    return rows


def quick(search: Search, queries: np.ndarray, allowed: np.ndarray | None) -> bool:
    """Whether a query takes less than `SLOW` seconds; where it takes more, a tenth of the batch will do."""
    started = time.perf_counter()
    search(queries[:FEW], allowed)
    return (time.perf_counter() - started) / FEW < SLOW


def one_by_one(search: Search, queries: np.ndarray, allowed: np.ndarray | None) -> None:
    for query in queries:
        search(np.array([query]), allowed)


def exact_distances(sample: Sample, queries: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
    """Distance of the K-th nearest film that may be found: float64 (Q,), by plain differences."""
    rows = np.arange(len(sample.patients)) if allowed is None else np.flatnonzero(allowed)
    result = np.empty(len(queries))
    for place, query in enumerate(queries):
        others = rows[sample.patients[rows] != sample.patients[query]]
        squared = ((sample.vectors[others] - sample.vectors[query]) ** 2).sum(axis=1)
        result[place] = np.partition(squared, K - 1)[K - 1]
    return result


def recall(sample: Sample, queries: np.ndarray, found: np.ndarray, true: np.ndarray) -> float:
    """Share of the K places with a film no farther than the true K-th."""
    squared = ((sample.vectors[found] - sample.vectors[queries][:, None]) ** 2).sum(axis=2)
    return float(((found >= 0) & (squared <= true[:, None] * (1 + 1e-5))).mean())


def markdown(found: dict[str, Any]) -> str:
    """A table a size."""
    columns = {
        "question": "{question}",
        "films that pass:": "{passing:,}",
        "by": "{way}",
        "batch, ms a query": "{batch}",
        "single, ms": "{single}",
        "recall@5:": "{recall:.4f}",
        "ours is so many times as fast": "{times}",
        "single": "{times_single}",
    }
    blocks = [
        f"The {K} nearest films of other patients; {found['rounds']} rounds, median (lowest to highest). A "
        f"batch has {BATCH:,} queries. Rivals: "
        + ", ".join(f"{name} {version}" for name, version in found["rivals"].items())
        + ". usearch has no filters."
    ]
    for n, dimensions in sorted({(row["rows"], row["dimensions"]) for row in found["rows"]}):
        seconds = ", ".join(
            f"{build['way']} {build['seconds']:g} s and {build['held_gb']:.2f} GB"
            for build in found["builds"]
            if (build["rows"], build["dimensions"]) == (n, dimensions)
        )
        rows = [
            row
            | {
                "batch": spread(row["batch_ms"], 3),
                "single": spread(row["single_ms"], 2),
                "times": spread(row.get("ratio")),
                "times_single": spread(row.get("ratio_single")),
            }
            for row in found["rows"]
            if (row["rows"], row["dimensions"]) == (n, dimensions)
        ]
        blocks += [
            f"**{n:,} × {dimensions}**, {4e-9 * n * dimensions:.2f} GB. To build, and memory held beside "
            f"these vectors: {seconds}.",
            table(columns, rows),
        ]
    return document(*blocks, found["limit"])
