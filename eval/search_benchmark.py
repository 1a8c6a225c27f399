"""Graph against brute force, side by side in one run: build time, search time per query, recall.

    python eval/search_benchmark.py [--rows 20000 112120] [--out eval/results/search_benchmark.json]

Vectors are drawn, not encoded, so that anyone can repeat the run: 60 dimensions as the VAE's latent space,
once with equal spread in all of them (the hardest case for a graph: nothing is near) and once with a spread
that falls like 1/√i, as principal components do. Views as in ChestX-ray14 (60 % PA, 40 % AP), 3.6 images per
patient. "Brute force" is the package's exact backend: blocked matrix products. Ratios are of times taken one
after the other on the same machine in the same minute, the best of `REPEATS`. `*_cpu_seconds` is the time
that all cores together worked, which other programs on the machine change little.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.files import write_json_atomic
from cxrneighbors.index import candidates
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


def timed(search: Callable[[], tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, float]:
    """Distances float32 (Q, K), and milliseconds per query, the best of `REPEATS`."""
    best, distances = np.inf, np.empty(0)
    for _ in range(REPEATS):
        start = time.perf_counter()
        _, distances = search()
        best = min(best, time.perf_counter() - start)
    return distances, 1000 * best / len(distances)


def compare(index: NeighborIndex, where: str | None, queries: np.ndarray) -> dict[str, Any]:
    """Time and recall of the graph alone, of the search as it chooses, and time of brute force."""
    allowed = None if where is None else index.rows_where(where)

    def search() -> tuple[np.ndarray, np.ndarray]:
        return index.neighbors(queries, K, modality="image", allowed=allowed)

    chosen, chosen_ms = timed(search)
    exact_rows, rates = index.store.exact_rows, dict(candidates.ROWS_PER_EFFORT)
    index.store.exact_rows = len(index.studies)
    true, exact_ms = timed(search)
    index.store.exact_rows = exact_rows
    result = {
        "passing": len(index.studies) if allowed is None else int(allowed.sum()),
        "brute_force_ms": exact_ms,
    }
    result |= {
        "chosen_ms": chosen_ms,
        "chosen_recall": recall(chosen, true),
        "chosen_speedup": exact_ms / chosen_ms,
    }
    if result["passing"] > exact_rows:
        index.store.exact_rows = 0
        candidates.ROWS_PER_EFFORT.update(dict.fromkeys(rates, 0))
        found, graph_ms = timed(search)
        candidates.ROWS_PER_EFFORT.update(rates)
        index.store.exact_rows = exact_rows
        result |= {
            "graph_ms": graph_ms,
            "graph_recall": recall(found, true),
            "graph_speedup": exact_ms / graph_ms,
        }
    return {key: round(value, 4) for key, value in result.items()}


def recall(distances: np.ndarray, true: np.ndarray) -> float:
    """Share of hits no farther than the true k-th nearest (recall@k that does not mind ties)."""
    return float((distances <= true[:, -1:] * (1 + 1e-6)).mean())


def run(row_counts: list[int], seed: int) -> dict[str, Any]:
    """The whole benchmark, as JSON."""
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
    settings = {"dimensions": DIMENSIONS, "k": K, "queries": QUERIES, "repeats": REPEATS, "seed": seed}
    machine = {"processor": platform.machine(), "cores": os.cpu_count()}
    return {"settings": settings, "machine": machine, "results": results}


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 112_120])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results" / "search_benchmark.json"
    )
    arguments = parser.parse_args()
    write_json_atomic(arguments.out, run(arguments.rows, arguments.seed))


if __name__ == "__main__":
    main()
