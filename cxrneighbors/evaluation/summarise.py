"""The dict behind overlap.json: a score table in figures, Holm's correction over all of them, settings.

`summarise` is pure: the same table and draws give the same figures.
"""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from cxrneighbors import __version__
from cxrneighbors.evaluation.breakdowns import finding_rows, view_rows
from cxrneighbors.evaluation.exchange_tests import (
    Draws,
    headline_test,
    lift_row,
    lift_test,
    permutation_row,
    unit_of,
)
from cxrneighbors.evaluation.expectation import random_histogram
from cxrneighbors.evaluation.films import MATCHINGS, Films
from cxrneighbors.evaluation.graph import Who
from cxrneighbors.evaluation.heterogeneity import heterogeneity_scores
from cxrneighbors.evaluation.retrieval import AP_DEPTH, retrieval_scores
from cxrneighbors.evaluation.score_table import ALL, ScoreTable
from cxrneighbors.index.filters import first_of_each
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.statistics.effects import effect_row
from cxrneighbors.statistics.holm import holm
from cxrneighbors.statistics.permutation import PermutationTest

HOLM = (
    "Holm over one family per question: methods times comparisons (uniform, view, view-sex-age), the random "
    "draws a family of their own; findings of all methods; views of all methods; paired comparisons"
)
LIBRARIES = ("numpy", "scipy", "pandas", "hnswlib")


def summarise(table: ScoreTable, draws: Draws, broken_down: bool = True) -> dict[str, Any]:
    """A method's row of `overlap.json`; `broken_down`: with a line for each finding and each view."""
    frame, k = table.frame[table.scored], table.question.k
    headline = headline_test(table, draws)
    row = _lift_row(table, ALL, table.scored, headline.test)
    tests = {name: row.pop(name) for name in ("permutation", "effect")}
    tests["matched"] = {matching: _matched_row(table, matching, draws) for matching in MATCHINGS}
    if table.question.include_same_patient:
        test = lift_test(table, ALL, draws, "patient", "by-patient")
        tests["permutation_by_patient"] = permutation_row(table, ALL, table.scored, test, "patient")
    ranked = table.graph.neighbors[table.scored][:, : max(k, AP_DEPTH)]
    relevant = table.shared[table.scored][:, : ranked.shape[1]] > 0
    row |= {
        "histogram": np.bincount(frame["hits"], minlength=k + 1),
        "random_histogram": random_histogram(
            frame["candidates"].to_numpy(), frame["overlapping"].to_numpy(), k
        ),
        "n_patients": frame["patient"].nunique(),
        "n_candidates": len(table.graph.pool),
        "n_left_out": table.graph.left_out,
        "tests": tests,
        "retrieval": retrieval_scores(relevant, ranked >= 0),
        "heterogeneity": heterogeneity_scores(table.films.labels.membership(), ranked[:, :k]),
        "repeated": {unit: repeated_share(table, unit) for unit in ("study", "patient")},
    }
    if broken_down:
        row |= {"per_finding": finding_rows(table, headline), "per_view": view_rows(table, headline)}
    return row


def repeated_share(table: ScoreTable, one_per: str) -> float:
    """Share of targets with two or more neighbours of one study or patient."""
    units = table.films.units(one_per)[table.nearest[table.scored]]
    return float(1 - first_of_each(units).all(axis=1).mean())


def _lift_row(table: ScoreTable, matching: str, chosen: np.ndarray, test: PermutationTest) -> dict[str, Any]:
    """Overlap, lift, interval and test of the `chosen` targets (bool (T,)) against chance."""
    frame, lift = table.frame[chosen], table.lift(matching)[chosen]
    return {
        "mean_overlap": frame["overlap"].mean(),
        "random_overlap": (frame["overlap"] - lift).mean(),
        "lift": lift.mean(),
        **lift_row(table.estimate(chosen, matching), test),
        "n_targets": len(frame),
        "permutation": permutation_row(table, matching, chosen, test, unit_of(table)),
        "effect": effect_row(lift),
    }


def _matched_row(table: ScoreTable, matching: str, draws: Draws) -> dict[str, Any]:
    """The same numbers against random choice within the target's stratum.

    Targets with fewer than K candidates in their stratum have no such choice and are left out of both sides.
    """
    chosen = table.enough(matching) & table.scored
    left_out = int((table.scored & ~table.enough(matching)).sum())
    if not chosen.any():
        return {"n_targets": 0, "n_left_out": left_out, "p_value": None}
    return _lift_row(table, matching, chosen, lift_test(table, matching, draws)) | {"n_left_out": left_out}


def adjust(summary: dict[str, Any], random: set[str]) -> None:
    """Fill in every `p_value_adjusted` of a summary, in place. `random`: names of the random draws."""
    methods = summary["methods"]
    for family in (set(methods) - random, set(methods) & random):
        chosen = [methods[name] for name in methods if name in family]
        matched = [test for row in chosen for test in row["tests"]["matched"].values()]
        _adjust_family(chosen + matched)
    for part in ("per_finding", "per_view"):
        _adjust_family([line for row in methods.values() for line in row.get(part, [])])
    _adjust_family(summary["comparisons"])


def settings_of(index: NeighborIndex, films: Films, who: Who, draws: Draws) -> dict[str, Any]:
    """What was run: seed, resampling, how the index was made, versions."""
    return {
        "seed": draws.seed,
        "n_permutations": draws.n_permutations,
        "intervals": "dyadic cluster-robust, patients as units (cxrneighbors.statistics.dyadic)",
        "n_images": len(index.studies),
        "n_labelled": int(films.labels.labelled.sum()),
        "n_findable": int(who.allowed.sum()),
        "findings": list(films.labels.names),
        "datasets": sorted({str(name) for name in index.studies["dataset"]}),
        "weights": dict(index.weights),
        "encoders": {
            modality: entry.get("encoder") for modality, entry in index.manifest.get("modalities", {}).items()
        },
        "holm": HOLM,
        "versions": {"python": platform.python_version(), "cxrneighbors": __version__}
        | {name: version(name) for name in LIBRARIES},
    }


def _adjust_family(tests: list[dict[str, Any]]) -> None:
    for test, p in zip(tests, holm([test.get("p_value") for test in tests]), strict=True):
        test["p_value_adjusted"] = float(p)
