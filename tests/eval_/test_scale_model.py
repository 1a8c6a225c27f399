"""The cost model on made-up rates against numbers worked out by hand, and a graph's bytes against hnswlib."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import hnswlib
import numpy as np
import pytest

import scale_model
from scale_model import Rates, ends, exact_of, fit_power, node_bytes, on_gpus, stages

RATES = Rates(
    table=0.001,
    table_bytes=2000,
    encode=0.01,
    build=(0.002, 1.5),
    exact=1e-8,
    graph=(1e-6, 0.5),
    evaluate=(0.01, 1.25),
    evaluate_bytes=5000,
)


def test_a_million_films_by_hand() -> None:
    rows = {row["stage"]: row for row in stages(1_000_000, RATES, cores=10)}
    core = {stage: row["core_seconds"] for stage, row in rows.items()}
    assert core == pytest.approx(
        {
            "import the table": 1000,
            "read and encode": 0.01 * (224 / 128) ** 2 * 1e6,  # 30,625
            "build one graph": 2e6,
            "1,000 queries, exact": 10,
            "1,000 queries, graph": 1,
            "every film, exact": 10_000,
            "every film, graph": 1000,
            "evaluate every film": 0.01 * 10**7.5,
        }
    )
    assert rows["read and encode"]["seconds"] == pytest.approx(3062.5)
    assert rows["build one graph"]["seconds"] == pytest.approx(2e6), "one thread builds it"
    assert rows["every film, exact"]["memory"] == pytest.approx(scale_model.RUNTIME + 240e6)
    assert rows["evaluate every film"]["memory"] == pytest.approx(scale_model.RUNTIME + 5e9)
    assert rows["read and encode"]["disk"] == pytest.approx(285e6)
    encode = rows["read and encode"]
    assert on_gpus(encode, 4, 500.0) == 500.0 and on_gpus(encode, 4, None) == "1,000,000 / (4 r)"
    assert on_gpus(rows["build one graph"], 4, 500.0) is None


def test_the_largest_gallery_of_the_search_benchmark_counts(tmp_path: Path) -> None:
    assert exact_of(tmp_path / "none.json") is None
    row = {"dimensions": 60, "question": "all films", "way": "ours"}
    rows = [row | {"rows": n, "batch_ms": {"seconds": n / 1e5}} for n in (1000, 2000)]
    rows += [row | {"rows": 9000, "way": "usearch", "batch_ms": {"seconds": 1.0}}]
    (tmp_path / "found.json").write_text(json.dumps({"rows": rows}))
    assert exact_of(tmp_path / "found.json") == pytest.approx(2 * 1e-8)


def test_an_evaluation_takes_no_less_than_its_search() -> None:
    rows = {row["stage"]: row["core_seconds"] for row in stages(10**9, RATES, cores=10)}
    assert rows["every film, graph"] == pytest.approx(10**9 * 1e-6 * 10**4.5)
    assert rows["evaluate every film"] == pytest.approx(0.01 * 10 ** (9 * 1.25))
    quick = replace(RATES, evaluate=(1e-9, 1.0))
    rows = {row["stage"]: row["core_seconds"] for row in stages(10**9, quick, cores=10)}
    assert rows["evaluate every film"] == rows["every film, graph"] < rows["every film, exact"]


def test_exponents_come_back() -> None:
    assert fit_power([10, 100, 1000], [3 * n**1.2 for n in (10, 100, 1000)]) == pytest.approx((3, 1.2))


def test_a_machine_ends_where_its_memory_does() -> None:
    first = ends(RATES)[0]
    assert first["graph"] * (240 + node_bytes()) == pytest.approx(64e9 - scale_model.RUNTIME)
    assert first["table"] * 2000 == pytest.approx(64e9 - scale_model.RUNTIME)


@pytest.mark.parametrize("dimensions", [60, 444])
def test_a_nodes_bytes_are_those_of_hnswlibs_file(dimensions: int, tmp_path: Path) -> None:
    """Its file holds what its memory does, but for the pointers."""
    padded = -(-dimensions // 16) * 16
    index = hnswlib.Index(space="l2", dim=padded)
    index.init_index(max_elements=2000, M=24, ef_construction=20, random_seed=0)
    index.add_items(np.random.default_rng(0).random((2000, padded), dtype=np.float32), num_threads=1)
    index.save_index(str(tmp_path / "graph"))
    assert (tmp_path / "graph").stat().st_size / 2000 == pytest.approx(node_bytes(dimensions), rel=0.02)


def test_it_runs_on_the_results_that_are_there(tmp_path: Path) -> None:
    results = Path(sys.modules["scale_model"].__file__ or "").parent / "results"
    for name in ("mimic_scale", "encoders", "search_benchmark", "benchmark-evaluation"):
        (tmp_path / f"{name}.json").write_bytes((results / f"{name}.json").read_bytes())
    scale_model.main(["--results", str(tmp_path), "--gpus", "2", "--gpu-films-per-second", "1000"])
    found = json.loads((tmp_path / "scale_model.json").read_text())
    assert [row["films"] for row in found["rows"][::8]] == [377_110, 10_000_000, 1_000_000_000]
    assert found["rows"][1]["gpu"] == pytest.approx(188.555)
    text = (tmp_path / "scale_model.md").read_text()
    assert "A GPU: 1000 films a second." in text and "| 189 s |" in text
