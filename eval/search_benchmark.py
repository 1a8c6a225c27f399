"""Graph against brute force, side by side in one run: build time, search time per query, recall.

    python eval/search_benchmark.py [--rows 20000 112120] [--results eval/results]

Vectors are drawn, not encoded, so that anyone can repeat the run: 60 dimensions as the VAE's latent space,
once with equal spread in all of them (the hardest case for a graph: nothing is near) and once with a spread
that falls like 1/√i, as principal components do. Views as in ChestX-ray14 (60 % PA, 40 % AP), 3.6 images per
patient. "Brute force" is the package's exact backend: blocked matrix products. Ratios are of times taken one
after the other on the same machine in the same minute, the best of `REPEATS`. `*_cpu_seconds` is the time
that all cores together worked, which other programs on the machine change little.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from common.options import options, run
from common.results import write_results
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.progress import say

DIMENSIONS = 60
K = 5
QUERIES = 1024
REPEATS = 3
SPREADS = {"equal": np.ones(DIMENSIONS), "falling": 1 / np.sqrt(np.arange(1, DIMENSIONS + 1))}
FILTERS = {
    "none": None,
    "view (40 %)": "view == 'AP'",
    "age (50 %)": "age < 50",
    "age (10 %)": "age < 10",
    "rare (30 rows)": "chosen",
}


def make_index(rows: int, spread: np.ndarray, seed: int) -> tuple[NeighborIndex, dict[str, float]]:
    """Index of drawn vectors, and the seconds that its graphs took."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(rows, dtype=bool)
    chosen[rng.choice(rows, 30, replace=False)] = True
    ids = [f"i{i}" for i in range(rows)]
    columns = {
        "image_id": ids,
        "patient_id": np.sort(rng.integers(0, int(rows / 3.6), rows)).astype(str),
        "view": rng.choice(["PA", "AP"], rows, p=[0.6, 0.4]),
        "age": rng.integers(0, 100, rows).astype(float),
        "findings": [[] for _ in range(rows)],
        "chosen": chosen,
    }
    embeddings = Embeddings.from_arrays(ids, rng.standard_normal((rows, DIMENSIONS)) * spread)
    seconds = stopwatch("build")
    index = NeighborIndex.build(embeddings, pd.DataFrame(columns))
    return index, seconds()


def stopwatch(name: str) -> Callable[[], dict[str, float]]:
    """Starts now; returns seconds on the wall clock and of all cores when called."""
    wall, cpu = time.perf_counter(), time.process_time()

    def stop() -> dict[str, float]:
        elapsed = {
            f"{name}_seconds": time.perf_counter() - wall,
            f"{name}_cpu_seconds": time.process_time() - cpu,
        }
        return {key: round(value, 1) for key, value in elapsed.items()}

    return stop


def compare(index: NeighborIndex, where: str | None, queries: np.ndarray) -> dict[str, Any]:
    """Time of brute force; time and recall of the graph alone and of the search as it chooses."""
    allowed = None if where is None else index.rows_where(where)
    usual = index.store.exact_rows, index.store.rows_per_effort
    passing = len(index.studies) if allowed is None else int(allowed.sum())
    ways = {"brute_force": (len(index.studies), usual[1]), "graph": (0, dict.fromkeys(usual[1], 0))}
    found, seconds = {}, {}
    for name, way in (ways | {"chosen": usual}).items():  # the usual way last: so the index stays
        if name != "graph" or passing > usual[0]:
            index.store.exact_rows, index.store.rows_per_effort = way
            search = partial(index.neighbors, queries, K, modality="image", allowed=allowed)
            seconds[name] = min(timeit.repeat(search, number=1, repeat=REPEATS))
            found[name] = search()[1]
    result: dict[str, float] = {"passing": passing}
    for name, taken in seconds.items():
        result[f"{name}_ms"] = 1000 * taken / len(queries)
        if name != "brute_force":
            result[f"{name}_recall"] = recall(found[name], found["brute_force"])
            result[f"{name}_speedup"] = seconds["brute_force"] / taken
    return {key: round(value, 4) for key, value in result.items()}


def recall(distances: np.ndarray, true: np.ndarray) -> float:
    """Share of hits no farther than the true k-th nearest (recall@k that does not mind ties)."""
    return float((distances <= true[:, -1:] * (1 + 1e-6)).mean())


def measure(row_counts: list[int], seed: int) -> list[dict[str, Any]]:
    """A line for every number of rows and spread."""
    results = []
    for rows in row_counts:
        for name, spread in SPREADS.items():
            index, seconds = make_index(rows, spread, seed)
            graphs = [partition.graph for partition in index.store.spaces["image"].partitions]
            entry: dict[str, Any] = {"rows": rows, "spread": name} | seconds
            entry["ef"] = [graph.settings()["ef"] for graph in graphs if graph is not None]
            queries = np.linspace(0, rows - 1, QUERIES).astype(int)
            entry["filters"] = {label: compare(index, where, queries) for label, where in FILTERS.items()}
            all_rows = stopwatch("all_rows")
            index.neighbors(np.arange(rows), K, modality="image")
            entry |= all_rows()
            say(f"{rows} rows, {name} spread: {entry}")
            results.append(entry)
    return results


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--seed", "--results")
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 112_120])
    given = parser.parse_args(arguments)
    settings = {"dimensions": DIMENSIONS, "k": K, "queries": QUERIES, "repeats": REPEATS, "seed": given.seed}
    results = measure(given.rows, given.seed)
    write_results(given.results, "search_benchmark", {"settings": settings, "results": results})


if __name__ == "__main__":
    run(main)
