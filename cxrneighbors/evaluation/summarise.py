"""A score table in figures: overlap, lift with its interval, permutation tests, histograms, break-downs.

Pure: the same table and draws give the same figures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

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
from cxrneighbors.evaluation.films import MATCHINGS
from cxrneighbors.evaluation.heterogeneity import heterogeneity_scores
from cxrneighbors.evaluation.retrieval import AP_DEPTH, retrieval_scores
from cxrneighbors.evaluation.score_table import ALL, ScoreTable
from cxrneighbors.statistics.effects import effect_row
from cxrneighbors.statistics.permutation import PermutationTest


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
    }
    if broken_down:
        row |= {"per_finding": finding_rows(table, headline), "per_view": view_rows(table, headline)}
    return row


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
