"""What 377 thousand, 10 million and a billion films cost: seconds, memory and disk of each stage, computed.

    python eval/scale_model.py [--cores 32] [--gpus 8] [--gpu-films-per-second RATE] [--results eval/results]

Rates are read from the result files beside it, all measured on two cores of one machine; nothing larger was
run. Between the measured sizes and these lie three orders of magnitude: a row says which stage ends where,
not what a bill will say. What is not measured is a named constant below, with its source. A GPU's rate is not
measured: without --gpu-films-per-second its column is a formula. Writes eval/results/scale_model.json and
.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.markdown import document, table
from common.options import options, run
from common.results import write_results
from cxrneighbors.files import read_json

SIZES = (377_110, 10_000_000, 1_000_000_000)  # MIMIC-CXR 2.1.0 (physionet.org); two round numbers
DIMENSIONS = 60  # of the paper's VAE (section 3.3.1)
PIXELS, MEASURED_PIXELS = 224, 128  # a side: the paper's; of the films in `encoders.json`
LINKS = 24  # M of `index.backends.hnsw`
PADDED = 16  # to a multiple of which `index.backends.hnsw` fills vectors up
WORDS = 4  # bytes of a float32, and of a link (hnswlib's tableint)
LABEL = 8  # bytes of hnswlib's label of a vector
MEASURED_CORES = 2  # of the machine; a second of its wall clock counts as so many core-seconds, at most
ID_BYTES = 45  # of an image id in an embedding store: MIMIC-CXR's dicom_id has 44 characters
RUNTIME = 5e8  # bytes of Python with torch, from `peak_gb` of the smallest evaluation
SHARD = 1024  # films of a shard (`encode --shard-size`), held as float32
MACHINES = (64, 256, 1024, 4096)  # GB of memory: a work station to the largest servers on the market

Power = tuple[float, float]  # (a, b) of a * n ** b


@dataclass(frozen=True)
class Rates:
    """Measured costs, in core-seconds where not said otherwise.

    `table`, `table_bytes`: of a film's row, to import it, and at the import's peak; `encode`: of a film of
    `MEASURED_PIXELS`, reading included; `build`: of a graph of n films; `exact`: of a query, for each film
    compared; `graph`: of a query among n films; `evaluate`: of n targets with 10,000 permutations, their
    search included; `evaluate_bytes`: of a target.
    """

    table: float
    table_bytes: float
    encode: float
    build: Power
    exact: float
    graph: Power
    evaluate: Power
    evaluate_bytes: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "--results")
    parser.add_argument("--cores", type=int, default=32, help="of one machine")
    parser.add_argument("--gpus", type=int, default=8, help="of one machine")
    parser.add_argument("--gpu-films-per-second", type=float, help="that one GPU reads and encodes")
    given = parser.parse_args(arguments)
    rates = measured(given.results)
    rows = [row for n in SIZES for row in stages(n, rates, given.cores)]
    for row in rows:
        row["gpu"] = on_gpus(row, given.gpus, given.gpu_films_per_second)
    summary = {"cores": given.cores, "gpus": given.gpus, "gpu_films_per_second": given.gpu_films_per_second}
    summary |= {"rates": asdict(rates), "rows": rows, "ends": ends(rates)}
    write_results(given.results, "scale_model", summary, markdown(summary))


def measured(folder: Path) -> Rates:
    """Rates from the result files in `folder`."""
    found = {
        name: read_json(folder / f"{name}.json", remedy="run the script that writes it")
        for name in ("mimic_scale", "encoders", "search_benchmark", "benchmark-evaluation")
    }
    vae = found["encoders"]["data_sets"]["chestxray14-10k"]["encoders"]["vae"]
    # Spread that falls as principal components' do, as a trained encoder's.
    searches = [row for row in found["search_benchmark"]["results"] if row["spread"] == "falling"]
    everywhere = [row["filters"]["none"] for row in searches]
    largest = max(searches, key=lambda row: row["rows"])
    n_rows = [row["rows"] for row in searches]
    imports, targets = found["mimic_scale"], found["benchmark-evaluation"]["rows"]
    n_targets = [row["targets"] for row in targets]
    return Rates(
        table=imports["cpu_seconds"] / imports["images"],
        table_bytes=imports["peak_gb"] * 1e9 / imports["images"],
        encode=max(vae["encode_seconds"]) / 1000,
        build=fit_power(n_rows, [row["build_cpu_seconds"] for row in searches]),
        exact=exact_of(folder / "benchmark-search.json")
        or MEASURED_CORES * largest["filters"]["none"]["brute_force_ms"] / 1000 / largest["rows"],
        graph=fit_power(n_rows, [MEASURED_CORES * row["graph_ms"] / 1000 for row in everywhere]),
        evaluate=fit_power(n_targets, [MEASURED_CORES * row["evaluate_seconds"] for row in targets]),
        evaluate_bytes=float(np.polyfit(n_targets, [row["peak_gb"] * 1e9 for row in targets], 1)[0]),
    )


def exact_of(path: Path) -> float | None:
    """Core-seconds of a query for each film compared, as `benchmark.py search` found; None without it.

    Of the largest gallery of `DIMENSIONS`, where the package compares with every film.
    """
    if not path.is_file():
        return None
    found = [
        row
        for row in read_json(path, remedy="run eval/benchmark.py search")["rows"]
        if (row["dimensions"], row["question"], row["way"]) == (DIMENSIONS, "all films", "ours")
    ]
    largest = max(found, key=lambda row: row["rows"])
    return float(MEASURED_CORES * largest["batch_ms"]["seconds"] / 1000 / largest["rows"])


def fit_power(sizes: Sequence[float], values: Sequence[float]) -> Power:
    """The (a, b) of a * n ** b by least squares of logarithms.

    >>> a, b = fit_power([10, 1000], [3, 300])
    >>> round(a, 6), round(b, 6)
    (0.3, 1.0)
    """
    slope, level = np.polyfit(np.log(sizes), np.log(values), 1)
    return float(np.exp(level)), float(slope)


def at(power: Power, n: float) -> float:
    return float(power[0] * n ** power[1])


def vector_bytes() -> int:
    return WORDS * DIMENSIONS


def node_bytes(dimensions: int = DIMENSIONS, links: int = LINKS) -> float:
    """Bytes of a film in hnswlib's graph: links of the lowest layer, vector, label and a pointer.

    Then its share of the upper layers, 1 / (links - 1) of a layer with half the links (Malkov & Yashunin
    2018, section 4.2.3).
    """
    padded = math.ceil(dimensions / PADDED) * PADDED
    lowest = 2 * links * WORDS + WORDS + padded * WORDS + LABEL
    return lowest + LABEL + (links * WORDS + WORDS) / (links - 1)


def stages(n: int, rates: Rates, cores: int) -> list[dict[str, Any]]:
    """A row a stage: core-seconds, the wall clock's seconds on `cores`, bytes of memory and of disk."""
    vectors = n * vector_bytes()
    encode = rates.encode * (PIXELS / MEASURED_PIXELS) ** 2
    build, nodes = at(rates.build, n), n * node_bytes()
    exact, graph = rates.exact * n, at(rates.graph, n)
    evaluate = max(at(rates.evaluate, n), n * min(exact, graph))  # a search is in it
    shards = RUNTIME + SHARD * PIXELS**2 * WORDS
    rows = [
        ("import the table", n * rates.table, 1, RUNTIME + n * rates.table_bytes, 0),
        ("read and encode", n * encode, cores, shards, n * (vector_bytes() + ID_BYTES)),
        ("build one graph", build, 1, RUNTIME + vectors + nodes, vectors + nodes),
        ("1,000 queries, exact", 1000 * exact, cores, RUNTIME + vectors, 0),
        ("1,000 queries, graph", 1000 * graph, cores, RUNTIME + vectors + nodes, 0),
        ("every film, exact", n * exact, cores, RUNTIME + vectors, 0),
        ("every film, graph", n * graph, cores, RUNTIME + vectors + nodes, 0),
        ("evaluate every film", evaluate, MEASURED_CORES, RUNTIME + n * rates.evaluate_bytes, 0),
    ]
    names = ("stage", "core_seconds", "used_cores", "memory", "disk")
    found: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
    return [{"films": n, **row, "seconds": row["core_seconds"] / row["used_cores"]} for row in found]


def on_gpus(row: dict[str, Any], gpus: int, rate: float | None) -> float | str | None:
    """Seconds on `gpus` that each read and encode `rate` films a second; the formula where it is None."""
    if row["stage"] != "read and encode":
        return None
    return f"{row['films']:,} / ({gpus} r)" if rate is None else row["films"] / (gpus * rate)


def ends(rates: Rates) -> list[dict[str, float]]:
    """How many films one machine's memory holds as vectors and one graph, and as a study table; and how long
    that graph takes to build."""
    rows = []
    for gigabytes in MACHINES:
        room = gigabytes * 1e9 - RUNTIME
        n = room / (vector_bytes() + node_bytes())
        rows.append(
            {
                "gigabytes": gigabytes,
                "graph": n,
                "build": at(rates.build, n),
                "table": room / rates.table_bytes,
            }
        )
    return rows


def duration(seconds: float) -> str:
    """In the unit that keeps it short.

    >>> [duration(seconds) for seconds in (0.0421, 90, 7200, 864000, 1e9)]
    ['0.042 s', '90 s', '2.0 h', '10 d', '32 years']
    """
    for limit, unit, name in ((300, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h"), (6e7, 86_400, "d")):
        if seconds < limit:
            return f"{_short(seconds / unit)} {name}"
    return f"{_short(seconds / 31_557_600)} years"


def size(count: float) -> str:
    """Bytes in the unit that keeps them short.

    >>> [size(count) for count in (0, 5.3e7, 1.26e9, 2.9e12)]
    ['', '53 MB', '1.3 GB', '2.9 TB']
    """
    if not count:
        return ""
    for limit, unit, name in ((1e9, 1e6, "MB"), (1e12, 1e9, "GB"), (math.inf, 1e12, "TB")):
        if count < limit:
            return f"{_short(count / unit)} {name}"
    raise AssertionError


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}" if value < 1 else f"{value:.1f}"


def markdown(summary: dict[str, Any]) -> str:
    """Rates, a table of stages, and where one machine ends."""
    rates, cores, gpus = summary["rates"], summary["cores"], summary["gpus"]
    columns = {"films:": "{films:,}", "stage": "{stage}", "core time:": "{core}", "on cores:": "{used_cores}"}
    columns |= {"takes:": "{wall}", f"on {gpus} GPUs:": "{gpu}", "memory:": "{memory}", "disk:": "{disk}"}
    rows = []
    for row in summary["rows"]:
        gpu = duration(row["gpu"]) if isinstance(row["gpu"], float) else row["gpu"] or ""
        shown = {"memory": size(row["memory"]), "disk": size(row["disk"]), "gpu": gpu}
        rows.append({**row, **shown, "core": duration(row["core_seconds"]), "wall": duration(row["seconds"])})
    known = summary["gpu_films_per_second"]
    gpu = (
        "r, a GPU's films a second, is not measured."
        if known is None
        else f"A GPU: {known:g} films a second."
    )
    about = (
        f"Computed, not run. Rates, in core-seconds: a film's row {rates['table']:.2g}; a film of "
        f"{MEASURED_PIXELS} × {MEASURED_PIXELS} read and encoded {rates['encode']:.2g}, taken to grow with "
        f"the pixels to {PIXELS} × {PIXELS}; a graph n^{rates['build'][1]:.2f}; a query {rates['exact']:.2g} "
        f"for each film compared, or n^{rates['graph'][1]:.2f} in a graph; evaluation "
        f"n^{rates['evaluate'][1]:.2f}, but not less than its search. "
        f"{cores} cores are taken to be {cores} times as fast as one; a graph is built by one. {gpu}"
    )
    last = {"memory, GB:": "{gigabytes:,}", "films in one graph:": "{films}", "its build:": "{time}"}
    last |= {"films in one study table:": "{rows}"}
    shown_ends = [
        {
            **row,
            "films": f"{row['graph'] / 1e6:,.0f} million",
            "time": duration(row["build"]),
            "rows": f"{row['table'] / 1e6:,.0f} million",
        }
        for row in summary["ends"]
    ]
    where = (
        f"Where one machine ends: a film takes {vector_bytes()} bytes as a vector of {DIMENSIONS} and "
        f"{node_bytes():.0f} in a graph with M = {LINKS}, and {rates['table_bytes']:,.0f} in a study table."
    )
    return document(about, table(columns, rows), where, table(last, shown_ends))


if __name__ == "__main__":
    run(main)
