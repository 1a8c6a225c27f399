"""Figure 5 over all 112,120 rows of ChestX-ray14: seconds, memory, and every permutation that was asked for.

Findings, patients and views are the published ones, vectors are drawn (60 dimensions): who is whose neighbour
does not change the cost. Index and evaluation run in a process of their own, so that the memory is theirs.
Beside it in the same run, what the package did before: the same permutation test written with NumPy, exchange
by exchange (`tests` compare both), on fewer exchanges, by the exchange.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fresh import fresh
from benchmarks.turns import exponent, ratio, settings, spread, take_turns
from common.markdown import document, table
from cxrneighbors.data.imports import import_dataset
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.evaluation.evaluate import evaluate_overlap
from cxrneighbors.evaluation.expectation import random_expectation
from cxrneighbors.evaluation.labels import encode_labels
from cxrneighbors.evaluation.permuted_lift import LiftStatistic
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.statistics.patients import patient_codes
from cxrneighbors.statistics.permutation import exchange_groups, exchanges

PERMUTATIONS, DIMENSIONS, K, FEW = 10_000, 60, 5, 20
SHARES = (0.125, 0.25, 0.5, 1.0)
LIMIT = "Before (another run, another load): 117 s with 999 permutations, most of it sorting distances."


def measure(given: Namespace) -> dict[str, Any]:
    """A row a share of the patients, and the permutations' ratio."""
    labels = given.data / "chestxray14-labels"
    rows = []
    for share in SHARES[:1] if given.small else SHARES:
        rows.append(fresh("benchmarks.evaluation", "once", str(labels), share))
    return settings(
        given,
        rows=rows,
        exponent=exponent([row["targets"] for row in rows], [row["evaluate_seconds"] for row in rows]),
        permutations=permutation_ratio(labels, SHARES[0] if given.small else 1.0, given.rounds),
        limit=LIMIT,
    )


def once(labels: str, share: float) -> dict[str, Any]:
    """Index and evaluate a share of the patients."""
    studies = import_dataset("chestxray14", labels, images="optional").studies
    patients = patient_codes(studies)
    studies = studies[patients < share * (patients.max() + 1)].reset_index(drop=True)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((len(studies), DIMENSIONS)) / np.sqrt(np.arange(1, DIMENSIONS + 1))
    embeddings = Embeddings.from_arrays(studies["image_id"].tolist(), vectors)
    started = time.perf_counter()
    index = NeighborIndex.build(embeddings, studies)
    built = time.perf_counter()
    result = evaluate_overlap(index, k=K, n_permutations=PERMUTATIONS)
    ended = time.perf_counter()
    image = result.summary["methods"]["image"]
    return {
        "targets": result.summary["n_targets"],
        "build_seconds": round(built - started, 1),
        "evaluate_seconds": round(ended - built, 1),
        "permutations": image["tests"]["permutation"]["n_permutations"],
        "matched": [test["permutation"]["n_permutations"] for test in image["tests"]["matched"].values()],
        "lift": image["lift"],
    }


def permutation_ratio(labels: Path, share: float, rounds: int) -> dict[str, float]:
    """How many times as long an exchange and its lift take, one by one, with NumPy."""
    studies = import_dataset("chestxray14", labels, images="optional").studies
    patients = patient_codes(studies)
    studies = studies[patients < share * (patients.max() + 1)]
    patients, masks = patient_codes(studies), encode_labels(studies["findings"]).masks
    n = len(masks)
    rng = np.random.default_rng(0)
    neighbors, expected = rng.integers(0, n, (n, K)), random_expectation(masks, patients, "any").mean
    groups = exchange_groups(patients, np.zeros(n, dtype=np.int64))
    everyone = np.ones((n, 1), dtype=bool)
    lift = LiftStatistic(masks, np.arange(n), neighbors, expected, np.ones(n, bool), everyone, "any")
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: lift(exchanges(groups, n, FEW, rng)),
        "NumPy": partial(by_numpy, groups, masks[:, 0].astype(np.uint16), neighbors, expected, rng),
    }
    return ratio(take_turns(ways, rounds), "NumPy", "ours")


def by_numpy(
    groups: list[np.ndarray],
    masks: np.ndarray,
    neighbors: np.ndarray,
    expected: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The mean lift of `FEW` exchanges, array by array."""
    lifts = np.empty(FEW)
    for place in range(FEW):
        source = np.arange(len(masks))
        for members in groups:
            source[members] = members[rng.permutation(len(members))]
        labels = masks[source]
        lifts[place] = ((labels[:, None] & labels[neighbors]) != 0).mean() - expected[source].mean()
    return lifts


def markdown(found: dict[str, Any]) -> str:
    """A row a size."""
    columns = {
        "targets:": "{targets:,}",
        "index, s:": "{build_seconds:g}",
        "evaluation, s:": "{evaluate_seconds:g}",
        "peak memory, GB:": "{peak_gb:g}",
        "permutations:": "{permutations:,}",
    }
    return document(
        "Figure 5 with its break-downs, matched comparisons, intervals and tests, one method, K = 5, a "
        f"patient counting once; {DIMENSIONS} dimensions.",
        table(columns, found["rows"]),
        f"Seconds grow with the number of targets to the power {found['exponent']}. Exchange and lift of one "
        f"permutation: NumPy takes {spread(found['permutations'])} times as long (one core each).",
        found["limit"],
    )
